"""Detection of networks whose output for an image depends on its batch, or is random."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch

from ironglass.errors import ForwardError, Notice
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Logits, Mask

MAX_PROBE_IMAGES = 8
"""Maximum number of images on which a network is probed."""
MAX_REPEATS = 4
"""Repetitions of the first pass; a network whose outputs differ in any of them is random."""


def tolerance(classifier: Classifier) -> float:
    """Relative tolerance for logits that differ by the order of summation alone, in the network's precision."""
    floats = (tensor.dtype for tensor in classifier.network.parameters() if tensor.is_floating_point())
    return max(1e-3, 8 * max((torch.finfo(dtype).eps for dtype in floats), default=0.0))


def differing_rows(first: Logits, second: Logits, limit: float) -> Mask:
    """Flags of the rows that differ by more than `limit`, relative to the largest logit: see `tolerance`."""
    return (first - second).abs().amax(1) > limit * first.abs().amax(1)


def in_other_batches(classifier: Classifier, images: Images) -> Logits | None:
    """The logits of the images, but in two halves and in reverse order; of fewer than 4, beside their negatives.

    None where the network takes no batch of another size. The caller is inside `eval_without_grad`, without gradients.
    """
    n = len(images)
    try:
        if n < 4:
            return classifier(torch.cat((images, 1 - images)))[:n]
        reversed_images = images.flip(0)
        return torch.cat([classifier(half) for half in (reversed_images[: n // 2], reversed_images[n // 2 :])]).flip(0)
    except ForwardError:
        return None


def second_pass(classifier: Classifier, images: Images, logits: Logits) -> tuple[Logits, Logits | None]:
    """The logits once more, and in other company: of one pass, in that company, unless they differ from the first.

    Then that pass is repeated, and the first one up to 4 times: what differs between equal passes is drawn, and stands
    in the former. The caller is inside `eval_without_grad`, without gradients.
    """
    limit = tolerance(classifier)
    rebatched = in_other_batches(classifier, images)
    if rebatched is not None and not differing_rows(logits, rebatched, limit).any():
        return rebatched, rebatched
    repeated = classifier(images)
    for _ in range(MAX_REPEATS - 1 if rebatched is not None else 0):
        if differing_rows(logits, repeated, limit).any():
            break
        repeated = classifier(images)
    if differing_rows(logits, repeated, limit).any():
        return repeated, None
    rebatched_again = None if rebatched is None else in_other_batches(classifier, images)
    if (
        rebatched is not None
        and rebatched_again is not None
        and differing_rows(rebatched, rebatched_again, limit).any()
    ):
        return rebatched, None
    return repeated, rebatched


def depends_on_batch(classifier: Classifier, images: Images) -> bool:
    """Returns whether the answer to one of up to 8 images is another one in another batch, see `depends_on`."""
    return depends_on(classifier, images) == "batch"


def depends_on(classifier: Classifier, images: Images) -> Literal["", "batch", "chance"]:
    """Finds what else the answer to one of up to 8 images depends on: "batch" where it is another one in another batch,
    and always the same in the same; "chance" where two equal passes differ.

    Two passes over them, and up to 5 more where these differ. What is drawn meanwhile is given back.
    """
    probes = images[:: max(1, len(images) // MAX_PROBE_IMAGES)][:MAX_PROBE_IMAGES]
    with undisturbed(classifier.device), eval_without_grad(classifier), torch.no_grad():
        logits = classifier(probes)
        repeated, rebatched = second_pass(classifier, probes, logits)
        limit = tolerance(classifier)
        if rebatched is not None and bool(differing_rows(logits, rebatched, limit).any()):
            return "batch"
        return "chance" if bool(differing_rows(logits, repeated, limit).any()) else ""


def warn_of_batches() -> None:
    """Warns that images are passed one at a time."""
    text = (
        "the network's answer to an image depends on the others of its batch (batch statistics in evaluation mode?): "
        "images are read one at a time, which is slow and may not be what it was trained for"
    )
    warnings.warn(Notice(text), stacklevel=3)


def warn_of_chance() -> None:
    """Warns that another call gives other numbers."""
    text = (
        "the network is not deterministic: two passes over the same images give other answers (dropout in evaluation"
        " mode?), and another call gives other numbers"
    )
    warnings.warn(Notice(text), stacklevel=3)


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """Restores the global random states of torch, NumPy and Python on exit."""
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002  (a network may draw from it)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002
