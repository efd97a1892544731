"""Decoupled direction and norm: the smallest L2 change that is misread, by steps on spheres."""

from __future__ import annotations

import math
from typing import ClassVar

import torch

from ironglass.attacks.parts.ascent import logits_and_gradient
from ironglass.attacks.parts.geometry.radius import cosine
from ironglass.attacks.parts.hair import beyond, surely_misread
from ironglass.attacks.parts.nearest import MinimumNorm, Nearest
from ironglass.attacks.parts.scores import attack_call, cross_entropy_of
from ironglass.attacks.parts.threat import USUAL_L2, Threat
from ironglass.engine.folding.fold import folded
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels


@settings(frozen=True, kw_only=True)
class DDN(MinimumNorm):
    """Looks for a small L2 change (Rony et al. 2018, arXiv 1811.09600).

    δ ← ε · d / ‖d‖₂,  d = δ + α · g / ‖g‖₂,  g = ∂ cross-entropy / ∂ x

    The radius ε is one an image: (1 − γ) ε where the image is misread, else (1 + γ) ε, and never beyond the box's
    farthest corner. α falls from 1 to 0.01 along half a cosine wave.

    threat: bounds what is returned; the change is small by L2 whatever its norm.
    steps: gradients an image.
    gamma: γ, a share of the radius.
    first: ε at first, in units of [0, 1].
    """

    label: ClassVar[str] = "DDN"
    family: ClassVar[str] = "iterative"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    threat: Threat = USUAL_L2
    steps: int = 100
    gamma: float = 0.05
    first: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"DDN has {self.steps} steps: give at least 1")
        if not 0 < self.gamma < 1:
            raise InputError(f"DDN's gamma is {self.gamma}: give a share of the radius, between 0 and 1")
        if not 0 < self.first < math.inf:
            raise InputError(f"DDN's first is {self.first}: give a radius above 0, in units of [0, 1]")

    @attack_call
    def minimal(self, classifier: Classifier, images: Images, labels: Labels) -> Images:
        """The nearest adversarial images by L2, in [0, 1], however far; the threat's eps is not used.

        Those misread from the start as they are, and the last point of a search that led to no misread one.
        """
        with folded(classifier), torch.inference_mode(False):
            images = images.clone()
            labels = labels.to(images.device, copy=True)
            nearest, x = Nearest.none(images), images
            farthest = torch.linalg.vector_norm(torch.maximum(images, 1 - images), dim=(1, 2, 3))
            radius, cross_entropy = torch.full_like(nearest.distance, self.first), cross_entropy_of(classifier)
            for step in range(self.steps):
                logits, _, gradient = logits_and_gradient(
                    classifier, x, lambda logits, labels=labels: cross_entropy(logits, labels)
                )
                change = x - images
                misread = surely_misread(logits, labels) if step else logits.argmax(1) != labels
                size = torch.linalg.vector_norm(change, dim=(1, 2, 3))
                nearest.note(x, size, misread)

                radius = torch.minimum(torch.where(misread, 1 - self.gamma, 1 + self.gamma) * radius, farthest)
                norm = torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
                way = change + cosine(1.0, 0.01, step / self.steps) * gradient / norm
                unit = torch.linalg.vector_norm(way, dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
                x = (images + radius[:, None, None, None] * way / unit).clamp_(0, 1)
        return beyond(classifier, images, labels, nearest.or_last(x))[0]
