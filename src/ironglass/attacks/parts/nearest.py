"""Attacks that look for the smallest change: what they share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ironglass.attacks.parts.scores import attack_call
from ironglass.attacks.parts.threat import Threat, bounded
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Mask


class MinimumNorm:
    """An attack with a `minimal`, whose result is bounded by its threat."""

    threat: Threat

    @attack_call
    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat. Nothing is drawn: `generator` is not used.

        A change that is larger than the threat allows is projected into it, and then as a rule no longer fools.
        """
        return bounded(self.threat, images, self.minimal(classifier, images, labels))

    @attack_call
    def minimal(self, classifier: Classifier, images: Images, labels: Labels) -> Images:
        """The nearest adversarial images, in [0, 1], however far; the threat's eps is not used."""
        raise NotImplementedError


@dataclass
class Nearest:
    """The nearest misread image of each row so far, and its distance, (n,), ∞ where there is none."""

    images: Images
    distance: Tensor

    @classmethod
    def none(cls, images: Images) -> Nearest:
        """The images themselves, of which none is misread yet."""
        return cls(images, torch.full((len(images),), torch.inf, device=images.device))

    def note(self, x: Images, size: Tensor, misread: Mask) -> None:
        """Keeps the rows of x that are misread and nearer. size: their distances, (n,)."""
        better = misread & (size < self.distance)
        self.images = torch.where(better[:, None, None, None], x, self.images)
        self.distance = torch.where(better, size, self.distance)

    def or_last(self, x: Images) -> Images:
        """The nearest ones, and those of x where there is none."""
        return torch.where(self.distance.isinf()[:, None, None, None], x, self.images)
