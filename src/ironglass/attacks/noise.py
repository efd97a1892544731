"""Random noise: the control that every attack must beat."""

from __future__ import annotations

from typing import ClassVar

import torch

from ironglass.attacks.parts.scores import plain
from ironglass.attacks.parts.threat import USUAL, Threat
from ironglass.fields import settings
from ironglass.models.checks import check_images, check_labels
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels


@settings(frozen=True, kw_only=True)
class Noise:
    """A uniform draw from the threat around each image: what a change of that size does without any intent."""

    label: ClassVar[str] = "Random noise"
    family: ClassVar[str] = "noise"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1")
    steps: ClassVar[int] = 0
    threat: Threat = USUAL

    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Noisy images in [0, 1], within the threat. Without a generator the draw is that of seed 0."""
        check_images(images, classifier.channels)
        check_labels(labels, len(images), len(classifier.classes))
        return self.threat.start(plain(images), generator or torch.Generator().manual_seed(0))
