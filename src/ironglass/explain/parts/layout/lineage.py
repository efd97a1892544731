"""Which tensors of a forward pass have the same axes, because one was made from the other place by place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_ELEMENTWISE = """
add iadd radd sub isub rsub mul imul rmul div truediv itruediv pow square sqrt rsqrt exp log abs neg clamp clamp_min
clamp_max maximum minimum addcmul lerp where relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish sigmoid
logsigmoid hardsigmoid hardswish hardtanh tanh softplus softsign threshold dropout dropout2d feature_dropout
alpha_dropout clone contiguous to float half bfloat16 double type type_as detach view_as softmax log_softmax
"""
_NORMALISING = "batch_norm instance_norm group_norm layer_norm rms_norm local_response_norm normalize"
_OF_MAPS = """
conv2d conv_transpose2d max_pool2d avg_pool2d lp_pool2d adaptive_avg_pool2d adaptive_max_pool2d interpolate
upsample upsample_nearest2d upsample_bilinear2d pixel_shuffle pixel_unshuffle pad
"""
_TURNING = "permute transpose swapaxes swapdims movedim moveaxis t adjoint get"
_CUTTING = "cat concat concatenate split split_with_sizes chunk tensor_split narrow getitem"
PLACEWISE = frozenset((_ELEMENTWISE + _NORMALISING).split())
"""Functions that leave every place where it is."""
MAPS = frozenset(_OF_MAPS.split())
"""Functions of maps that keep the order of rows and of columns, not their number."""
CUTTING = frozenset(_CUTTING.split())
"""Functions that may put channels together, or take some of them."""
TURNING = frozenset(_TURNING.split())
"""Functions that give the axes another order; "get" is what properties like `mT` are called."""
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)
"""Lengths of axes by which they are told apart."""


Axes = tuple[int, ...]


class Lineage(TorchFunctionMode):
    """Inside: notes of every tensor which others have the same axes, in which order.

    Two tensors of one shape that are added are taken to have the same axes, so that all of a residual stream has. Keeps
    every tensor that it has seen.
    """

    image: Tensor | None = None
    """Where it is given, (n, c, h, w), channels of what has its axes may also be put together or taken apart."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[int, Tensor] = {}
        # of each tensor another of its kin, and which of its own axes each of the other's is
        self._parent: dict[int, tuple[int, Axes]] = {}
        self._new: dict[int, frozenset[int]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", "").strip("_")
        made = result[0] if isinstance(result, tuple) and result else result
        if not isinstance(made, Tensor) or not 1 < made.ndim <= len(PRIMES):
            return result
        given = [one for one in _tensors((args, kwargs)) if one.ndim == made.ndim]
        same = tuple(range(made.ndim))
        if name in PLACEWISE:
            self._join(made, [one for one in given if one.shape == made.shape], same)
        elif name in MAPS and made.ndim == 4:
            self._join(made, given[:1], same)
        elif name == "linear" and given and given[0].shape[:-1] == made.shape[:-1]:
            self._join(made, given[:1], same)
            if given[0].shape[-1] != made.shape[-1]:
                self._new[id(made)] = self.new_axes(made) | {made.ndim - 1}
        elif name in CUTTING and self.image is not None:
            for one in _tensors((result,)):
                if one.ndim == 4 and self._differ_in_channels(one, given) and _cuts(name, args):
                    self._join(one, given, same)
        elif name in TURNING and given and (order := _order(func, given[0], args, kwargs)) is not None:
            self._join(made, given[:1], order)
        return result

    def kin(self, tensor: Tensor) -> tuple[int, Axes]:
        """A number that tensors with the same axes share, and which axis of this one each of theirs is."""
        self._kept[id(tensor)] = tensor
        return self._root(id(tensor))

    def new_axes(self, tensor: Tensor) -> frozenset[int]:
        """The axes whose entries a linear layer has replaced by another number of others."""
        return self._new.get(id(tensor), frozenset())

    def _differ_in_channels(self, made: Tensor, sources: list[Tensor]) -> bool:
        """Returns whether all sources have the image's axes in one order, and the result another number of channels at
        most."""
        if self.image is None or not sources or any(id(one) not in self._kept for one in sources):
            return False
        of_image, whole = self.kin(self.image)
        roots = {self._root(id(one)) for one in sources}
        root, axes = roots.pop()
        others = [axis for axis in range(4) if axis != axes[whole.index(1)]]
        alike = all(made.shape[axis] == one.shape[axis] for one in sources for axis in others)
        return not roots and root == of_image and alike

    def _join(self, made: Tensor, sources: list[Tensor], order: Axes) -> None:
        """order: which axis of `made` each axis of the sources is."""
        self._kept[id(made)] = made
        new = [frozenset(order[axis] for axis in self.new_axes(one)) for one in sources]
        for source in sources:
            self._kept[id(source)] = source
            (root, above), (top, here) = self._root(id(source)), self._root(id(made))
            if root != top:  # root's axis → source's → made's → top's
                up = _inverse(here)
                self._parent[top] = root, tuple(up[order[axis]] for axis in above)
        if sources:
            self._new[id(made)] = frozenset.intersection(*new)

    def _root(self, which: int) -> tuple[int, Axes]:
        same = tuple(range(self._kept[which].ndim))
        above, own = self._parent.setdefault(which, (which, same))
        if above == which:
            return which, same
        root, axes = self._root(above)
        self._parent[which] = root, tuple(own[axis] for axis in axes)
        return self._parent[which]


def _cuts(name: str, args: Any) -> bool:
    """Returns whether what is taken out by an index is taken in order, by slices alone."""
    index = args[1] if name == "getitem" else ()
    index = index if isinstance(index, tuple) else (index,)
    return all(one is None or one is ... or isinstance(one, int | slice) for one in index)


def _inverse(order: Axes) -> Axes:
    return tuple(order.index(axis) for axis in range(len(order)))


def _order(func: Any, source: Tensor, args: Any, kwargs: Any) -> Axes | None:
    """Which axis of the result each axis of the source becomes; None where the function does something else."""
    stand_in = torch.empty(PRIMES[: source.ndim], device="meta")
    if not args or args[0] is not source:
        return None
    turned = func(stand_in, *args[1:], **kwargs)
    if not isinstance(turned, Tensor) or sorted(turned.shape) != list(stand_in.shape):
        return None
    return tuple(tuple(turned.shape).index(length) for length in stand_in.shape)


def _tensors(given: Any) -> Iterator[Tensor]:
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, dict):
        for one in given.values():
            yield from _tensors(one)
    elif isinstance(given, list | tuple):
        for one in given:
            yield from _tensors(one)
