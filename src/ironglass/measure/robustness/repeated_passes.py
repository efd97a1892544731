"""Repeated passes over the same images: checks for randomness, dependence on the batch, and use of autograd."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import torch

from ironglass.models.batch_dependence import differing_rows, second_pass, tolerance, undisturbed
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Logits

PASSES = 44
"""Passes over one image: a network that differs in one pass of ten is missed with probability 0.9⁴⁴, below 1 %."""


@dataclass(frozen=True)
class Passes:
    """Logits of several passes over one batch.

    logits: of the first pass.
    again: of a second pass.
    moved: with other images in the batch; None for a random network, or one that accepts no other batch size.
    autograd: as in `logits_and_autograd_use`.
    """

    logits: Logits
    again: Logits
    moved: Logits | None
    autograd: bool


def pass_twice(classifier: Classifier, images: Images) -> Passes:
    """Two passes, the second in halves and reverse order, and more only where these differ: see `second_pass`."""
    logits, autograd = logits_and_autograd_use(classifier, images)
    with eval_without_grad(classifier), torch.no_grad():
        again, moved = second_pass(classifier, images, logits)
    return Passes(logits, again, moved, autograd)


def count_differing_reruns(classifier: Classifier, images: Images) -> int:
    """Number of 44 passes over the first image whose output differs from that of the first of them.

    They cost about as much as one forward and backward pass over 64 images. The random state is restored.
    """
    image = images[:1]
    with undisturbed(classifier.device), eval_without_grad(classifier), torch.no_grad():
        logits = torch.cat([classifier(image) for _ in range(PASSES)])
    return int(differing_rows(logits[:1], logits, tolerance(classifier)).sum())


def logits_and_autograd_use(classifier: Classifier, images: Images) -> tuple[Logits, bool]:
    """The logits, and whether the network called autograd to compute them, as defences that purify or search do; False
    under cProfile, where it is not checked."""
    calls = {torch.autograd.grad.__code__, torch.autograd.backward.__code__}
    calls_seen = []

    def notice(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in calls:
            calls_seen.append(True)

    before = sys.getprofile()
    with eval_without_grad(classifier), torch.no_grad():
        if before is not None and not callable(before):  # cProfile's, which cannot be restored
            return classifier(images), False
        sys.setprofile(notice)
        try:
            logits = classifier(images)
        finally:
            sys.setprofile(before)
    return logits, bool(calls_seen)
