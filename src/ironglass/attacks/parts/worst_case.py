"""The worst case per image over several attempts, each made only on images not fooled yet."""

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
"""Rows of a pass above which the cost per row no longer falls."""

Rows: TypeAlias = Int64[Tensor, " n"]
Try: TypeAlias = Callable[[Images, Labels], Images]
"""Images that are read right, and their labels, to adversarial ones within the threat."""


Tries: TypeAlias = Callable[[Images, Labels, Rows, Rows], Images]
"""The same for several attempts on an image at once: also given each row's attempt, from 0, and its image index."""


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
            index = case.unfooled()
            if not len(index):
                break
            candidates = attempt(case.images[index], case.labels[index])
            case.note(index, candidates, logits_of(classifier, candidates), number)
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
        while number < count and len(index := case.unfooled()):
            n, device = len(index), images.device
            at_once = min(max(1, rows // n), count - number)
            try_index = torch.arange(number, number + at_once, device=device).repeat_interleave(n)
            owner = torch.arange(n, device=device).repeat(at_once)
            candidates = attempt(case.images[index[owner]], case.labels[index[owner]], try_index, owner)
            logits = logits_of(classifier, candidates)
            for offset in range(at_once):
                part = slice(offset * n, (offset + 1) * n)
                case.note(index, candidates[part], logits[part], number + offset + 1)
            number += at_once
    return case.adversarial, case.fooled_by


@dataclass
class _Case:
    """Best try for each image so far.

    margin: of the best other class over the label, in `adversarial`.
    """

    images: Images
    labels: Labels
    adversarial: Images
    margin: Tensor
    fooled_by: Tensor

    @classmethod
    def of(cls, classifier: Classifier, images: Images, labels: Labels) -> _Case:
        images, labels = images.clone(), labels.to(classifier.device, copy=True)  # a clone leaves inference mode
        logits = logits_of(classifier, images)
        fooled_by = torch.where(logits.argmax(1) != labels, 0, -1)
        return cls(images, labels, images.clone(), margin(logits, labels), fooled_by)

    def unfooled(self) -> Tensor:
        return (self.fooled_by < 0).nonzero()[:, 0]

    def note(self, index: Tensor, candidates: Images, logits: Logits, number: int) -> None:
        labels, fooled_by = self.labels[index], self.fooled_by[index]
        reached = margin(logits, labels)
        fooled = (logits.argmax(1) != labels) & (fooled_by < 0)
        better = fooled | ((reached > self.margin[index]) & (fooled_by < 0))
        self.adversarial[index[better]] = candidates[better]
        self.margin[index[better]] = reached[better]
        self.fooled_by[index[fooled]] = number


def same_image(owner: Rows, mask: Tensor) -> Tensor:
    """Mask of the rows that belong to the same image as a row of `mask`, those rows included."""
    return torch.isin(owner, owner[mask])


def logits_of(classifier: Classifier, images: Images) -> Logits:
    """Logits in float32, without any record for a gradient."""
    # not inference_mode: a network that calls autograd itself, as some defences do, cannot run in it
    with torch.no_grad():
        return classifier(images).float()


def runners_up(logits: Logits, labels: Labels, most: int) -> Int64[Tensor, "n t"]:
    """The other classes, the most likely first: `most` of them, or all where there are fewer."""
    return others(logits, labels).topk(min(most, logits.shape[1] - 1), dim=1).indices
