"""Forward and backward helpers of training objectives: buffers, processes, fused gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ironglass.types import Images, Logits, Loss


def unwrapped(classifier: Any) -> Any:
    """The classifier inside DistributedDataParallel, or inside whatever passes for it and says so by `beneath`.

    A step goes through the wrapper once, which makes ready for the gradients. Further passes go past it: the wrapper
    sends buffers around before each, and would change them under a graph that is still to be descended.
    """
    if isinstance(classifier, DistributedDataParallel):
        return classifier.module
    return getattr(classifier, "beneath", classifier)


@contextmanager
def keeping_buffers(classifier: nn.Module) -> Iterator[None]:
    """Every buffer, batch-norm's running statistics above all, is as before on leaving, also after an exception."""
    kept = [(buffer, buffer.clone()) for buffer in classifier.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in kept:
                buffer.copy_(value)


def descended(loss: Loss, inputs: Tensor, parameters: list[nn.Parameter]) -> tuple[Loss, Tensor]:
    """The same loss, already differentiated, and ∂ loss / ∂ inputs, of one backward pass.

    A backward pass through the loss that comes back runs no layer again: it hands out the parameters' gradients found
    here. The graph behind `loss` is freed.

    inputs: require a gradient.
    """
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    found = torch.autograd.grad(loss, [inputs, *learning], allow_unused=True)
    gradient = torch.zeros_like(inputs) if found[0] is None else found[0]
    value = cast(Tensor, _Descended.apply(loss.detach(), found[1:], *learning))
    return value, gradient


class _Descended(torch.autograd.Function):
    """A loss whose gradients are known."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: tuple[Tensor | None, ...], *parameters: Tensor) -> Tensor:
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return None, None, *(None if one is None else one * above for one in ctx.gradients)


def clean_pass(classifier: nn.Module, images: Images, criterion: Any) -> tuple[Loss, Logits, Images]:
    """Loss, logits and ∂ loss / ∂ images of one forward and one backward pass; the loss is `descended`.

    criterion: logits to the mean loss over the batch, which is what the gradient is of.
    """
    with torch.enable_grad():
        inputs = images.detach().requires_grad_()
        logits = classifier(inputs)
        loss, gradient = descended(criterion(logits), inputs, list(unwrapped(classifier).parameters()))
    return loss, logits.detach(), gradient
