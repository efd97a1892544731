"""The fast gradient sign method: one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

import torch

from ironglass.attacks.parts.ascent import ascend, climbed_gradient, loss_of
from ironglass.attacks.parts.scores import attack_call, plain
from ironglass.attacks.parts.threat import USUAL, Linf, Threat
from ironglass.engine.folding.fold import folded
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels


@settings(frozen=True, kw_only=True)
class FGSM:
    """One step of full length along the gradient (Goodfellow et al. 2014, arXiv 1412.6572).

    x' = project(x + eps · step(∂ cross-entropy / ∂ x)), with step = sign under Linf

    targeted: classes to be reached, int64 (n,), one an image; the step then descends their cross-entropy.
    """

    label: ClassVar[str] = "FGSM"
    family: ClassVar[str] = "single-step"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1")
    steps: ClassVar[int] = 1
    threat: Threat = USUAL
    targeted: Labels | None = None

    @attack_call
    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat. Nothing is drawn: `generator` is not used."""
        with folded(classifier):
            loss = loss_of(classifier, labels, towards=self.targeted)
            return ascend(loss, images, self.threat, steps=1, step_size=self.threat.eps)


def fgsm_sweep(
    classifier: Classifier,
    images: Images,
    labels: Labels,
    eps: Sequence[float],
    *,
    threat: Callable[[float], Threat] = Linf,
) -> Iterator[Images]:
    """FGSM's images at each eps in turn, as `FGSM` gives them, from one gradient that all of them share."""
    threats, images = [threat(size) for size in eps], plain(images)
    return step_each(images, climbed_gradient(classifier, images, labels), threats)


def step_each(images: Images, gradient: Images, threats: Sequence[Threat]) -> Iterator[Images]:
    """One step of full length from `images` along a known gradient, under each threat in turn."""
    gradient = torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
    for threat in threats:
        with torch.no_grad():
            stepped = threat.project(images, images + threat.eps * threat.step(gradient))
        yield stepped
