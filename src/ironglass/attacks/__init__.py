"""What fools it? Small changes to an image, made to be misread."""

from __future__ import annotations

from typing import Any, Protocol

import torch

from ironglass.attacks.ascent import ascend, input_gradient
from ironglass.attacks.fgsm import FGSM, fgsm_sweep
from ironglass.attacks.noise import Noise
from ironglass.attacks.pgd import PGD
from ironglass.attacks.threat import L2, THREATS, Linf, Threat
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels

__all__ = [
    "ATTACKS",
    "FGSM",
    "L2",
    "PGD",
    "THREATS",
    "Attack",
    "Linf",
    "Noise",
    "Threat",
    "ascend",
    "fgsm_sweep",
    "input_gradient",
]


class Attack(Protocol):
    """A frozen dataclass of settings that turns images into adversarial ones.

    threat: what it may do. steps: gradients it takes an image, 0 where it takes none.
    """

    @property
    def threat(self) -> Threat:
        """What it may do to an image."""
        ...

    @property
    def steps(self) -> int:
        """Gradients an image; 0 where it takes none."""
        ...

    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat."""
        ...


ATTACKS: dict[str, Any] = {"fgsm": FGSM(), "noise": Noise(), "pgd-20": PGD(steps=20)}
