"""Repeated passes over the same images: checks for randomness, dependence on the batch, and use of autograd, sharing
passes with the gradient where nothing differs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import torch

from ironglass.attacks import climbed_gradient, gradient_and_logits
from ironglass.attacks.parts.scores import Outputs, attackable, outputs_of, read_rows, reads_logits
from ironglass.models.batch_dependence import differing_rows, second_pass, tolerance, undisturbed
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.memory import in_room
from ironglass.types import Images, Labels, Logits

PASSES = 44
"""Passes over one image: a network that differs in one pass of ten is missed with probability 0.9⁴⁴, below 1 %."""

MIN_HALVED = 4
"""Number of images from which on the second pass goes in halves: see `in_other_batches`."""


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


@dataclass(frozen=True)
class Observed:
    """Evidence from the unattacked images: see `Passes`, `climbed_gradient` and `outputs_of`."""

    passes: Passes
    gradient: Images
    outputs: Outputs


def observe_clean(classifier: Classifier, images: Images, labels: Labels) -> Observed:
    """The passes over a batch, the gradient that attacks climb, and their reading of the outputs.

    The gradient is taken in halves and in reverse order, so that its forward passes are the second pass of
    `pass_twice`. Where their logits are not those of the first pass, or are squashed, everything is done pass by pass.
    """
    logits, autograd = logits_and_autograd_use(classifier, images)
    shared = None if autograd or len(images) < MIN_HALVED else _shared(classifier, images, labels, logits)
    if shared is not None:
        return shared
    passes = _second(classifier, images, logits, autograd)
    return Observed(passes, climbed_gradient(classifier, images, labels), outputs_of(classifier, images))


def _shared(classifier: Classifier, images: Images, labels: Labels, logits: Logits) -> Observed | None:
    """All from the passes of the gradient; None where they do not show what separate ones would."""
    n = len(images)
    backwards = torch.arange(n - 1, -1, -1, device=images.device)
    halves = (backwards[: n // 2], backwards[n // 2 :])
    with attackable(classifier) as target:
        parts = in_room(
            classifier.network,
            n,
            lambda: [gradient_and_logits(target, images[half], labels[half]) for half in halves],
        )
        if not reads_logits(target):
            return None
    gradient, again = (torch.cat(part).flip(0) for part in zip(*parts, strict=True))
    again = again.to(logits.dtype)
    if differing_rows(logits, again, tolerance(classifier)).any() or not again.isfinite().all():
        return None
    return Observed(Passes(logits, again, again, False), gradient, read_rows(again))


def pass_twice(classifier: Classifier, images: Images) -> Passes:
    """Two passes, the second in halves and reverse order, and more only where these differ: see `second_pass`."""
    return _second(classifier, images, *logits_and_autograd_use(classifier, images))


def _second(classifier: Classifier, images: Images, logits: Logits, autograd: bool) -> Passes:
    """The first pass and a second one."""
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
