"""SmoothGrad: saliency averaged over noisy copies of the image."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.gradient import weighted_gradient
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Maps


@settings(frozen=True, kw_only=True)
class SmoothGrad:
    """The mean gradient over noisy copies of the image (Smilkov et al. 2017, arXiv 1706.03825).

    map = mean over s of ∂ logit_target / ∂ image at image + noise · z_s,  z_s ~ N(0, 1)

    noise: in units of [0, 1]; in the paper it is a share, 0.1 to 0.2, of each image's own range.
    samples: noisy copies.
    seed: of the noise, which is the same for every image of a batch, so that no map depends on its neighbours and the
        maps of two versions of an image differ by the image alone.

    As in the paper, noisy pixels are not clipped.
    """

    label: ClassVar[str] = "SmoothGrad"
    unit: ClassVar[str] = "logit per unit of [0, 1]"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = "The gradient, averaged over noisy copies of the image."
    paper: ClassVar[str] = "arXiv 1706.03825"
    purpose: ClassVar[str] = "the gradient with less of its noise, for a picture"
    limits: ClassVar[str] = "50 passes an image; the noise and its size are choices"
    noise: float = 0.15
    samples: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.noise < math.inf:
            raise InputError(f"SmoothGrad's noise is {self.noise}: give at least 0, in units of [0, 1]")
        if self.samples < 1:
            raise InputError(f"SmoothGrad has {self.samples} samples: give at least 1")

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Signed maps (n, c, h, w), units of the logit per unit of [0, 1].

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Raises InputError where the network gives no
        gradient.
        """
        generator = torch.Generator().manual_seed(self.seed)  # on the processor: the same noise on every device
        noise = self.noise * torch.randn(self.samples, *images.shape[1:], generator=generator)

        def points(images_part: slice, samples_part: slice) -> Tensor:
            return images[images_part] + noise[samples_part, None].to(images.device, images.dtype)

        weights = torch.full((self.samples,), 1 / self.samples)
        return weighted_gradient(classifier, images, targets, points, weights)
