"""Saliency: the gradient of a class's logit with respect to the pixels."""

from __future__ import annotations

from typing import ClassVar

from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.gradient import input_gradient
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Maps


@settings(frozen=True, kw_only=True)
class Saliency:
    """The gradient of the target's logit (Simonyan et al. 2013, arXiv 1312.6034).

    map = ∂ logit_target / ∂ image

    The paper shows the largest absolute value over the channels; here signs and channels are kept, see `positive` and
    `negative`. The logit, not the probability: the softmax mixes in evidence for the other classes.
    """

    label: ClassVar[str] = "Saliency"
    unit: ClassVar[str] = "logit per unit of [0, 1]"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = "The gradient: how much the score moves when a pixel does."
    paper: ClassVar[str] = "arXiv 1312.6034"
    purpose: ClassVar[str] = "the direction in which pixels move the score; one pass"
    limits: ClassVar[str] = "noisy; says how the score would move, not what it is made of"

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Signed maps (n, c, h, w), units of the logit per unit of [0, 1].

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Raises InputError where the network gives no
        gradient.
        """
        return input_gradient(classifier, images, targets)


def positive(maps: Maps) -> Maps:
    """The positive part of signed maps, evidence for the target: maps = positive(maps) − negative(maps)."""
    return maps.clamp_min(0)


def negative(maps: Maps) -> Maps:
    """The absolute negative part of signed maps, evidence against the target, at least 0."""
    return (-maps).clamp_min(0)
