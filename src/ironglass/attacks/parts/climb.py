"""One run of APGD: gradient ascent with an adaptive step size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from ironglass.attacks.parts.ascent import logits_and_gradient
from ironglass.attacks.parts.threat import Threat
from ironglass.attacks.parts.worst_case import logits_of, same_image
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels

MOMENTUM = 0.75
"""Weight of the new step against the last one."""


def checkpoints(steps: int) -> Iterator[int]:
    """The steps after which η may be halved: ⌈steps · pⱼ⌉ for p = 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93, 0.99, ...

    pⱼ₊₁ = pⱼ + max(pⱼ − pⱼ₋₁ − 0.03, 0.06) from p₀ = 0 and p₁ = 0.22
    """
    percent, gap = 22, 22  # whole numbers, since 100 · 0.41 rounds up to 42
    while percent <= 100:
        yield -(-steps * percent // 100)
        gap = max(gap - 3, 6)
        percent += gap


@dataclass(kw_only=True)
class Climb:
    """State of the images that are not fooled yet: every field has one entry an image."""

    index: Tensor
    images: Images
    x: Images
    previous: Images
    gradient: Images
    loss: Tensor
    best: Images
    best_gradient: Images
    best_loss: Tensor
    step_size: Tensor
    rises: Tensor
    last_best: Tensor
    halved: Tensor

    @classmethod
    def begin(cls, images: Images, start: Images, loss: Tensor, gradient: Images, *, eps: float) -> Climb:
        """Every image at its start. eps: the threat's; the first step is twice as long."""
        n, device = len(images), images.device
        return cls(
            index=torch.arange(n, device=device),
            images=images,
            x=start,
            previous=start,
            gradient=gradient,
            loss=loss,
            best=start,
            best_gradient=gradient,
            best_loss=loss,
            step_size=torch.full((n, 1, 1, 1), 2 * eps, device=device, dtype=images.dtype),
            rises=torch.zeros(n, device=device),
            last_best=loss,
            halved=torch.zeros(n, dtype=torch.bool, device=device),
        )

    @classmethod
    def checks(cls, steps: int) -> set[int]:
        """After which steps `check` is called."""
        return set(checkpoints(steps))

    def step(self, threat: Any, *, momentum: bool) -> None:
        """Moves every image once."""
        stepped = threat.project(self.images, self.x + self.step_size * threat.step(self.gradient))
        if momentum:
            last = (1 - MOMENTUM) * (self.x - self.previous)
            stepped = threat.project(self.images, self.x + MOMENTUM * (stepped - self.x) + last)
        self.x, self.previous = stepped, self.x

    def select(self, mask: Tensor) -> None:
        """Keeps these rows alone."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name)[mask])

    def note_best(self) -> None:
        """Keeps each image's point of the highest loss."""
        better = self.loss > self.best_loss
        self.best = torch.where(_images(better), self.x, self.best)
        self.best_gradient = torch.where(_images(better), self.gradient, self.best_gradient)
        self.best_loss = torch.where(better, self.loss, self.best_loss)

    def check(self, steps: int, rho: float, eps: float) -> None:
        """Sets the step sizes anew. steps: since the last check."""
        stalled = ~self.halved & (self.best_loss <= self.last_best)
        self.halved = (self.rises < rho * steps) | stalled
        back = _images(self.halved)
        self.step_size = torch.where(back, self.step_size / 2, self.step_size)
        self.x = torch.where(back, self.best, self.x)
        self.gradient = torch.where(back, self.best_gradient, self.gradient)
        self.loss = torch.where(self.halved, self.best_loss, self.loss)
        self.last_best = self.best_loss
        self.rises = torch.zeros_like(self.rises)


def _evaluate(
    classifier: Classifier,
    loss: Callable[..., Tensor],
    classes: tuple[Labels, ...],
    x: Images,
    *,
    last: bool = False,
) -> tuple[Tensor, Tensor, Images]:
    """Mask of fooled images, the loss, and its gradient unless it is the last point."""
    if last:
        logits = logits_of(classifier, x)
        return logits.argmax(1) != classes[0], loss(logits, *classes), x
    logits, values, gradient = logits_and_gradient(classifier, x, lambda logits: loss(logits, *classes))
    return logits.argmax(1) != classes[0], values, gradient


def climb(
    classifier: Classifier,
    images: Images,
    classes: tuple[Labels, ...],
    loss: Callable[..., Tensor],
    threat: Threat,
    *,
    start: Images,
    steps: int,
    rho: float,
    owner: Tensor | None = None,
    kind: type[Climb] = Climb,
    leave: bool = True,
) -> Images:
    """APGD's single run from `start`: the first point that fools, or the one of the highest loss where none does.

    classes: the labels, and the further arguments of `loss` besides the logits, one an image. One forward pass both
        checks whether an image is fooled and gives its next gradient; a fooled image takes part in no further pass.
    owner: image index of each row, (n,): rows of one image leave together.
    kind: how it steps.
    leave: False to climb on with images that are fooled, for the highest loss.
    """
    owner = torch.arange(len(images), device=images.device) if owner is None else owner
    result = start.clone()
    fooled, values, gradient = _evaluate(classifier, loss, classes, start)
    state = kind.begin(images, start, values, gradient, eps=threat.eps)
    checks, last_check = kind.checks(steps), 0
    for step in range(steps + 1):
        if step:
            last_loss = state.loss
            state.step(threat, momentum=step > 1)
            fooled, state.loss, state.gradient = _evaluate(classifier, loss, classes, state.x, last=step == steps)
            state.rises = state.rises + (state.loss > last_loss)
            state.note_best()
        if leave and fooled.any():
            finished = same_image(owner[state.index], fooled)
            result[state.index[finished]] = state.x[finished]
            state.select(~finished)
            classes = tuple(column[~finished] for column in classes)
            if not len(state.index):
                break
        if step in checks:
            state.check(step - last_check, rho, threat.eps)
            last_check = step
    result[state.index] = state.best
    return result


def _images(mask: Tensor) -> Tensor:
    return mask[:, None, None, None]
