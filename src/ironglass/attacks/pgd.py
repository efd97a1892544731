"""Projected gradient descent: many small steps."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from ironglass.attacks.parts.ascent import ascend, chase, loss_of
from ironglass.attacks.parts.losses import margin
from ironglass.attacks.parts.scores import attack_call
from ironglass.attacks.parts.threat import USUAL, Threat
from ironglass.attacks.parts.worst_case import Rows, side_by_side
from ironglass.engine.folding.fold import folded
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels


@settings(frozen=True, kw_only=True)
class PGD:
    """Steps along the gradient, each brought back into the threat (Madry et al. 2017, arXiv 1706.06083).

    steps: gradients an image and restart.
    step_size: in units of [0, 1]; None for 2.5 · eps / steps.
    restarts: number of runs; each image keeps the run with the largest margin of the best other class over the label.
    random_start: begin at a draw from the threat, not at the image.
    momentum: decay of the accumulated gradient, see `ascend`.
    leave: an image takes no further step once it is fooled, which is as strong against this classifier and several
        times faster, but goes less far into the wrong class: False for images that are to fool another network, or to
        train on.
    targeted: classes to be reached, int64 (n,), one an image.
    """

    label: ClassVar[str] = "PGD"
    family: ClassVar[str] = "iterative"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1")
    threat: Threat = USUAL
    steps: int = 20
    step_size: float | None = None
    restarts: int = 1
    random_start: bool = True
    momentum: float = 0.0
    leave: bool = False
    targeted: Labels | None = None

    def __post_init__(self) -> None:
        if self.steps < 1 or self.restarts < 1:
            raise InputError(f"PGD has {self.steps} steps and {self.restarts} restarts: give at least 1 of each")
        if self.step_size is not None and not self.step_size > 0:
            raise InputError(f"PGD's step_size is {self.step_size}: give a number above 0, in units of [0, 1]")
        if not 0 <= self.momentum < math.inf:
            raise InputError(f"PGD's momentum is {self.momentum}: give a number of at least 0; 1 keeps all of it")

    @attack_call
    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat. Without a generator the draws are those of seed 0."""
        generator = generator or torch.Generator().manual_seed(0)
        step_size = 2.5 * self.threat.eps / self.steps if self.step_size is None else self.step_size
        walk: dict[str, Any] = {"steps": self.steps, "step_size": step_size, "momentum": self.momentum}

        def attempt(images: Images, labels: Labels, try_index: Rows | None = None, owner: Rows | None = None) -> Images:
            start = self.threat.start(images, generator) if self.random_start else None
            if self.leave:
                options: dict[str, Any] = {"start": start, "targeted": self.targeted, "owner": owner}
                return chase(classifier, images, labels, self.threat, **walk, **options)
            loss = loss_of(classifier, labels, towards=self.targeted)
            return ascend(loss, images, self.threat, **walk, start=start)

        with folded(classifier, passes=self.steps):
            if self.restarts == 1:
                return attempt(images, labels)
            if self.leave and self.targeted is None:
                return side_by_side(classifier, images, labels, self.restarts, attempt)[0]
            best = attempt(images, labels)
            best_margins = self._margins(classifier, best, labels)
            for _ in range(self.restarts - 1):
                adversarial = attempt(images, labels)
                margins = self._margins(classifier, adversarial, labels)
                best = torch.where((margins > best_margins)[:, None, None, None], adversarial, best)
                best_margins = torch.maximum(margins, best_margins)
        return best

    def _margins(self, classifier: Classifier, images: Images, labels: Labels) -> Tensor:
        with torch.no_grad():
            logits = classifier(images)
        if self.targeted is None:
            return margin(logits, labels.to(logits.device))
        return -margin(logits, self.targeted.to(logits.device))
