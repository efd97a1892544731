"""Grad-CAM++: Grad-CAM with a weight for each position of a channel."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.class_activation import by_channel, class_activation_maps
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Maps


@settings(frozen=True, kw_only=True)
class GradCAMPlusPlus:
    """Class activation maps with a weight per position (Chattopadhyay et al. 2017, arXiv 1710.11063).

    map = sum over channels c of A_c · Σ_ij α_cij · max(0, g_cij),  g = ∂ logit_target / ∂ A
    α = g² / (2 g² + g³ · Σ_ij max(0, A_ij) + eps),  0 where g is 0

    As in the authors' code, the factor exp(logit), the same for a whole map, is left out. The paper's A has been
    through a ReLU, and so has the one in α here, which changes nothing there and keeps α in [0, 1/2] elsewhere. The
    maps are signed, as Grad-CAM's.

    layers: as Grad-CAM's.
    eps: 0 in the paper. pytorch-grad-cam has 1e-6, more than most g² of a deep network: with it, the maps are those of
        that library.
    """

    label: ClassVar[str] = "Grad-CAM++"
    unit: ClassVar[str] = "logit"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = "Grad-CAM with a weight of its own for every place of a channel."
    paper: ClassVar[str] = "arXiv 1710.11063"
    purpose: ClassVar[str] = "several objects of one class in an image"
    limits: ClassVar[str] = "as coarse as Grad-CAM; leaves out all that speaks against the class"
    layers: tuple[str, ...] | None = None
    eps: float = 0.0

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> dict[str, Maps]:
        """Signed maps (n, 1, h', w') by layer, each at the layer's own resolution, in the order in which they run.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Raises InputError as Grad-CAM does.
        """
        return class_activation_maps(classifier, images, targets, self.layers, by_channel(self._weigh))

    def _weigh(self, output: Tensor, gradient: Tensor) -> Tensor:
        rising = gradient.clamp_min(0)  # α is wanted where g > 0 only
        total = output.clamp_min(0).sum((2, 3), keepdim=True)
        # divided by g², which may be too small for a float by itself
        alpha = 1 / (2 + rising * total + self.eps / rising / rising)
        return torch.where(rising > 0, alpha * rising, 0).sum((2, 3))
