"""Explanation methods: maps of the evidence for a class in an image."""

from __future__ import annotations

from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import torch

from ironglass.choices import did_you_mean, shown, unknown
from ironglass.errors import InputError
from ironglass.explain.methods.activation_maximisation import ActivationMaximisation
from ironglass.explain.methods.attention_relevance import AttentionRelevance
from ironglass.explain.methods.attention_rollout import AttentionRollout
from ironglass.explain.methods.expected_gradients import ExpectedGradients
from ironglass.explain.methods.feature_maps import Tiling, feature_maps, tile
from ironglass.explain.methods.grad_cam import GradCAM, upsample
from ironglass.explain.methods.grad_cam_pp import GradCAMPlusPlus
from ironglass.explain.methods.guided_backprop import GuidedBackprop
from ironglass.explain.methods.guided_grad_cam import GuidedGradCAM
from ironglass.explain.methods.hires_cam import HiResCAM
from ironglass.explain.methods.input_x_gradient import InputXGradient
from ironglass.explain.methods.integrated_gradients import IntegratedGradients
from ironglass.explain.methods.kernel_shap import KernelSHAP
from ironglass.explain.methods.layer_cam import LayerCAM
from ironglass.explain.methods.lrp import LRP
from ironglass.explain.methods.occlusion import Occlusion, occluded_scores
from ironglass.explain.methods.rise import RISE
from ironglass.explain.methods.saliency import Saliency, negative, positive
from ironglass.explain.methods.score_cam import ScoreCAM
from ironglass.explain.methods.smooth_grad import SmoothGrad
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.fill import fill_images
from ironglass.explain.parts.patch_grid import positions
from ironglass.models.checks import check_labels, checked_images
from ironglass.models.classifier import Classifier
from ironglass.models.memory import in_parts
from ironglass.types import Images, Labels, Maps

__all__ = [
    "EXPLAINERS",
    "LRP",
    "RISE",
    "ActivationMaximisation",
    "AttentionRelevance",
    "AttentionRollout",
    "ExpectedGradients",
    "Explainer",
    "GradCAM",
    "GradCAMPlusPlus",
    "GuidedBackprop",
    "GuidedGradCAM",
    "HiResCAM",
    "InputXGradient",
    "IntegratedGradients",
    "KernelSHAP",
    "LayerCAM",
    "Occlusion",
    "Saliency",
    "ScoreCAM",
    "SmoothGrad",
    "Tiling",
    "explain",
    "explainer_call",
    "feature_maps",
    "fill_images",
    "negative",
    "occluded_scores",
    "positions",
    "positive",
    "tile",
    "upsample",
]


@runtime_checkable
class Explainer(Protocol):
    """A frozen dataclass of settings that turns images into signed maps of the targets' scores."""

    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps | dict[str, Maps]:
        """Maps (n, 1 or c, h, w), or such maps by layer."""
        ...


EXPLAINERS: dict[str, Any] = {
    "saliency": Saliency(),
    "input-x-gradient": InputXGradient(),
    "smooth-grad": SmoothGrad(),
    "integrated-gradients": IntegratedGradients(),
    "expected-gradients": ExpectedGradients(),
    "lrp": LRP(),
    "guided-backprop": GuidedBackprop(),
    "grad-cam": GradCAM(),
    "grad-cam++": GradCAMPlusPlus(),
    "layer-cam": LayerCAM(),
    "hires-cam": HiResCAM(),
    "score-cam": ScoreCAM(),
    "guided-grad-cam": GuidedGradCAM(),
    "attention-rollout": AttentionRollout(),
    "attention-relevance": AttentionRelevance(),
    "occlusion": Occlusion(),
    "rise": RISE(),
    "kernel-shap": KernelSHAP(),
}


def explain(
    classifier: Classifier, images: Images, targets: Labels, method: str | Explainer = "grad-cam", **fields: Any
) -> Maps | dict[str, Maps]:
    """Signed maps of the evidence for `targets` in `images`, on the classifier's device.

    images: float (n, c, h, w) in [0, 1].
    targets: int64 (n,), positions in `classifier.classes`.
    method: a name in EXPLAINERS, or an explainer; fields replace its settings, for instance `patch=8`. Grad-CAM and
        Grad-CAM++ give a dict by layer.

    Raises InputError.
    """
    images = checked_images(classifier, images)
    check_labels(targets, len(images), len(classifier.classes))
    if not isinstance(method, str) and (isinstance(method, type) or not callable(method)):
        raise InputError(
            f"method is {shown(method)}: give one of {', '.join(EXPLAINERS)}, or an explainer as GradCAM()"
        )
    if isinstance(method, str) and method not in EXPLAINERS:
        raise unknown("explainer", method, EXPLAINERS)
    explainer: Any = EXPLAINERS[method] if isinstance(method, str) else method
    if fields:
        names = [field.name for field in fields_of(explainer)]
        if wrong := sorted(fields.keys() - set(names)):
            raise InputError(
                f"{type(explainer).__name__} has no setting {wrong[0]!r}{did_you_mean(wrong[0], names)}: it has "
                f"{', '.join(names)}"
            )
        explainer = replace(explainer, **fields)
    without = {type(entry) for entry in EXPLAINERS.values() if getattr(entry, "black_box", False)} | {ScoreCAM}
    gradient_methods = {type(entry) for entry in EXPLAINERS.values()} - without
    if classifier.without_gradient and type(explainer) in gradient_methods:
        raise InputError(f"{classifier.without_gradient}: choose occlusion, which needs none")
    targets = targets.to(classifier.device)
    if isinstance(explainer, SmoothGrad):  # draws for the whole batch, and cuts its passes itself
        return explainer(classifier, images, targets)
    parts = list(in_parts(lambda part: explainer(classifier, images[part], targets[part]), len(images)))
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], dict):
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return torch.cat(parts)
