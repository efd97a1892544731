"""Per image the worst of several tries, each only on what still stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import torch
from jaxtyping import Int64
from torch import Tensor

from ironglass.attacks.losses import margin, others
from ironglass.models.classifier import Classifier
from ironglass.models.folded import folded
from ironglass.types import Images, Labels, Logits

Try: TypeAlias = Callable[[Images, Labels], Images]
"""Images that are read right, and their labels, to adversarial ones within the threat."""


def worst_case(
    classifier: Classifier, images: Images, labels: Labels, tries: Iterable[Try]
) -> tuple[Images, Int64[Tensor, " n"]]:
    """Adversarial images, and which try fooled each: 1 for the first, 0 for misread as it was, −1 for none.

    An image that is misread, before or after a try, is left alone from then on. A fresh pass over what a try gives
    decides; of tries that do not fool an image, it keeps the one by which the best other class comes closest.
    Inside, the classifier is `folded` and gradients are off, whatever the caller's mode.
    """
    with folded(classifier), torch.inference_mode(False), torch.no_grad():
        labels = labels.to(classifier.device, copy=True)
        adversarial, images = images.clone(), images.clone()  # a clone leaves inference mode
        logits = logits_of(classifier, images)
        lead = margin(logits, labels)
        fooled_by = torch.where(logits.argmax(1) != labels, 0, -1)
        for number, attempt in enumerate(tries, 1):
            place = (fooled_by < 0).nonzero()[:, 0]
            if not len(place):
                break
            found = attempt(images[place], labels[place])
            logits = logits_of(classifier, found)
            reached = margin(logits, labels[place])
            fooled = logits.argmax(1) != labels[place]
            better = fooled | (reached > lead[place])
            adversarial[place[better]] = found[better]
            lead[place[better]] = reached[better]
            fooled_by[place[fooled]] = number
    return adversarial, fooled_by


def logits_of(classifier: Classifier, images: Images) -> Logits:
    """Logits in float32, without any record for a gradient."""
    # not inference_mode: a network that calls autograd itself, as some defences do, cannot run in it
    with torch.no_grad():
        return classifier(images).float()


def runners_up(logits: Logits, labels: Labels, most: int) -> Int64[Tensor, "n t"]:
    """The other classes, the most likely first: `most` of them, or all where there are fewer."""
    return others(logits, labels).topk(min(most, logits.shape[1] - 1), dim=1).indices
