"""Losses that attackers climb: one number an image, from its logits."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.errors import InputError
from ironglass.types import Labels, Logits


def cross_entropy(logits: Logits, labels: Labels) -> Tensor:
    """−log softmax(logits)[label], one an image, as softplus(logsumexp of the other logits − the label's).

    The same number as torch's, with a gradient that survives confidence: 1 − p does not round to 0 in float32 once the
    label is ahead by 17, which would stop an attack for no fault of its own.
    """
    return F.softplus(others(logits, labels).logsumexp(1) - _at_class(logits, labels))


def margin(logits: Logits, labels: Labels) -> Tensor:
    """The best other logit minus the label's, one an image: above 0 exactly where the label is not predicted.

    Carlini & Wagner 2016, arXiv 1608.04644, their f₆ without the floor.
    """
    return others(logits, labels).amax(1) - _at_class(logits, labels)


def dlr(logits: Logits, labels: Labels) -> Tensor:
    """−(z_label − best other z) / (z₍₁₎ − z₍₃₎): the margin, blind to the logits' scale and offset, at most 1.

    z₍ᵢ₎: the i-th largest logit. Croce & Hein 2020, arXiv 2003.01690. Raises InputError for fewer than 3 classes.
    """
    _check_classes("the DLR loss", logits, 3)
    top = logits.topk(3, dim=1).values
    return margin(logits, labels) / (top[:, 0] - top[:, 2]).clamp_min(1e-12)


def dlr_targeted(logits: Logits, labels: Labels, targets: Labels) -> Tensor:
    """−(z_label − z_target) / (z₍₁₎ − (z₍₃₎ + z₍₄₎) / 2): the lead of one wanted class, blind to scale and offset.

    Croce & Hein 2020, arXiv 2003.01690. Raises InputError for fewer than 4 classes.
    """
    _check_classes("the targeted DLR loss", logits, 4)
    top = logits.topk(4, dim=1).values
    scale = (top[:, 0] - (top[:, 2] + top[:, 3]) / 2).clamp_min(1e-12)
    return (_at_class(logits, targets) - _at_class(logits, labels)) / scale


def others(logits: Logits, labels: Labels) -> Logits:
    """The logits with each label's own set to −∞."""
    return logits.masked_fill(F.one_hot(labels, logits.shape[1]).bool(), -torch.inf)


LOSSES = {"ce": cross_entropy, "dlr": dlr, "margin": margin}


def _at_class(logits: Logits, classes: Labels) -> Tensor:
    return logits.gather(1, classes[:, None])[:, 0]


def _check_classes(loss: str, logits: Logits, minimum: int) -> None:
    if logits.shape[1] < minimum:
        raise InputError(
            f"{loss} needs {minimum} classes and the classifier has {logits.shape[1]}: use the margin loss"
        )
