"""Adversarial regularisation, as Neural Structured Learning defines it."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

import torch
from torch import nn
from torch.nn import functional as F

from ironglass.fields import dataclass
from ironglass.harden.adversarial import Pass, Smoothing, StepSize, Weight
from ironglass.harden.passes import clean_pass, keeping_buffers, unwrapped
from ironglass.types import Images, Labels, Logits, Loss

LEAST_NORM = 1e-6


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class AdversarialRegularisation:
    """Cross-entropy, and a share of that of the images one step up its gradient.

    loss = L(x, y) + multiplier · L(x', y),  x' = x + adv_step_size · d,  d by adv_grad_norm from g = ∂ L(x, y) / ∂ x

    The semantics, and the names of the settings, of Neural Structured Learning's `AdversarialRegularization` (Gopalan
    et al. 2021; Goodfellow et al. 2014, arXiv 1412.6572): L is the mean over the batch, no gradient goes through d,
    and values of g that are not finite count as 0. See `direction` for d.

    adv_step_size: in units of [0, 1], by that norm.
    adv_grad_norm: "infinity", "l2" or "l1".
    clip: x' into [0, 1]; off, as there by default, to match it bit by bit.
    label_smoothing: in both terms.

    Batch-norm normalises each of the two batches by itself, and its running statistics take in both: first the clean,
    then the adversarial. One forward and one backward pass for each.
    """

    LENGTHS: ClassVar[tuple[str, ...]] = ("adv_step_size",)
    """Fields that shrink together in a smaller budget."""

    label: ClassVar[str] = "Adversarial regularisation"
    multiplier: Weight = 0.2
    adv_step_size: StepSize = 0.2
    adv_grad_norm: Literal["infinity", "l2", "l1"] = "infinity"
    clip: bool = True
    label_smoothing: Smoothing = 0.0

    @property
    def eps(self) -> float:
        """The size of change that it trains against, as every objective names it: adv_step_size."""
        return self.adv_step_size

    @property
    def norm(self) -> str:
        """The norm of that size, as every objective names it: "linf", "l2" or "l1"."""
        return "linf" if self.adv_grad_norm == "infinity" else self.adv_grad_norm

    def __call__(self, classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss, and the logits of the clean images."""
        clean, logits, gradient = clean_pass(classifier, images, self._criterion(labels))
        stepped = self._step(images, gradient)
        return clean + self.multiplier * self._criterion(labels)(unwrapped(classifier)(stepped)), logits

    def perturb(self, classifier: nn.Module, images: Images, labels: Labels) -> Images:
        """x', by a pass of its own that leaves the running statistics alone; calling the objective needs none."""
        module = unwrapped(classifier)
        with keeping_buffers(module):
            return self._step(images, clean_pass(module, images, self._criterion(labels))[2])

    def loss(self, classifier: Pass, images: Images, adversarial: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss for a given x', and the logits of the clean images."""
        logits, criterion = classifier(images), self._criterion(labels)
        return criterion(logits) + self.multiplier * criterion(unwrapped(classifier)(adversarial)), logits

    def _criterion(self, labels: Labels) -> partial[Loss]:
        return partial(F.cross_entropy, target=labels, label_smoothing=self.label_smoothing)

    def _step(self, images: Images, gradient: Images) -> Images:
        stepped = images + self.adv_step_size * direction(gradient, self.adv_grad_norm)
        return stepped.clamp_(0, 1) if self.clip else stepped


def direction(gradient: Images, norm: str) -> Images:
    """The step of length 1 by `norm` along which a loss with this gradient rises fastest, (n, c, h, w), per image.

    infinity: sign(g). l2: g / max(‖g‖₂, 10⁻⁶), so that a smaller gradient makes a shorter step. l1: sign(g) where |g|
    is largest and 0 elsewhere; places that tie share the length evenly. A value that is not finite counts as 0.
    """
    gradient = torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
    if norm == "infinity":
        return gradient.sign()
    if norm == "l2":
        return gradient / torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True).clamp_min(LEAST_NORM)
    size = gradient.abs()
    largest = size == size.amax((1, 2, 3), keepdim=True)
    return gradient.sign() * largest / largest.sum((1, 2, 3), keepdim=True)
