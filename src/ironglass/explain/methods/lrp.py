"""Layer-wise relevance propagation: a logit shared out backwards, layer by layer, to the pixels."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.gradient import chunk_size
from ironglass.explain.parts.relevance.affine import Rule, Sharing, epsilon_rule, gamma_rule, plus_rule
from ironglass.explain.parts.relevance.propagate import propagate
from ironglass.explain.parts.relevance.record import record_pass
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.memory import in_parts
from ironglass.types import Images, Labels, Maps

COMPOSITES: dict[str, dict[str, Rule]] = {
    "epsilon-gamma-plus": {"dense": epsilon_rule, "convolution": gamma_rule, "first": plus_rule},
    "epsilon-plus": {"dense": epsilon_rule, "convolution": plus_rule, "first": plus_rule},
    "epsilon": {"dense": epsilon_rule, "convolution": epsilon_rule, "first": epsilon_rule},
}
"""Rules by kind of layer: dense ones, convolutions, and the first convolution."""

SUMS_GAMMA = 1.0
"""The γ of plain sums and averages where convolutions have one: by the ε rule, what cancels in the residual sums of
RepViT or DPN multiplies the relevance a thousandfold."""


@settings(frozen=True, kw_only=True)
class LRP:
    """Layer-wise relevance propagation (Bach et al. 2015; composites of Montavon et al. 2017, arXiv 1512.02479).

    The target's logit is the relevance of the output. Each operation shares the relevance of its output among its
    inputs by their contributions: see `epsilon_rule`, `gamma_rule` and `plus_rule` for layers with weights, and
    `shares_of` for all others. Batch-norms are folded into the convolutions before them.

    Conserving: a map sums to the logit, but for what ε takes and for outputs to which nothing contributed, see `gap`.

    Not a test of what the upper layers have learned: rules that count mainly what supports an output bring maps of all
    classes nearer to each other from layer to layer (Sixt et al. 2020, arXiv 1912.09818).

    The operations are recorded as the network runs, so that its code, hooks and branches are followed. Attention has no
    rule here and is refused.

    composite: a name in COMPOSITES.
    epsilon: added to every denominator, of its sign.
    gamma: weight of contributions of the output's own sign in the γ rule, beyond 1.
    bias: whether biases of layers take their share of the relevance, as in the papers' formulas; it is then lost.

    With `bias` and composite "epsilon-plus" the map is the EpsilonPlus of zennit.
    """

    label: ClassVar[str] = "LRP"
    unit: ClassVar[str] = "logit"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = "The score, shared out backwards from layer to layer until it lies on the pixels."
    paper: ClassVar[str] = "arXiv 1512.02479"
    purpose: ClassVar[str] = "fine shares that add up to the score, from one pass, with less noise than gradients"
    limits: ClassVar[str] = (
        "changes little when the upper layers are made random, the less the more z⁺ there is; the rules are a choice; "
        "no attention"
    )
    composite: str = "epsilon-gamma-plus"
    epsilon: float = 1e-9
    gamma: float = 0.25
    bias: bool = False

    def __post_init__(self) -> None:
        if self.composite not in COMPOSITES:
            raise InputError(f"there is no composite {self.composite!r}: choose from {', '.join(COMPOSITES)}")
        for name, value in (("epsilon", self.epsilon), ("gamma", self.gamma)):
            if not 0 <= value < math.inf:
                raise InputError(f"LRP's {name} is {value}: give a finite number, at least 0")

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Signed maps (n, c, h, w), units of the logit.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Raises InputError for a network with an
        operation that has no rule, as attention, and where the logits do not depend on the images by torch's
        operations.
        """
        images, targets = images.detach(), targets.to(images.device)
        sums = SUMS_GAMMA if "gamma" in self.composite else 0.0
        sharing = Sharing(epsilon=self.epsilon, gamma=self.gamma, sums=sums, bias=self.bias)

        def relevance(part: slice) -> Maps:
            with torch.inference_mode(False), torch.no_grad():
                logits, record = record_pass(classifier, images[part])
                start = torch.zeros_like(logits, dtype=torch.float32)
                index = targets[part, None].clone()
                start.scatter_(1, index, logits.float().gather(1, index))
                return propagate(record, start, COMPOSITES[self.composite], sharing).float()

        # what is recorded is about what autograd would keep
        size = chunk_size(classifier, images[:1], len(images))
        return torch.cat(list(in_parts(relevance, len(images), at_most=size)))

    def gap(self, classifier: Classifier, images: Images, targets: Labels, maps: Maps) -> Tensor:
        """Distance of `maps`, those of these images, from conservation: float32 (n,), units of the logit.

        gap = Σ map − logit_target
        """
        with eval_without_grad(classifier), torch.no_grad():
            logits = classifier(images.detach()).gather(1, targets.to(images.device)[:, None])[:, 0]
            return (maps.flatten(1).double().sum(1) - logits.double()).float()
