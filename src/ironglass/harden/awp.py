"""Adversarial weight perturbation: one attack step on the weights before the loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parallel import DistributedDataParallel

from ironglass.errors import InputError
from ironglass.harden.adversarial import AdversarialObjective
from ironglass.harden.passes import keeping_buffers, unwrapped
from ironglass.types import Images, Labels, Logits, Loss


@dataclass(frozen=True, kw_only=True)
class AWP:
    """Another objective's loss at weights moved by one adversarial step, for the same adversarial images.

    loss = ℓ_{w + v}(x, x', y),  v = gamma · ‖w‖₂ · g / ‖g‖₂ a weight tensor,  g = ∂ ℓ_w(x, x', y) / ∂ w

    Wu et al. 2020, arXiv 2004.05884, with one step and their gamma of 0.005. x' is made at w. As in the authors' code
    only tensors of two or more dimensions are moved, of convolutions and linear layers above all, and of those only
    what learns. v is a constant, so that the gradient at w + v is the one that w descends: the classifier's parameters
    are never written to, and there is nothing to restore. Under several processes each has its own v.

    objective: any of this room but `Free`, whose attack is no step of its own. Raises InputError for another, and for a
    gamma that is no number from 0.

    Batch-norm's running statistics take in what the objective's own do, in the pass at w + v; the one for g leaves
    them as they were. One forward and backward pass of ℓ more than without; two of the images where the objective's
    attack would else have come free, as in `FGSMTraining`.
    """

    objective: Any
    gamma: float = 0.005

    def __post_init__(self) -> None:
        if not isinstance(self.objective, AdversarialObjective):
            kind = type(self.objective).__name__
            raise InputError(f"AWP cannot go around {kind}: give it an objective with `perturb` and `loss`, as TRADES")
        if not 0 <= self.gamma < math.inf:
            raise InputError(f"AWP's gamma is {self.gamma}: give a share of each weight tensor's length, such as 0.005")

    def __call__(self, classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss at w + v, and the objective's logits there."""
        adversarial = self.objective.perturb(classifier, images, labels)
        module = unwrapped(classifier)
        weights = {name: weight for name, weight in module.named_parameters() if weight.ndim > 1}
        weights = {name: weight for name, weight in weights.items() if weight.requires_grad}
        if not weights:
            return self.objective.loss(classifier, images, adversarial, labels)
        with keeping_buffers(module), torch.enable_grad():
            loss, _ = self.objective.loss(module, images, adversarial, labels)
            gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
        perturbed = {
            name: weight + self.gamma * _towards(weight, gradient)
            for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
            if gradient is not None
        }
        return self.objective.loss(_WithWeights(classifier, perturbed), images, adversarial, labels)


@dataclass(frozen=True)
class _WithWeights:
    """A classifier with other weights, by their names beneath DistributedDataParallel, that leaves it as it is."""

    classifier: nn.Module
    weights: dict[str, Tensor]

    def __call__(self, images: Images) -> Logits:
        prefix = "module." if isinstance(self.classifier, DistributedDataParallel) else ""
        return functional_call(
            self.classifier, {prefix + name: weight for name, weight in self.weights.items()}, (images,)
        )

    @property
    def beneath(self) -> _WithWeights:
        return _WithWeights(unwrapped(self.classifier), self.weights)


def _towards(weight: Tensor, gradient: Tensor) -> Tensor:
    """The gradient, made as long as the weight; 0 where it is 0 or not finite."""
    with torch.no_grad():
        length = torch.linalg.vector_norm(gradient)
        scale = torch.where(length > 0, torch.linalg.vector_norm(weight) / length, 0.0)
        return torch.nan_to_num(gradient * scale, nan=0.0, posinf=0.0, neginf=0.0)
