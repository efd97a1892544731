"""The changes that `folded` makes in a network, made and unmade as often as needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from ironglass.engine.folding.fold_plan import FoldPlan, hooked
from ironglass.engine.folding.fold_weights import FoldedWeights, weights_of
from ironglass.engine.folding.guard import Guard
from ironglass.engine.kernels.conv3x3 import is_three_by_three, three_by_three_convolution
from ironglass.engine.kernels.dense_matrix import tiny_map_convolution
from ironglass.engine.kernels.pointwise import is_one_by_one, one_by_one_convolution
from ironglass.engine.kernels.strided_stem import few_channel_convolution, strides_over_few_channels

Convolution: TypeAlias = tuple[nn.Conv2d, nn.BatchNorm2d | None, FoldedWeights]
"""One to be exchanged, the batch-norm that it takes up, and its weights then."""


class Changes:
    """A network's convolutions and batch-norms exchanged, and in-place activations told to work beside their input.

    Nothing is changed until `apply`.

    guard: is shown what passes through the exchanged layers, while there is one. switched: the activations.
    """

    def __init__(self, plan: FoldPlan, device: torch.device) -> None:
        self.guard: Guard | None = None
        self.switched: list[nn.Module] = []
        self._plan, self._device = plan, device
        with torch.inference_mode(False), torch.no_grad():
            self._convolutions = [self._taken_up(conv, norm) for conv, norm in plan.convolutions]
        self._forwards: list[tuple[nn.Module, Callable[[Tensor], Tensor]]] | None = None
        self._before: list[tuple[nn.Conv2d, nn.Parameter | None, nn.Parameter | None]] | None = None

    @property
    def weights(self) -> list[Tensor]:
        """Weights and biases of convolutions that have taken up a batch-norm."""
        pairs = [made for _, norm, made in self._convolutions if norm is not None]
        return [tensor for made in pairs for tensor in (made.weight, made.bias) if tensor is not None]

    def __bool__(self) -> bool:
        """Returns whether there is anything to change."""
        return bool(self._convolutions or self.switched)

    def apply(self) -> None:
        """Changes the network."""
        if self._before is not None:
            return
        self._before = [
            (conv, conv._parameters["weight"], conv._parameters["bias"]) for conv, _, _ in self._convolutions
        ]
        for conv, _, made in self._convolutions:
            conv._parameters["weight"], conv._parameters["bias"] = made.weight, made.bias
        if self._forwards is None:  # built of the weights that are there now
            with torch.inference_mode(False), torch.no_grad():
                self._forwards = [pair for one in self._convolutions for pair in self._exchanged(*one)]
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
        """Tells more activations to work beside their input, whether or not the network is changed."""
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

    def _taken_up(self, conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> Convolution:
        behind = None if norm is None or hooked(conv) or hooked(norm) else norm
        return conv, behind, weights_of(conv, behind, keep=self._plan.small and self._device.type == "cpu")

    def _exchanged(
        self, conv: nn.Conv2d, norm: nn.BatchNorm2d | None, made: FoldedWeights
    ) -> Iterator[tuple[nn.Module, Callable[[Tensor], Tensor]]]:
        forward = None if self._device.type != "cpu" or hooked(conv) else self._faster(conv, made)
        if norm is not None and made.shift is not None:
            yield norm, Behind(norm, made.shift, self)
            forward = forward or conv.forward
        if forward is not None:
            yield conv, Exchanged(conv, norm, forward, self)

    def _faster(self, conv: nn.Conv2d, made: FoldedWeights) -> Callable[[Tensor], Tensor] | None:
        """A faster way to convolve with the weights it has now; None where there is none."""
        if conv in self._plan.tiny:
            return tiny_map_convolution(conv, made.matrices)
        if strides_over_few_channels(conv):
            return few_channel_convolution(conv)
        if is_one_by_one(conv):
            return one_by_one_convolution(conv)
        if self._plan.small and is_three_by_three(conv):
            return three_by_three_convolution(conv, made.matrices)
        return None


@dataclass(frozen=True)
class Exchanged:
    """A convolution computed another way, which shows the guard what it gives."""

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
            out = trace.unseen(self.forward, x)
            trace.note(self.conv, (x,), None, out)
        if self.norm is not None:
            guard.convolved(self.conv, self.norm, out)
        return out


@dataclass(frozen=True)
class Behind:
    """Rest of a batch-norm that became part of a convolution: nothing, or, in timm's, an activation.

    shift: what it makes of 0, (c,).
    """

    norm: Any
    shift: Tensor
    changes: Changes

    def __call__(self, x: Tensor) -> Tensor:
        """The batch-norm's output for that of its convolution."""
        if self.changes.guard is not None:
            self.changes.guard.normalises(self.norm, x)
        return x if type(self.norm) is nn.BatchNorm2d else self.norm.act(self.norm.drop(x))
