"""Input times gradient: each pixel's contribution to a logit, were it linear."""

from __future__ import annotations

from typing import ClassVar

from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.gradient import input_gradient
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Maps


@settings(frozen=True, kw_only=True)
class InputXGradient:
    """Each pixel times the gradient of the target's logit (Shrikumar et al. 2016, arXiv 1605.01713).

    map = image · ∂ logit_target / ∂ image

    The image is in [0, 1], before normalisation: black pixels have no share.
    """

    label: ClassVar[str] = "Input × gradient"
    unit: ClassVar[str] = "logit"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = "The gradient times the pixel’s own value."
    paper: ClassVar[str] = "arXiv 1605.01713"
    purpose: ClassVar[str] = "shares of the score at the price of one gradient"
    limits: ClassVar[str] = "black pixels have no share; noisy as the gradient"

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Signed maps (n, c, h, w), units of the logit.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Raises InputError where the network gives no
        gradient.
        """
        return images.detach() * input_gradient(classifier, images, targets)
