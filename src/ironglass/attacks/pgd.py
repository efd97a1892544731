"""Projected gradient descent: many small steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.attacks.ascent import ascend, loss_of
from ironglass.attacks.threat import USUAL, Threat
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier, frozen
from ironglass.types import Images, Labels, Logits


@dataclass(frozen=True, kw_only=True)
class PGD:
    """Steps along the gradient, each brought back into the threat (Madry et al. 2017, arXiv 1706.06083).

    steps: gradients an image and restart. step_size: in units of [0, 1]; None for 2.5 · eps / steps. restarts: tries;
    each image keeps the try by which the best other class leads the label most. random_start: begin at a draw from the
    threat, not at the image. targeted: classes to be reached, int64 (n,), one an image.
    """

    threat: Threat = USUAL
    steps: int = 20
    step_size: float | None = None
    restarts: int = 1
    random_start: bool = True
    targeted: Labels | None = None

    def __post_init__(self) -> None:
        if self.steps < 1 or self.restarts < 1:
            raise InputError(f"PGD has {self.steps} steps and {self.restarts} restarts: give at least 1 of each")
        if self.step_size is not None and not self.step_size > 0:
            raise InputError(f"PGD's step_size is {self.step_size}: give a number above 0, in units of [0, 1]")

    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat. Without a generator the draws are those of seed 0."""
        generator = generator or torch.Generator().manual_seed(0)
        step_size = 2.5 * self.threat.eps / self.steps if self.step_size is None else self.step_size
        with frozen(classifier):
            loss = loss_of(classifier, labels, towards=self.targeted)
            tries = (
                ascend(
                    loss,
                    images,
                    self.threat,
                    steps=self.steps,
                    step_size=step_size,
                    start=self.threat.start(images, generator) if self.random_start else None,
                )
                for _ in range(self.restarts)
            )
            best = next(tries)
            if self.restarts == 1:
                return best
            lead = self._lead(classifier, best, labels)
            for adversarial in tries:
                found = self._lead(classifier, adversarial, labels)
                best = torch.where((found > lead)[:, None, None, None], adversarial, best)
                lead = torch.maximum(found, lead)
        return best

    def _lead(self, classifier: Classifier, images: Images, labels: Labels) -> Tensor:
        with torch.no_grad():
            logits = classifier(images)
        if self.targeted is None:
            return margin(logits, labels.to(logits.device))
        return -margin(logits, self.targeted.to(logits.device))


def margin(logits: Logits, labels: Labels) -> Tensor:
    """The best other logit minus the label's, one an image: above 0 exactly where the label is not predicted."""
    label = F.one_hot(labels, logits.shape[1]).bool()
    return logits.masked_fill(label, -torch.inf).amax(1) - logits.gather(1, labels[:, None])[:, 0]
