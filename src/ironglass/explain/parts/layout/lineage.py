"""Tracing of tensors that share their axes in a forward pass, because one was computed position-wise from the other."""

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
"""Functions that leave every position where it is."""
MAPS = frozenset(_OF_MAPS.split())
"""Functions of maps that keep the order of rows and of columns, not their number."""
CUTTING = frozenset(_CUTTING.split())
"""Functions that may concatenate channels, or select some of them."""
TURNING = frozenset(_TURNING.split())
"""Functions that permute the axes; "get" is the name of properties like `mT`."""
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)
"""Distinct lengths by which axes are identified after a permutation."""


Axes = tuple[int, ...]


class Lineage(TorchFunctionMode):
    """Inside: records for every tensor which others share its axes, and in which order.

    Two tensors of one shape that are added are assumed to share their axes, so that a whole residual stream does. Keeps
    a reference to every tensor.
    """

    image: Tensor | None = None
    """The input image, (n, c, h, w), if any; channels of tensors with its axes may also be concatenated or split."""

    def __init__(self) -> None:
        super().__init__()
        self._alive: dict[int, Tensor] = {}
        # tensor id to the id of another tensor with its axes, and the index of its own axis for each of the other's
        self._parent: dict[int, tuple[int, Axes]] = {}
        self._new: dict[int, frozenset[int]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", "").strip("_")
        output = result[0] if isinstance(result, tuple) and result else result
        if not isinstance(output, Tensor) or not 1 < output.ndim <= len(PRIMES):
            return result
        inputs = [tensor for tensor in _tensors((args, kwargs)) if tensor.ndim == output.ndim]
        identity = tuple(range(output.ndim))
        if name in PLACEWISE:
            self._join(output, [tensor for tensor in inputs if tensor.shape == output.shape], identity)
        elif name in MAPS and output.ndim == 4:
            self._join(output, inputs[:1], identity)
        elif name == "linear" and inputs and inputs[0].shape[:-1] == output.shape[:-1]:
            self._join(output, inputs[:1], identity)
            if inputs[0].shape[-1] != output.shape[-1]:
                self._new[id(output)] = self.new_axes(output) | {output.ndim - 1}
        elif name in CUTTING and self.image is not None:
            for tensor in _tensors((result,)):
                if tensor.ndim == 4 and self._differ_in_channels(tensor, inputs) and _cuts(name, args):
                    self._join(tensor, inputs, identity)
        elif name in TURNING and inputs and (order := _order(func, inputs[0], args, kwargs)) is not None:
            self._join(output, inputs[:1], order)
        return result

    def root_of(self, tensor: Tensor) -> tuple[int, Axes]:
        """The root id that tensors with the same axes share, and the index of this tensor's axis for each of its."""
        self._alive[id(tensor)] = tensor
        return self._root(id(tensor))

    def new_axes(self, tensor: Tensor) -> frozenset[int]:
        """The axes that a linear layer has mapped to another length."""
        return self._new.get(id(tensor), frozenset())

    def _differ_in_channels(self, output: Tensor, sources: list[Tensor]) -> bool:
        """Returns whether all sources have the image's axes in one order, and the result another number of channels at
        most."""
        if self.image is None or not sources or any(id(source) not in self._alive for source in sources):
            return False
        image_root, image_axes = self.root_of(self.image)
        roots = {self._root(id(source)) for source in sources}
        root, axes = roots.pop()
        others = [axis for axis in range(4) if axis != axes[image_axes.index(1)]]
        equal = all(output.shape[axis] == source.shape[axis] for source in sources for axis in others)
        return not roots and root == image_root and equal

    def _join(self, output: Tensor, sources: list[Tensor], order: Axes) -> None:
        """Records that `output` shares its axes with the sources. order: its axis for each axis of the sources."""
        self._alive[id(output)] = output
        new = [frozenset(order[axis] for axis in self.new_axes(source)) for source in sources]
        for source in sources:
            self._alive[id(source)] = source
            (root, above), (top, axes_here) = self._root(id(source)), self._root(id(output))
            if root != top:  # root's axis → source's → made's → top's
                up = _inverse(axes_here)
                self._parent[top] = root, tuple(up[order[axis]] for axis in above)
        if sources:
            self._new[id(output)] = frozenset.intersection(*new)

    def _root(self, number: int) -> tuple[int, Axes]:
        identity = tuple(range(self._alive[number].ndim))
        above, parent_axes = self._parent.setdefault(number, (number, identity))
        if above == number:
            return number, identity
        root, axes = self._root(above)
        self._parent[number] = root, tuple(parent_axes[axis] for axis in axes)
        return self._parent[number]


def _cuts(name: str, args: Any) -> bool:
    """Returns whether an index selects in order, by slices alone."""
    index = args[1] if name == "getitem" else ()
    index = index if isinstance(index, tuple) else (index,)
    return all(entry is None or entry is ... or isinstance(entry, int | slice) for entry in index)


def _inverse(order: Axes) -> Axes:
    return tuple(order.index(axis) for axis in range(len(order)))


def _order(func: Any, source: Tensor, args: Any, kwargs: Any) -> Axes | None:
    """The result's axis for each axis of the source; None where the function does more than permute."""
    stand_in = torch.empty(PRIMES[: source.ndim], device="meta")
    if not args or args[0] is not source:
        return None
    turned = func(stand_in, *args[1:], **kwargs)
    if not isinstance(turned, Tensor) or sorted(turned.shape) != list(stand_in.shape):
        return None
    return tuple(tuple(turned.shape).index(length) for length in stand_in.shape)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _tensors(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _tensors(entry)
