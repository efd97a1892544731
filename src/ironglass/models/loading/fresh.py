"""Detection of untrained weights, with which a network answers by chance."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch

from ironglass.errors import Notice
from ironglass.models.classifier import Classifier
from ironglass.models.loading.native import is_code, is_exported
from ironglass.models.normalisation import ASSUMED


def mark_fresh(classifier: Classifier, name: str) -> None:
    """Records the random weights of a network that was built by `name` without a checkpoint."""
    if not is_exported(name):
        classifier.built_with = _sums(classifier)


def untrained(classifier: Classifier, name: str = "") -> str:
    """Remark on a network that still has the weights it was built with; "" for others.

    name: what it was loaded by, where it does not say so itself.
    """
    before, now = classifier.built_with, _sums(classifier) if classifier.built_with else ()
    if not before or len(before) != len(now):
        return ""
    if not all(math.isclose(*pair, rel_tol=1e-9, abs_tol=1e-9) for pair in zip(before, now, strict=True)):
        return ""
    name = name or classifier.source or "the network"
    if is_code(name):
        return (
            f"no --weights were given: what is measured are the weights that {name} itself gives it, and where it loads"
            " none it is untrained and answers by chance"
        )
    return f"{name} is untrained: its weights are random, and it answers by chance"


def warn_if_untrained(classifier: Classifier) -> None:
    """Warns of an untrained network whose remarks do not say so yet."""
    warning = untrained(classifier)
    if warning and warning not in classifier.remarks:
        warnings.warn(Notice(warning), stacklevel=3)


def assumed(model: str, classifier: Classifier, *, fresh: bool) -> list[str]:
    """Sentences on assumptions about the classifier that `model` names: its weights, `fresh` or not, and its
    normalisation."""
    assumptions = [untrained(classifier, model)] if fresh and untrained(classifier, model) else []
    if classifier.normalisation == ASSUMED:
        assumptions.append(
            "nobody says what images are normalised by: they go in as they are, in [0, 1]; give --normalise, or --mean"
            " and --std, where the network was trained otherwise"
        )
    return assumptions


def _sums(classifier: Classifier) -> tuple[Any, ...]:
    """The sum of every parameter and of its magnitudes: training changes some of them."""
    with torch.no_grad():
        sums = [
            torch.stack([values.sum(dtype=torch.float64), values.abs().sum(dtype=torch.float64)]).cpu()
            for values in classifier.network.parameters()
            if values.is_floating_point() and values.device.type != "meta"
        ]
    return tuple(torch.stack(sums).flatten().tolist()) if sums else ()
