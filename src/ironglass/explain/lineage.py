"""Which tensors of a forward pass have the same axes, because one was made from the other place by place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
PLACEWISE = frozenset((_ELEMENTWISE + _NORMALISING).split())
"""Functions that leave every place where it is."""
MAPS = frozenset(_OF_MAPS.split())
"""Functions of maps that keep the order of rows and of columns, not their number."""


class Lineage(TorchFunctionMode):
    """Inside: notes of every tensor which others have the same axes in the same order.

    Two tensors of one shape that are added are taken to have the same axes, so that all of a residual stream has. Keeps
    every tensor that it has seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[int, Tensor] = {}
        self._parent: dict[int, int] = {}
        self._mixed: set[int] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").strip("_")
        first = result[0] if isinstance(result, tuple) and result else result
        if isinstance(first, Tensor) and first.ndim > 1:
            given = [one for one in _tensors((args, kwargs or {})) if one.ndim == first.ndim]
            if name in PLACEWISE:
                self._join(first, [one for one in given if one.shape == first.shape])
            elif name in MAPS and first.ndim == 4:
                self._join(first, given[:1])
            elif name == "linear":
                self._join(first, [one for one in given[:1] if one.shape[:-1] == first.shape[:-1]])
                if given and given[0].shape[-1] != first.shape[-1]:
                    self._mixed.add(id(first))
        return result

    def same_axes(self, tensor: Tensor) -> int:
        """A number that tensors with the same axes share."""
        self._kept[id(tensor)] = tensor
        return self._root(id(tensor))

    def last_is_new(self, tensor: Tensor) -> bool:
        """Whether a linear layer has put another number of entries in the place of the last axis."""
        return id(tensor) in self._mixed

    def _join(self, made: Tensor, sources: list[Tensor]) -> None:
        self._kept[id(made)] = made
        new = [id(one) in self._mixed for one in sources]
        for source in sources:
            self._kept[id(source)] = source
            self._parent[self._root(id(source))] = self._root(id(made))
        if new and all(new):
            self._mixed.add(id(made))

    def _root(self, which: int) -> int:
        while (above := self._parent.setdefault(which, which)) != which:
            self._parent[which] = which = self._parent[above]
        return which


def _tensors(given: Any) -> Iterator[Tensor]:
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, dict):
        for one in given.values():
            yield from _tensors(one)
    elif isinstance(given, list | tuple):
        for one in given:
            yield from _tensors(one)
