"""Attacks that are made on one classifier and used against another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from ironglass.attacks.parts.threat import Threat
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels

if TYPE_CHECKING:
    from ironglass.attacks import Attack


@settings(frozen=True)
class TransferFrom:
    """An attack on a surrogate, which knows nothing of its victim but the names of its classes.

    Labels, and the targets of a targeted attack, count the victim's classes; the surrogate may have them in another
    order, and more of them (Papernot et al. 2016, arXiv 1605.07277).
    """

    surrogate: Classifier
    attack: Attack

    @property
    def threat(self) -> Threat:
        """The allowed change of an image."""
        return self.attack.threat

    @property
    def steps(self) -> int:
        """Gradients of the surrogate an image."""
        return self.attack.steps

    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat. Raises InputError where the surrogate lacks a class."""
        if missing := [name for name in classifier.classes if name not in self.surrogate.classes]:
            raise InputError(
                f"the surrogate has no class {missing[0]!r}: give one that was trained on all of the victim's classes"
            )
        if classifier.channels != self.surrogate.channels:
            raise InputError(
                f"the surrogate takes images of {self.surrogate.channels} channels and the victim of "
                f"{classifier.channels}: give one that takes the same"
            )
        device = self.surrogate.device
        class_index = torch.tensor([self.surrogate.classes.index(name) for name in classifier.classes], device=device)
        attack: Any = to_the_end(self.attack)
        if getattr(attack, "targeted", None) is not None:
            attack = replace(attack, targeted=class_index[attack.targeted.to(device)])
        adversarial = attack(self.surrogate, images.to(device), class_index[labels.to(device)], generator=generator)
        return adversarial.to(images.device)


def to_the_end(attack: Any) -> Any:
    """The attack, its steps taken also after an image is fooled: what only just fools one network seldom fools
    another."""
    return replace(attack, leave=False) if getattr(attack, "leave", False) else attack
