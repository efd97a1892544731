"""Foldable pairs of convolution and batch-norm, found by observing one forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ironglass.engine.kernels.convnext_block import is_convnext_block
from ironglass.engine.kernels.dense_matrix import is_faster_than_conv
from ironglass.models.classifier import Classifier
from ironglass.types import Logits

MAX_CACHED_PARAMETERS = 2**25
"""Largest number of parameters of a network whose folded weights are cached between calls."""


@dataclass(frozen=True)
class FoldPlan:
    """Parts of a network that can be replaced.

    convolutions: each with the batch-norm to fold into it, or None, when only its memory layout changes.
    tiny: convolutions over maps so small that a matrix product is cheaper.
    blocks: whole blocks computed as one step.
    small: True if the network is small enough to cache its folded weights.
    out_of_place_activations: True if in-place activations may write to a new tensor, since nothing reads the old one.
    """

    convolutions: tuple[tuple[nn.Conv2d, nn.BatchNorm2d | None], ...] = ()
    tiny: frozenset[nn.Conv2d] = frozenset()
    blocks: tuple[nn.Module, ...] = ()
    small: bool = False
    out_of_place_activations: bool = False

    @property
    def pairs(self) -> list[nn.Conv2d]:
        """Convolutions with a batch-norm to fold."""
        return [conv for conv, norm in self.convolutions if norm is not None]


def find_candidates(classifier: Classifier, images: Tensor) -> tuple[FoldPlan, Logits]:
    """An untested plan from a forward pass of two images, and their logits."""
    calls: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {}
    handles = [
        module.register_forward_hook(
            lambda module, inputs, out: calls.setdefault(module, []).append((inputs[0], out)) and None
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
    # a module that runs twice has two batch-norms, and its weights can be folded with one only
    once = {module: passes[0] for module, passes in calls.items() if len(passes) == 1}
    norm_by_input = {id(passes[0]): module for module, passes in once.items() if isinstance(module, nn.BatchNorm2d)}
    convs = [module for module in once if isinstance(module, nn.Conv2d)]
    return FoldPlan(
        convolutions=tuple(
            (conv, norm_by_input.get(id(once[conv][1])) if readers.count(once[conv][1]) == 1 else None)
            for conv in convs
        ),
        tiny=frozenset(conv for conv in convs if is_faster_than_conv(conv, once[conv][0], once[conv][1])),
        blocks=tuple(module for module in classifier.network.modules() if is_convnext_block(module)),
        small=sum(parameter.numel() for parameter in classifier.parameters()) <= MAX_CACHED_PARAMETERS,
    ), logits


class _Readers(TorchFunctionMode):
    """Counts for each tensor the calls that make another tensor from it. All tensors are kept, so that no id recurs.

    Not TorchDispatchMode, which would record more, but takes seconds to load. The comparison of the logits covers calls
    that this one cannot record, as inside a scripted function.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[int, int] = {}
        self.alive: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if any(isinstance(leaf, Tensor) for leaf in _leaves(out)):  # not a query of its shape
            for tensor_id in {id(leaf) for leaf in _leaves((args, kwargs)) if isinstance(leaf, Tensor)}:
                self.counts[tensor_id] = self.counts.get(tensor_id, 0) + 1
            self.alive.append((args, kwargs, out))
        return out

    def count(self, tensor: Tensor) -> int:
        return self.counts.get(id(tensor), 0)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    elif isinstance(value, dict):
        yield from _leaves(list(value.values()))
    else:
        yield value


def plain_convolution(module: nn.Module) -> bool:
    """Returns whether the module is exactly torch's convolution: a subclass may transform its weights."""
    return type(module) is nn.Conv2d and module.weight.dtype == torch.float32 and not hooked(module)


def _foldable(module: nn.Module) -> bool:
    is_norm = type(module) is nn.BatchNorm2d or type(module).__name__ == "BatchNormAct2d"
    return is_norm and getattr(module, "running_mean", None) is not None and not hooked(module)


def hooked(module: nn.Module) -> bool:
    """Returns whether the module has hooks or a replaced `forward`: then it must not be changed."""
    return has_hooks(module) or "forward" in vars(module)


def has_hooks(module: nn.Module) -> bool:
    """Returns whether the module has hooks."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return any(hooks)
