"""Last step of loading: a trial pass over a few images, and the fastest memory format that works."""

from __future__ import annotations

import torch

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier


def prepare(classifier: Classifier) -> Classifier:
    """The classifier in evaluation mode, its outputs checked, its weights channels-last where its code allows it.

    A network whose code takes its maps for laid out channel by channel, as `x.view(n, -1)` does, stays so. What is
    adapted is added to its remarks. Raises InputError for outputs that are no logits of the classes, for a forward that
    fails, and for logits that are NaN or infinite for every image.
    """
    classifier.eval()
    logits = classifier.settle()
    if not logits.isfinite().all(1).any():
        name = classifier.source or type(classifier.network).__name__
        raise InputError(
            f"{name} gives {_not_finite(logits)} for images of random pixels: it overflows, though its weights may be"
            " finite; check its weights, its mean and std, and its precision"
        )
    classifier.to(memory_format=torch.channels_last)
    try:
        classifier.settle()
    except InputError:  # not so as it was built
        classifier.to(memory_format=torch.contiguous_format)
        classifier.settle()
    if classifier.adaptation:
        classifier.remarks += (classifier.adaptation,)
    return classifier


def _not_finite(logits: torch.Tensor) -> str:
    return "NaN" if logits.isnan().any() else "infinite logits"
