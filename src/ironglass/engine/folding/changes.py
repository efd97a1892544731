"""The changes that `folded` makes in a network, applied and reverted as often as needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from ironglass.engine.folding.call_trace import Trace
from ironglass.engine.folding.fold_plan import FoldPlan, hooked
from ironglass.engine.folding.fold_weights import FoldedWeights, weights_of
from ironglass.engine.folding.fused_block import FusedBlock, is_free
from ironglass.engine.folding.guard import Guard
from ironglass.engine.kernels.clamp import clamp_in_place, is_clamp
from ironglass.engine.kernels.conv3x3 import is_three_by_three, three_by_three_convolution
from ironglass.engine.kernels.dense_matrix import tiny_map_convolution
from ironglass.engine.kernels.pointwise import is_one_by_one, one_by_one_convolution
from ironglass.engine.kernels.strided_stem import few_channel_convolution, strides_over_few_channels

Convolution: TypeAlias = tuple[nn.Conv2d, nn.BatchNorm2d | None, FoldedWeights]
"""A convolution to be replaced, the batch-norm folded into it, and the folded weights."""


class Changes:
    """Replacements of a network's convolutions and batch-norms, and in-place activations switched to out-of-place.

    Nothing is changed until `apply`.

    guard: if set, called with the outputs of the replaced layers.
    switched: the activations.
    clamps: activations that stay in place, without the copy of their input that autograd takes.
    """

    def __init__(self, plan: FoldPlan, device: torch.device) -> None:
        self.guard: Guard | None = None
        self.switched: list[nn.Module] = []
        self.clamps: list[nn.Module] = []
        self.values = 0
        """Numbers of a row of logits, whose clamp an attack looks behind: that one keeps its input."""
        self._plan, self._device = plan, device
        with torch.inference_mode(False), torch.no_grad():
            self._convolutions = [self._with_folded_norm(conv, norm) for conv, norm in plan.convolutions]
        self._forwards: list[tuple[nn.Module, Callable[[Tensor], Tensor]]] | None = None
        self._before: list[tuple[nn.Conv2d, nn.Parameter | None, nn.Parameter | None]] | None = None

    @property
    def weights(self) -> list[Tensor]:
        """Weights and biases of convolutions with a folded batch-norm."""
        pairs = [folded for _, norm, folded in self._convolutions if norm is not None]
        return [tensor for folded in pairs for tensor in (folded.weight, folded.bias) if tensor is not None]

    def __bool__(self) -> bool:
        """Returns whether there is anything to change."""
        return bool(self._convolutions or self.switched)

    def take_clamps(self, values: int) -> None:
        """Takes from the switched activations those that need no copy of their input. values: numbers of a row of
        logits."""
        self.values = values
        self.clamps = [module for module in self.switched if is_clamp(module) and not hooked(module)]
        self.switched = [module for module in self.switched if module not in self.clamps]

    def apply(self) -> None:
        """Changes the network."""
        if self._before is not None:
            return
        self._before = [
            (conv, conv._parameters["weight"], conv._parameters["bias"]) for conv, _, _ in self._convolutions
        ]
        for conv, _, folded in self._convolutions:
            conv._parameters["weight"], conv._parameters["bias"] = folded.weight, folded.bias
        if self._forwards is None:  # built from the current weights
            with torch.inference_mode(False), torch.no_grad():
                free = [block for block in self._plan.blocks if self._device.type == "cpu" and is_free(block)]
                self._forwards = [pair for entry in self._convolutions for pair in self._replacements(*entry)]
            self._forwards += [(block, FusedBlock(block, self.trace)) for block in free]
            self._forwards += [(module, InPlaceClamp(module, self)) for module in self.clamps]
        for module, forward in self._forwards:
            module.forward = forward
        for module in self.switched:
            vars(module)["inplace"] = False

    def revert(self) -> None:
        """Changes the network back."""
        before, self._before = self._before, None
        if before is None:
            return
        for module in self.switched:
            vars(module)["inplace"] = True
        for module, _ in self._forwards or ():
            vars(module).pop("forward", None)
        for conv, weight, bias in before:
            conv._parameters["weight"], conv._parameters["bias"] = weight, bias

    def switch(self, modules: list[nn.Module]) -> None:
        """Switches more activations to out-of-place, at once if the changes are applied."""
        self.switched += modules
        if self._before is not None:
            for module in modules:
                vars(module)["inplace"] = False

    def switch_back(self, modules: list[nn.Module]) -> None:
        """Undoes `switch` of these modules, the last that were switched."""
        del self.switched[len(self.switched) - len(modules) :]
        for module in modules:
            vars(module)["inplace"] = True

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the network is changed."""
        try:
            self.apply()
            yield
        finally:
            self.revert()

    def trace(self) -> Trace | None:
        """The trace of the pass at hand, if any."""
        return self.guard.trace if self.guard is not None else None

    def _with_folded_norm(self, conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> Convolution:
        foldable = None if norm is None or hooked(conv) or hooked(norm) else norm
        return conv, foldable, weights_of(conv, foldable, cache=self._plan.small and self._device.type == "cpu")

    def _replacements(
        self, conv: nn.Conv2d, norm: nn.BatchNorm2d | None, folded: FoldedWeights
    ) -> Iterator[tuple[nn.Module, Callable[[Tensor], Tensor]]]:
        forward = None if self._device.type != "cpu" or hooked(conv) else self._faster(conv, folded)
        if norm is not None and folded.shift is not None:
            yield norm, FoldedNorm(norm, folded.shift, self)
            forward = forward or conv.forward
        if forward is not None:
            yield conv, ReplacedConvolution(conv, norm, forward, self)

    def _faster(self, conv: nn.Conv2d, folded: FoldedWeights) -> Callable[[Tensor], Tensor] | None:
        """A faster implementation with the current weights; None where there is none."""
        if conv in self._plan.tiny:
            small = is_three_by_three(conv) and self._plan.small
            fallback = three_by_three_convolution(conv, folded.matrices) if small else conv.forward
            return tiny_map_convolution(conv, folded.matrices, fallback)
        if strides_over_few_channels(conv):
            return few_channel_convolution(conv)
        if is_one_by_one(conv):
            return one_by_one_convolution(conv)
        if self._plan.small and is_three_by_three(conv):
            return three_by_three_convolution(conv, folded.matrices)
        return None


@dataclass(frozen=True)
class ReplacedConvolution:
    """A convolution with another implementation, whose outputs the guard records."""

    conv: nn.Conv2d
    norm: nn.Module | None
    forward: Callable[[Tensor], Tensor]
    changes: Changes

    def __call__(self, x: Tensor) -> Tensor:
        """The convolution's output for its input."""
        guard = self.changes.guard
        if guard is None:
            return self.forward(x)
        trace = guard.trace
        if trace is None or trace.muted:
            out = self.forward(x)
        else:  # one call, however many it takes for a batch of this size
            out = trace.untraced(self.forward, x)
            trace.record(self.conv, (x,), None, out)
        if self.norm is not None:
            guard.record_convolution(self.conv, self.norm, out)
        return out


@dataclass(frozen=True)
class InPlaceClamp:
    """An in-place activation of bounds alone, such as ReLU6; torch's own, out of place, where it was switched to
    that or may be the last of the network."""

    module: Any
    changes: Changes

    def __call__(self, x: Tensor) -> Tensor:
        """The activation's output, in the memory of its input."""
        if not self.module.inplace or x.numel() == len(x) * self.changes.values:
            return nn.functional.hardtanh(x, self.module.min_val, self.module.max_val)
        trace = self.changes.trace()
        if trace is None or trace.muted:
            return clamp_in_place(x, self.module.min_val, self.module.max_val)
        trace.record(self.module, (x,), None, x)
        return trace.untraced(lambda x: clamp_in_place(x, self.module.min_val, self.module.max_val), x)


@dataclass(frozen=True)
class FoldedNorm:
    """Remainder of a batch-norm folded into a convolution: the identity, or, for timm's, its activation.

    shift: the batch-norm's output for 0, (c,).
    """

    norm: Any
    shift: Tensor
    changes: Changes

    def __call__(self, x: Tensor) -> Tensor:
        """The batch-norm's output for that of its convolution."""
        if self.changes.guard is not None:
            self.changes.guard.record_norm_input(self.norm, x)
        return x if type(self.norm) is nn.BatchNorm2d else self.norm.act(self.norm.drop(x))
