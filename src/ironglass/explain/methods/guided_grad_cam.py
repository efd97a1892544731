"""Guided Grad-CAM: guided backpropagation, masked by Grad-CAM."""

from __future__ import annotations

from typing import ClassVar

from ironglass.explain.methods.feature_maps import feature_maps
from ironglass.explain.methods.grad_cam import GradCAM, upsample
from ironglass.explain.methods.guided_backprop import GuidedBackprop
from ironglass.explain.parts.call import explainer_call
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Maps


@settings(frozen=True, kw_only=True)
class GuidedGradCAM:
    """Guided backpropagation times Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391).

    map = guided · upsample(max(0, Grad-CAM))

    layer: a name as Grad-CAM's; None for the last layer with more than 1 × 1 resolution.
    """

    label: ClassVar[str] = "Guided Grad-CAM"
    unit: ClassVar[str] = "product of the two"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = "Guided backpropagation times Grad-CAM."
    paper: ClassVar[str] = "arXiv 1610.02391"
    purpose: ClassVar[str] = "sharp pictures limited to the region of a class"
    limits: ClassVar[str] = "inherits that guided backpropagation changes little when the network is made random"
    layer: str | None = None

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Signed maps (n, c, h, w). images: in [0, 1]. targets: int64 (n,), the classes to explain.

        Raises InputError as guided backpropagation and Grad-CAM do.
        """
        guided = GuidedBackprop()(classifier, images, targets)
        layer = self.layer or _last_layer(classifier, images)
        maps = GradCAM(layers=(layer,))(classifier, images, targets)[layer]
        return guided * upsample(maps.clamp_min(0), (images.shape[2], images.shape[3]))

    def note(self, classifier: Classifier, images: Images, targets: Labels) -> str:
        """Notice about guided backpropagation's part."""
        return GuidedBackprop().note(classifier, images, targets)


def _last_layer(classifier: Classifier, images: Images) -> str:
    outputs = feature_maps(classifier, images[:1])
    spread = [name for name, maps in outputs.items() if maps[0, 0].numel() > 1]
    return (spread or list(outputs))[-1]
