"""Grad-CAM: class activation maps of each layer, weighted by gradients."""

from __future__ import annotations

from typing import ClassVar

from torch.nn import functional as F

from ironglass.engine.folding.fold import folded
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.class_activation import by_channel, class_activation_maps
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Maps


@settings(frozen=True, kw_only=True)
class GradCAM:
    """Gradient-weighted class activation maps of every layer (Selvaraju et al. 2017, arXiv 1610.02391).

    map = sum over channels c of A_c · mean over space of ∂ logit_target / ∂ A_c

    A is the layer's own output, before any activation. The maps are signed: the paper's ReLU belongs to the picture.
    All layers share one forward and one backward pass. A module that runs more than once is explained at its last run.

    layers: names of modules whose output has the image's rows and columns as axes, in any order, or has tokens on a
        grid over the image; other tokens (class, distillation, registers) are left out. The axes are measured, not
        read off the layer's type, see `layouts_of`. None for every convolution, and in a transformer the first norm of
        each block, where they have such axes.
    """

    label: ClassVar[str] = "Grad-CAM"
    unit: ClassVar[str] = "logit"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = "The last layer’s channels, weighted by how much each raises the score: coarse."
    paper: ClassVar[str] = "arXiv 1610.02391"
    purpose: ClassVar[str] = "the region for a class; the first map to look at"
    limits: ClassVar[str] = "as coarse as the layer; the mean gradient can light up places that do not count"
    layers: tuple[str, ...] | None = None

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> dict[str, Maps]:
        """Signed maps (n, 1, h', w') by layer, each at the layer's own resolution, in the order in which they run.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Units: those of the logit. Raises InputError
        for a layer that does not exist, does not run or has no maps, and where the network gives no gradient.
        """
        return class_activation_maps(
            classifier, images, targets, self.layers, by_channel(lambda _, gradient: gradient.mean((2, 3))), folded
        )

    maps = __call__


def upsample(maps: Maps, size: tuple[int, int]) -> Maps:
    """Maps (n, d, h, w) of `size` pixels, by bilinear interpolation between the centres of the cells."""
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
