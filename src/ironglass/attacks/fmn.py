"""Fast minimum-norm attack: the smallest change that is misread, by steps in a ball that follows the boundary."""

from __future__ import annotations

import math
from typing import ClassVar

import torch

from ironglass.attacks.parts.ascent import logits_and_gradient
from ironglass.attacks.parts.geometry.hyperplane import dual_norm, is_linf, length
from ironglass.attacks.parts.geometry.radius import cosine, project_each
from ironglass.attacks.parts.hair import beyond, surely_misread
from ironglass.attacks.parts.losses import margin
from ironglass.attacks.parts.nearest import MinimumNorm, Nearest
from ironglass.attacks.parts.scores import attack_call
from ironglass.attacks.parts.threat import USUAL, Threat
from ironglass.engine.folding.fold import folded
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels


@settings(frozen=True, kw_only=True)
class FMN(MinimumNorm):
    """Looks for the smallest change by the threat's norm (Pintor et al. 2021, arXiv 2102.12827).

    δ ← project(δ + α · g / ‖g‖₂, ε),  g = ∂ (best other logit − label's logit) / ∂ x

    The radius ε is one an image: (1 − γ) ε, and no more than the smallest change so far, where the image is misread,
    else (1 + γ) ε. Before it was ever misread it is the distance to the boundary, linearised at x, times 1 + the first
    γ, and never below (1 + γ) ε, without which, as in the paper, a search may end on the boundary and not beyond it.
    α and γ fall along half a cosine wave, to a hundredth and a fiftieth.

    steps: gradients an image.
    step_size: α at first, in units of [0, 1] by L2; None for 10 under Linf, else 1.
    gamma: γ at first, a share of the radius.
    """

    label: ClassVar[str] = "FMN"
    family: ClassVar[str] = "iterative"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1")
    threat: Threat = USUAL
    steps: int = 100
    step_size: float | None = None
    gamma: float = 0.05

    def __post_init__(self) -> None:
        is_linf(self.threat)
        if self.steps < 1:
            raise InputError(f"FMN has {self.steps} steps: give at least 1")
        if self.step_size is not None and not 0 < self.step_size < math.inf:
            raise InputError(f"FMN's step_size is {self.step_size}: give a number above 0, in units of [0, 1]")
        if not 0 < self.gamma < 1:
            raise InputError(f"FMN's gamma is {self.gamma}: give a share of the radius, between 0 and 1")

    @attack_call
    def minimal(self, classifier: Classifier, images: Images, labels: Labels) -> Images:
        """The nearest adversarial images, in [0, 1], however far; the threat's eps is not used.

        Those misread from the start as they are, and the last point of a search that led to no misread one.
        """
        with folded(classifier), torch.inference_mode(False):
            images = images.clone()
            labels = labels.to(images.device, copy=True)
            nearest, x = Nearest.none(images), images
            radius, first = nearest.distance, self.step_size or (10.0 if is_linf(self.threat) else 1.0)
            for step in range(self.steps):
                logits, margins, gradient = logits_and_gradient(
                    classifier, x, lambda logits, labels=labels: margin(logits, labels)
                )
                misread = surely_misread(logits, labels) if step else logits.argmax(1) != labels
                size = length((x - images).flatten(1), self.threat)
                nearest.note(x, size, misread)

                shrink, share = cosine(self.gamma, self.gamma / 50, step / self.steps), step / self.steps
                slope = dual_norm(gradient.flatten(1)[:, None], self.threat)[:, 0].clamp_min(1e-12)
                reach = (size + margins.nan_to_num(0).abs() / slope) * (1 + self.gamma)
                # what the box cuts off is missing from the size: the radius grows whatever that says
                grown = torch.where(radius.isinf(), reach, torch.maximum(reach, radius * (1 + self.gamma)))
                farther = torch.where(nearest.distance.isinf(), grown, radius * (1 + shrink))
                radius = torch.where(misread, torch.minimum(radius * (1 - shrink), nearest.distance), farther)
                norm = torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
                x = project_each(images, x + cosine(first, first / 100, share) * gradient / norm, radius, self.threat)
        return beyond(classifier, images, labels, nearest.or_last(x))[0]
