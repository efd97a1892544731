"""The momentum iterative fast gradient sign method: steps that remember where they came from."""

from __future__ import annotations

import math
from typing import ClassVar

import torch

from ironglass.attacks.parts.ascent import ascend, loss_of
from ironglass.attacks.parts.scores import attack_call
from ironglass.attacks.parts.threat import USUAL, Threat
from ironglass.engine.folding.fold import folded
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels


@settings(frozen=True, kw_only=True)
class MIFGSM:
    """Steps along a running sum of gradients, from the image itself (Dong et al. 2017, arXiv 1710.06081).

    v ← momentum · v + gradient / mean |gradient|,  x ← project(x + eps / steps · step(v))

    Its images transfer better to other classifiers than PGD's. For a random start, restarts or another step size, give
    PGD a momentum.

    targeted: classes to be reached, int64 (n,), one an image.
    """

    label: ClassVar[str] = "MI-FGSM"
    family: ClassVar[str] = "iterative"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    threat: Threat = USUAL
    steps: int = 10
    momentum: float = 1.0
    targeted: Labels | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"MI-FGSM has {self.steps} steps: give at least 1")
        if not 0 <= self.momentum < math.inf:
            raise InputError(f"MI-FGSM's momentum is {self.momentum}: give a number of at least 0; 1 keeps all of it")

    @attack_call
    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat. Nothing is drawn: `generator` is not used."""
        with folded(classifier, passes=self.steps):
            return ascend(
                loss_of(classifier, labels, towards=self.targeted),
                images,
                self.threat,
                steps=self.steps,
                step_size=self.threat.eps / self.steps,
                momentum=self.momentum,
            )
