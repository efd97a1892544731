"""One attack at several sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from ironglass.attacks.fgsm import FGSM, fgsm_sweep
from ironglass.attacks.parts.threat import THREATS
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels


def at_each_eps(
    attack: Any,
    classifier: Classifier,
    images: Images,
    labels: Labels,
    eps: Sequence[float],
    *,
    norm: str,
    draws: Callable[[], torch.Generator],
) -> Iterator[Images]:
    """The attack's images at each eps in turn, FGSM's from one gradient that all of them share.

    draws: makes the generator of one eps; made anew for each, so that no eps depends on which others are asked for.
    """
    if isinstance(attack, FGSM):
        yield from fgsm_sweep(classifier, images, labels, eps, threat=THREATS[norm])
        return
    for size in eps:
        yield replace(attack, threat=THREATS[norm](size))(classifier, images, labels, generator=draws())
