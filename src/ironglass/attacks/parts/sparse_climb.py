"""One run of APGD under L1, whose steps are as sparse as the change so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ironglass.attacks.parts.climb import Climb, climb
from ironglass.attacks.parts.threat import L1
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels

RADII = ((3.0, 0.3), (2.0, 0.3), (1.0, 0.4))
"""Balls of so many eps in turn, and the share of the steps in each."""

FIRST_SHARE = 0.2
"""Share of the values that the first steps move."""


@dataclass(kw_only=True)
class SparseClimb(Climb):
    """Steps along the signs of the largest values of the gradient; how many and how far is set anew at every check."""

    share: Tensor
    last_count: Tensor

    @classmethod
    def begin(cls, images: Images, start: Images, loss: Tensor, gradient: Images, *, eps: float) -> SparseClimb:
        """Every image at its start, the first step of length eps over a fifth of the values."""
        base = Climb.begin(images, start, loss, gradient, eps=eps / 2)  # a first step of length eps
        count = torch.full((len(images),), float(images[0].numel()), device=images.device)
        return cls(**vars(base), share=torch.full_like(count, FIRST_SHARE), last_count=count)

    @classmethod
    def checks(cls, steps: int) -> set[int]:
        """Every 25th part of the steps."""
        return set(range(gap := max(int(0.04 * steps), 1), steps + 1, gap))

    def step(self, threat: L1, *, momentum: bool) -> None:
        """One step from the point itself, without momentum."""
        direction = _largest_signs(self.gradient, self.share)
        self.previous, self.x = self.x, threat.project(self.images, self.x + self.step_size * direction)

    def check(self, steps: int, rho: float, eps: float) -> None:
        """Fewer values move as the best change grows sparser, from the best point with a full step; else shorter steps.

        Steps are not shorter than a tenth of the ball's eps.
        """
        count = (self.best != self.images).flatten(1).sum(1).to(self.share)
        sparser = count < 0.95 * self.last_count
        self.share = count / self.images[0].numel() / 1.5
        back = sparser[:, None, None, None]
        self.step_size = torch.where(back, eps, self.step_size / 1.5).clamp(eps / 10, eps)
        self.x = torch.where(back, self.best, self.x)
        self.gradient = torch.where(back, self.best_gradient, self.gradient)
        self.loss = torch.where(sparser, self.best_loss, self.loss)
        self.last_count = count


def _largest_signs(gradient: Images, share: Tensor) -> Images:
    """Signs of that share of each image's values, the largest, of length 1 together; all of those that tie."""
    flat = gradient.flatten(1).abs()
    values = flat.shape[1]
    last = ((1 - share) * values).long().clamp(0, values - 1)
    threshold = flat.sort(dim=1).values.gather(1, last[:, None])
    signs = torch.where(flat >= threshold, gradient.flatten(1).sign(), 0)
    return (signs / signs.abs().sum(1, keepdim=True).clamp_min(1)).view(gradient.shape)


def sparse_climb(
    classifier: Classifier,
    images: Images,
    classes: tuple[Labels, ...],
    loss: Callable[..., Tensor],
    threat: L1,
    *,
    start: Images,
    steps: int,
    owner: Tensor | None = None,
) -> Images:
    """APGD for L1 (Croce & Hein 2021, arXiv 2103.01208), its arguments those of `climb`.

    It begins in balls of three and two times the eps, where the loss is climbed sooner, and comes back by projection.
    """
    left = steps
    for number, (factor, share) in enumerate(RADII):
        part = left if number == len(RADII) - 1 else min(int(share * steps), left)
        left -= part
        ball = L1(factor * threat.eps)
        start = climb(
            classifier,
            images,
            classes,
            loss,
            ball,
            start=ball.project(images, start),
            steps=part,
            rho=0,
            owner=owner,
            kind=SparseClimb,
            leave=factor == 1,
        )
    return start
