"""Adversarial training by the fast gradient sign method."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import nn

from ironglass.attacks.parts.threat import L2
from ironglass.fields import dataclass
from ironglass.harden.adversarial import Pass, Smoothing
from ironglass.harden.adversarial_regularisation import AdversarialRegularisation
from ironglass.harden.budget import Budget
from ironglass.types import Images, Labels, Logits, Loss


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class FGSMTraining(Budget):
    """A mean of the clean cross-entropy and that of FGSM's images.

    loss = alpha · L(x, y) + (1 - alpha) · L(x + eps · sign(∂ L(x, y) / ∂ x), y)

    Goodfellow et al. 2014, arXiv 1412.6572, with their alpha of 0.5; no gradient goes through the sign.

    norm: "linf", or "l2", under which the step goes along g / ‖g‖₂.
    eps: in units of [0, 1].
    alpha: weight of the clean images, above 0 and up to 1.
    clip: the step into [0, 1], on unlike in the paper's formula.
    label_smoothing: in both terms.

    Batch-norm normalises each of the two batches by itself, and its running statistics take in both: first the clean,
    then the adversarial. One forward and one backward pass for each.
    """

    label: ClassVar[str] = "FGSM adversarial training"
    alpha: Annotated[float, Field(gt=0, le=1)] = 0.5
    clip: bool = True
    label_smoothing: Smoothing = 0.0

    def __call__(self, classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss, and the logits of the clean images."""
        loss, logits = self._regularised()(classifier, images, labels)
        return self.alpha * loss, logits

    def perturb(self, classifier: nn.Module, images: Images, labels: Labels) -> Images:
        """FGSM's images, by a pass of its own that leaves the running statistics alone; the objective needs none."""
        return self._regularised().perturb(classifier, images, labels)

    def loss(self, classifier: Pass, images: Images, adversarial: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss for given FGSM images, and the logits of the clean ones."""
        loss, logits = self._regularised().loss(classifier, images, adversarial, labels)
        return self.alpha * loss, logits

    def _regularised(self) -> AdversarialRegularisation:
        kind = _FullStep if self.norm == "l2" else AdversarialRegularisation
        return kind(
            multiplier=(1 - self.alpha) / self.alpha,
            adv_step_size=self.eps,
            clip=self.clip,
            label_smoothing=self.label_smoothing,
        )


class _FullStep(AdversarialRegularisation):
    """The L2 step, of full length however small the gradient is."""

    def _step(self, images: Images, gradient: Images) -> Images:
        towards = L2(self.eps).step(torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0))
        stepped = images + self.eps * towards
        return stepped.clamp_(0, 1) if self.clip else stepped
