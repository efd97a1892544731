"""Attention relevance: rollout of the attention that raises the logit of a class."""

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
class AttentionRelevance:
    """Gradient-weighted attention through all blocks (Chefer et al. 2021, arXiv 2103.15679).

    R = (I + Ā_L) · … · (I + Ā_1),  Ā = mean over heads of max(0, A · ∂ logit_target / ∂ A)
    map = the read tokens' rows of R − I

    The read tokens are those that the head uses: the class token, or all equally.
    """

    label: ClassVar[str] = "Attention relevance"
    unit: ClassVar[str] = "relevance"
    signed: ClassVar[bool] = False
    words: ClassVar[str] = "Attention followed through all blocks, as far as it raises the score."
    paper: ClassVar[str] = "arXiv 2103.15679"
    purpose: ClassVar[str] = "where a transformer gathers the evidence for a class"
    limits: ClassVar[str] = "only networks whose blocks all attend everywhere; leaves out what speaks against the class"

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Maps (n, 1, h, w), at least 0, by bilinear interpolation of `grid`.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Raises InputError for a network that does not
        attend from all tokens to all in every block, and where it gives no gradient.
        """
        return upsample(self.grid(classifier, images, targets), (images.shape[2], images.shape[3]))

    def grid(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """The maps on the grid of tokens, (n, 1, h', w')."""
        return attention_maps(classifier, images, targets, self._relevance)

    def _relevance(self, attention: Attention) -> Maps:
        start = attention.read.to(attention.weights[0].dtype).expand(len(attention.weights[0]), 1, -1)
        rows = start
        for weights, gradients in zip(reversed(attention.weights), reversed(attention.gradients), strict=True):
            rows = rows + torch.bmm(rows, (weights * gradients).clamp_min(0).mean(1))
        return attention.over_image((rows - start)[:, 0])
