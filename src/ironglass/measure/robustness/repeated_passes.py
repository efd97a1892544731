"""Repeated passes over the same images: checks for randomness, dependence on the batch, and use of autograd."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import torch

from ironglass.models.batch_dependence import differing_rows, second_pass, tolerance, undisturbed
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
from ironglass.types import Images, Logits

PASSES = 44
"""Passes over one image: of networks that are random in one pass of ten fewer than 1 % are missed, 0.9⁴⁴."""


@dataclass(frozen=True)
class Passes:
    """Several passes over one batch: as it is, again, and with its images in other company, unless the network draws
    lots or takes no other batch size.

    autograd: as in `logits_and_autograd_use`.
    """

    logits: Logits
    again: Logits
    moved: Logits | None
    autograd: bool


def pass_twice(classifier: Classifier, images: Images) -> Passes:
    """Two passes, the second in halves and reverse order, and more only where these differ: see `second_pass`."""
    logits, autograd = logits_and_autograd_use(classifier, images)
    with frozen(classifier), torch.no_grad():
        again, moved = second_pass(classifier, images, logits)
    return Passes(logits, again, moved, autograd)


def rare_lots(classifier: Classifier, images: Images) -> int:
    """Number of 44 passes over the first image gave another answer than the first of them: 44 small passes.

    They cost about as much as one forward and backward pass over 64 images. What is drawn is given back.
    """
    one = images[:1]
    with undisturbed(classifier.device), frozen(classifier), torch.no_grad():
        logits = torch.cat([classifier(one) for _ in range(PASSES)])
    return int(differing_rows(logits[:1], logits, tolerance(classifier)).sum())


def logits_and_autograd_use(classifier: Classifier, images: Images) -> tuple[Logits, bool]:
    """The logits, and whether the network called autograd to compute them, as defences that purify or search do; under
    cProfile that is not looked for."""
    calls = {torch.autograd.grad.__code__, torch.autograd.backward.__code__}
    found = []

    def notice(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in calls:
            found.append(True)

    before = sys.getprofile()
    with frozen(classifier), torch.no_grad():
        if before is not None and not callable(before):  # cProfile's, which nobody could put back
            return classifier(images), False
        sys.setprofile(notice)
        try:
            logits = classifier(images)
        finally:
            sys.setprofile(before)
    return logits, bool(found)
