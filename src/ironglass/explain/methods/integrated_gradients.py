"""Integrated gradients: the change of a logit from a baseline to the image, attributed to the pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.fill import Fill, fill_images
from ironglass.explain.parts.gradient import weighted_gradient
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels, Maps


def gauss_legendre(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Points in (0, 1) and weights that integrate polynomials of degree 2 · steps − 1 exactly."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    return (points + 1) / 2, weights / 2


def midpoint(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Midpoints of `steps` equal parts of [0, 1], with equal weights."""
    return (np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps)


RULES: dict[str, Callable[[int], tuple[np.ndarray, np.ndarray]]] = {
    "gauss-legendre": gauss_legendre,
    "midpoint": midpoint,
}


@settings(frozen=True, kw_only=True)
class IntegratedGradients:
    """Gradients integrated along the straight line from a baseline (Sundararajan et al. 2017, arXiv 1703.01365).

    map = (image − baseline) · ∫₀¹ ∂ logit_target / ∂ image at baseline + a · (image − baseline) da

    Complete: a map sums to logit(image) − logit(baseline), but for the error of the integral, see `gap`. The paper
    takes right-hand Riemann sums; these rules need fewer steps.

    baseline: uninformative reference image, in [0, 1]: see `fill_images`.
    mean: the data's mean colour, for baseline "mean".
    steps: gradients an image.
    rule: a name in RULES.
    """

    label: ClassVar[str] = "Integrated gradients"
    unit: ClassVar[str] = "logit"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = "Gradients gathered on the way from a baseline image; they sum to the change of the score."
    paper: ClassVar[str] = "arXiv 1703.01365"
    purpose: ClassVar[str] = "shares that add up to the change of the score from a baseline"
    limits: ClassVar[str] = "the baseline is a choice; pixels of its colour have no share"
    baseline: Fill = "black"
    mean: tuple[float, ...] | None = None
    steps: int = 50
    rule: str = "gauss-legendre"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"integrated gradients have {self.steps} steps: give at least 1")
        if self.rule not in RULES:
            raise InputError(f"there is no rule {self.rule!r}: choose from {', '.join(RULES)}")

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Signed maps (n, c, h, w), units of the logit.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Raises InputError where the network gives no
        gradient, and for a baseline that does not fit.
        """
        images = images.detach()
        baseline = fill_images(self.baseline, images, self.mean)
        along, weights = (torch.from_numpy(numbers).float() for numbers in RULES[self.rule](self.steps))

        def points(images_part: slice, steps_part: slice) -> Tensor:
            share = along[steps_part].to(images.device, images.dtype).view(-1, 1, 1, 1, 1)
            return baseline[images_part].lerp(images[images_part], share)

        return (images - baseline) * weighted_gradient(classifier, images, targets, points, weights)

    def gap(self, classifier: Classifier, images: Images, targets: Labels, maps: Maps) -> Tensor:
        """Distance of `maps`, those of these images, from completeness: float32 (n,), units of the logit; 0 is
        complete.

        gap = Σ map − (logit_target(image) − logit_target(baseline))
        """
        with eval_without_grad(classifier), torch.no_grad():
            images, targets = images.detach(), targets.to(images.device)[:, None]
            baseline = fill_images(self.baseline, images, self.mean)
            change = classifier(images).gather(1, targets) - classifier(baseline).gather(1, targets)
            return (maps.flatten(1).double().sum(1) - change[:, 0].double()).float()
