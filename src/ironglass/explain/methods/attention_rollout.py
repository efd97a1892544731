"""Attention rollout: image regions whose tokens reach a transformer's output through attention."""

from __future__ import annotations

from typing import ClassVar

import torch

from ironglass.explain.methods.grad_cam import upsample
from ironglass.explain.parts.attention import Attention, attention_maps
from ironglass.explain.parts.call import explainer_call
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Maps


@settings(frozen=True, kw_only=True)
class AttentionRollout:
    """Attention through all blocks (Abnar and Zuidema 2020, arXiv 2005.00928).

    map = the read tokens' rows of Â_L · … · Â_1,  Â = residual · I + (1 − residual) · mean over heads of A

    The read tokens are those that the head uses: the class token, or all equally. The map is the same for every class.

    residual: weight of the skip connection around the attention, 1/2 in the paper.
    """

    label: ClassVar[str] = "Attention rollout"
    unit: ClassVar[str] = "share of the answer"
    signed: ClassVar[bool] = False
    words: ClassVar[str] = "Attention followed through all blocks: where the answer is gathered, whatever the class."
    paper: ClassVar[str] = "arXiv 2005.00928"
    purpose: ClassVar[str] = "where a transformer gathers its answer"
    limits: ClassVar[str] = "the same for every class; only networks whose blocks all attend everywhere"
    residual: float = 0.5

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Maps (n, 1, h, w), at least 0: shares of the answer, by bilinear interpolation of `grid`.

        images: in [0, 1]. targets: int64 (n,), of no influence. Raises InputError for a network that does not attend
        from all tokens to all in every block.
        """
        return upsample(self.grid(classifier, images, targets), (images.shape[2], images.shape[3]))

    def grid(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """The maps on the grid of tokens, (n, 1, h', w')."""
        return attention_maps(classifier, images, targets, self._rolled)

    def _rolled(self, attention: Attention) -> Maps:
        rows = attention.read.to(attention.weights[0].dtype).expand(len(attention.weights[0]), 1, -1)
        for weights in reversed(attention.weights):
            rows = self.residual * rows + (1 - self.residual) * torch.bmm(rows, weights.mean(1))
        return attention.over_image(rows[:, 0])
