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
    """The classifier inside DistributedDataParallel, or inside another wrapper that has it as `beneath`.

    A step calls the wrapper once, which prepares the gradients' reduction. Further passes bypass it: the wrapper
    broadcasts buffers before each pass, which would change them under a graph that is still to be differentiated.
    """
    if isinstance(classifier, DistributedDataParallel):
        return classifier.module
    return getattr(classifier, "beneath", classifier)


@contextmanager
def keeping_buffers(classifier: nn.Module) -> Iterator[None]:
    """Restores every buffer, batch-norm's running statistics among them, on leaving, also after an exception."""
    saved = [(buffer, buffer.clone()) for buffer in classifier.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in saved:
                buffer.copy_(value)


def descended(loss: Loss, inputs: Tensor, parameters: list[nn.Parameter]) -> tuple[Loss, Tensor]:
    """The same loss, already differentiated, and ∂ loss / ∂ inputs, of one backward pass.

    A backward pass through the returned loss runs no layer again: it passes on the parameters' gradients computed here.
    The graph behind `loss` is freed.

    inputs: tensor that requires a gradient.
    """
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    gradients = torch.autograd.grad(loss, [inputs, *learning], allow_unused=True)
    gradient = torch.zeros_like(inputs) if gradients[0] is None else gradients[0]
    value = cast(Tensor, _Descended.apply(loss.detach(), gradients[1:], *learning))
    return value, gradient


class _Descended(torch.autograd.Function):
    """A loss whose gradients are computed already."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: tuple[Tensor | None, ...], *parameters: Tensor) -> Tensor:
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return None, None, *(None if gradient is None else gradient * upstream for gradient in ctx.gradients)


def clean_pass(classifier: nn.Module, images: Images, criterion: Any) -> tuple[Loss, Logits, Images]:
    """Loss, logits and ∂ loss / ∂ images of one forward and one backward pass; the loss is `descended`.

    criterion: logits to the mean loss over the batch, which is what the gradient is of.
    """
    with torch.enable_grad():
        inputs = images.detach().requires_grad_()
        logits = classifier(inputs)
        loss, gradient = descended(criterion(logits), inputs, list(unwrapped(classifier).parameters()))
    return loss, logits.detach(), gradient
