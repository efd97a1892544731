"""Per image the worst of several tries, each only on what still stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Int64
from torch import Tensor

from ironglass.attacks.parts.losses import margin, others
from ironglass.engine.folding.fold import folded
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Logits

ROWS = {"cpu": 64, "cuda": 1024}
"""Rows of a pass beyond which more of them cost no less a row."""

Rows: TypeAlias = Int64[Tensor, " n"]
Try: TypeAlias = Callable[[Images, Labels], Images]
"""Images that are read right, and their labels, to adversarial ones within the threat."""


Tries: TypeAlias = Callable[[Images, Labels, Rows, Rows], Images]
"""The same for several tries of an image at once: a row's try, counted from 0, and which rows are of one image."""


def worst_case(
    classifier: Classifier, images: Images, labels: Labels, tries: Iterable[Try]
) -> tuple[Images, Int64[Tensor, " n"]]:
    """Adversarial images, and which try fooled each: 1 for the first, 0 for misread as it was, −1 for none.

    An image that is misread, before or after a try, is left alone from then on. A fresh pass over what a try gives
    decides; of tries that do not fool an image, it keeps the one by which the best other class comes closest.
    Inside, the classifier is `folded` and gradients are off, whatever the caller's mode.
    """
    with folded(classifier), torch.inference_mode(False), torch.no_grad():
        case = _Case.of(classifier, images, labels)
        for number, attempt in enumerate(tries, 1):
            place = case.standing()
            if not len(place):
                break
            found = attempt(case.images[place], case.labels[place])
            case.note(place, found, logits_of(classifier, found), number)
    return case.adversarial, case.fooled_by


def side_by_side(
    classifier: Classifier, images: Images, labels: Labels, count: int, attempt: Tries
) -> tuple[Images, Int64[Tensor, " n"]]:
    """`worst_case` of `count` tries, of which as many run at once as fill a batch with the images that still stand.

    A pass over few rows costs more a row: docs/experiments.md. `attempt` should let all rows of an image go once one of
    them fools.
    """
    with folded(classifier), torch.inference_mode(False), torch.no_grad():
        case = _Case.of(classifier, images, labels)
        rows = ROWS.get(images.device.type, ROWS["cuda"])
        number = 0
        while number < count and len(place := case.standing()):
            n, device = len(place), images.device
            at_once = min(max(1, rows // n), count - number)
            which = torch.arange(number, number + at_once, device=device).repeat_interleave(n)
            owner = torch.arange(n, device=device).repeat(at_once)
            found = attempt(case.images[place[owner]], case.labels[place[owner]], which, owner)
            logits = logits_of(classifier, found)
            for one in range(at_once):
                part = slice(one * n, (one + 1) * n)
                case.note(place, found[part], logits[part], number + one + 1)
            number += at_once
    return case.adversarial, case.fooled_by


@dataclass
class _Case:
    """Best try for each image so far.

    lead: by how much the best other class leads the label in `adversarial`.
    """

    images: Images
    labels: Labels
    adversarial: Images
    lead: Tensor
    fooled_by: Tensor

    @classmethod
    def of(cls, classifier: Classifier, images: Images, labels: Labels) -> _Case:
        images, labels = images.clone(), labels.to(classifier.device, copy=True)  # a clone leaves inference mode
        logits = logits_of(classifier, images)
        fooled_by = torch.where(logits.argmax(1) != labels, 0, -1)
        return cls(images, labels, images.clone(), margin(logits, labels), fooled_by)

    def standing(self) -> Tensor:
        return (self.fooled_by < 0).nonzero()[:, 0]

    def note(self, place: Tensor, found: Images, logits: Logits, number: int) -> None:
        labels, before = self.labels[place], self.fooled_by[place]
        reached = margin(logits, labels)
        fooled = (logits.argmax(1) != labels) & (before < 0)
        better = fooled | ((reached > self.lead[place]) & (before < 0))
        self.adversarial[place[better]] = found[better]
        self.lead[place[better]] = reached[better]
        self.fooled_by[place[fooled]] = number


def kin(owner: Rows, some: Tensor) -> Tensor:
    """Which rows are of the same image as one of `some`, a mask: the row itself among them."""
    return torch.isin(owner, owner[some])


def logits_of(classifier: Classifier, images: Images) -> Logits:
    """Logits in float32, without any record for a gradient."""
    # not inference_mode: a network that calls autograd itself, as some defences do, cannot run in it
    with torch.no_grad():
        return classifier(images).float()


def runners_up(logits: Logits, labels: Labels, most: int) -> Int64[Tensor, "n t"]:
    """The other classes, the most likely first: `most` of them, or all where there are fewer."""
    return others(logits, labels).topk(min(most, logits.shape[1] - 1), dim=1).indices
