"""Score-CAM: the channels of a layer, weighted by the score of the image seen through each."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ironglass.engine.occlusion.forward import Forward, fused_forward
from ironglass.explain.methods.feature_maps import feature_maps
from ironglass.explain.methods.grad_cam import upsample
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.last_maps import last_maps
from ironglass.explain.parts.masked import pass_size, seen_through
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.models.memory import in_parts
from ironglass.types import Images, Labels, Maps


@settings(frozen=True, kw_only=True)
class ScoreCAM:
    """Class activation maps weighted by scores in place of gradients (Wang et al. 2020, arXiv 1910.01279).

    map = max(0, sum over channels k of α_k · A_k),  α = softmax over k of logit_target(image seen through H_k)
    H_k = A_k brought to the image's size, from its least value at 0 to its largest at 1

    An image is seen through H as baseline + H · (image − baseline), the baseline being the colour that the network's
    normalisation brings to 0. The paper subtracts the baseline's logit from each score, which a softmax does not see.
    A channel that is constant over the image hides all of it. As many forward passes an image as the layer has channels
    that are not constant; no gradient.

    layer: name of a module as Grad-CAM's; None for the last one with rows and columns, activation included; in a
        transformer the first norm of the last block.
    """

    label: ClassVar[str] = "Score-CAM"
    unit: ClassVar[str] = "activation"
    signed: ClassVar[bool] = False
    words: ClassVar[str] = "The last layer’s channels, weighted by the score of the image seen through each: coarse."
    paper: ClassVar[str] = "arXiv 1910.01279"
    purpose: ClassVar[str] = "a class activation map where gradients are noisy, saturated or masked"
    limits: ClassVar[str] = "one pass a channel, so hundreds an image; coarse; often decided by a few channels"
    layer: str | None = None

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Maps (n, 1, h, w), at least 0, in units of the layer's output, by bilinear interpolation of `grid`.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Raises InputError for a layer that does not
        exist, does not run or has no maps, and where no layer has.
        """
        return upsample(self.grid(classifier, images, targets), (images.shape[2], images.shape[3]))

    def grid(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """The maps at the layer's own resolution, (n, 1, h', w')."""
        # not inside `folded`, which changes what a convolution gives
        outputs = self.check(classifier, images)
        with fused_forward(classifier, outputs.shape[:2].numel()) as forward:
            weights = _scores(classifier, forward, images.detach(), targets.to(images.device), outputs).softmax(1)
            return torch.einsum("nk,nkhw->nhw", weights, outputs).clamp_min(0)[:, None]

    def check(self, classifier: Classifier, images: Images) -> Tensor:
        """The layer's output, (n, k, h', w'). Raises InputError where the network has no such layer."""
        layer = self.layer or last_maps(classifier, images)
        return feature_maps(classifier, images, [layer])[layer].float()


def _scores(classifier: Classifier, forward: Forward, images: Images, targets: Labels, outputs: Tensor) -> Tensor:
    """The target's logit of each image seen through each channel of `outputs` (n, k, h', w'): float32 (n, k).

    forward: gives the classifier's logits.
    """
    size = (images.shape[2], images.shape[3])
    low, high = outputs.flatten(2).aminmax(dim=2)
    image, channel = (low < high).nonzero(as_tuple=True)
    scores = torch.zeros_like(low)
    if len(image) < low.numel():  # constant channels show the baseline, alike for all images
        unseen = classifier.mean.to(images.dtype).expand(1, *images.shape[1:])
        scores[:] = forward(unseen)[0, targets].float()[:, None]

    def score(part: slice) -> Tensor:
        masks = upsample(outputs[image[part], channel[part]][:, None], size)
        least, largest = (bound[:, None, None, None] for bound in masks.flatten(1).aminmax(dim=1))
        # a peak between the centres of pixels may be flat once interpolated
        masks = (masks - least) / (largest - least).clamp_min(torch.finfo(masks.dtype).tiny)
        logits = forward(seen_through(classifier, images[image[part]], masks))
        return logits.gather(1, targets[image[part], None])[:, 0].float()

    if len(image):
        scores[image, channel] = torch.cat(list(in_parts(score, len(image), at_most=pass_size(images, len(image)))))
    return scores
