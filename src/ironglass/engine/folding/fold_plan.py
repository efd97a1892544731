"""Foldable pairs of convolution and batch-norm, found by observing one forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ironglass.engine.kernels.dense_matrix import is_faster_than_conv
from ironglass.models.classifier import Classifier
from ironglass.types import Logits

MAX_CACHED_PARAMETERS = 2**25
"""Parameters of a network, at most, whose folded weights are kept from one call to the next."""


@dataclass(frozen=True)
class FoldPlan:
    """Parts of a network that can be exchanged.

    convolutions: each with the batch-norm that becomes part of it; without one only its layout changes.
    tiny: those whose maps are so small that a matrix product is cheaper.
    small: the network is, so that its weights are kept.
    out_of_place_activations: in-place activations that may write to a new tensor, since nobody reads the old one.
    """

    convolutions: tuple[tuple[nn.Conv2d, nn.BatchNorm2d | None], ...] = ()
    tiny: frozenset[nn.Conv2d] = frozenset()
    small: bool = False
    out_of_place_activations: bool = False

    @property
    def pairs(self) -> list[nn.Conv2d]:
        """The convolutions that take up a batch-norm."""
        return [conv for conv, norm in self.convolutions if norm is not None]


def watch(classifier: Classifier, images: Tensor) -> tuple[FoldPlan, Logits]:
    """Candidates for an exchange, from a forward pass of two images, and their logits. Whether it may be is yet to be
    tried."""
    calls: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {}
    handles = [
        module.register_forward_hook(
            lambda module, given, out: calls.setdefault(module, []).append((given[0], out)) and None
        )
        for module in classifier.network.modules()
        if plain_convolution(module) or _foldable(module)
    ]
    try:
        with _Readers() as readers:
            logits = classifier(images)
    finally:
        for handle in handles:
            handle.remove()
    # a module that runs twice has two places, and its weights can serve only one
    once = {module: seen[0] for module, seen in calls.items() if len(seen) == 1}
    behind = {id(seen[0]): module for module, seen in once.items() if isinstance(module, nn.BatchNorm2d)}
    convs = [module for module in once if isinstance(module, nn.Conv2d)]
    return FoldPlan(
        convolutions=tuple(
            (conv, behind.get(id(once[conv][1])) if readers.count(once[conv][1]) == 1 else None) for conv in convs
        ),
        tiny=frozenset(conv for conv in convs if is_faster_than_conv(conv, once[conv][0], once[conv][1])),
        small=sum(parameter.numel() for parameter in classifier.parameters()) <= MAX_CACHED_PARAMETERS,
    ), logits


class _Readers(TorchFunctionMode):
    """Counts the calls that make a tensor of each tensor. All are kept until the end, so that no identity recurs.

    Not TorchDispatchMode, which would see more, but takes seconds to load. What a call hides from this one, a scripted
    function for instance, the comparison of the logits shows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[int, int] = {}
        self.kept: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if any(isinstance(leaf, Tensor) for leaf in _leaves(out)):  # not a question of its shape
            for which in {id(leaf) for leaf in _leaves((args, kwargs)) if isinstance(leaf, Tensor)}:
                self.read[which] = self.read.get(which, 0) + 1
            self.kept.append((args, kwargs, out))
        return out

    def count(self, tensor: Tensor) -> int:
        return self.read.get(id(tensor), 0)


def _leaves(given: Any) -> Iterator[Any]:
    if isinstance(given, list | tuple):
        for part in given:
            yield from _leaves(part)
    elif isinstance(given, dict):
        yield from _leaves(list(given.values()))
    else:
        yield given


def plain_convolution(module: nn.Module) -> bool:
    """Returns whether it is a convolution as torch wrote it: a subclass may do something of its own to its weights."""
    return type(module) is nn.Conv2d and module.weight.dtype == torch.float32 and not hooked(module)


def _foldable(module: nn.Module) -> bool:
    known = type(module) is nn.BatchNorm2d or type(module).__name__ == "BatchNormAct2d"
    return known and getattr(module, "running_mean", None) is not None and not hooked(module)


def hooked(module: nn.Module) -> bool:
    """Returns whether someone looks at the module's output or has exchanged its code: then it must stay what it is."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return any(hooks) or "forward" in vars(module)
