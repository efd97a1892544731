"""N-FGSM: FGSM from stronger noise, without projection into the ball."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from ironglass.attacks.parts.ascent import gradient_of
from ironglass.attacks.parts.losses import cross_entropy
from ironglass.fields import dataclass
from ironglass.harden.adversarial import Pass, Smoothing, StepSize, Weight, adversarial_loss
from ironglass.harden.budget import Budget
from ironglass.harden.passes import unwrapped
from ironglass.types import Images, Labels, Logits, Loss


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class NFGSM(Budget):
    """Cross-entropy of the images after strong noise and one step, which are not brought back to within eps.

    x' = s + step_size · sign(∂ L(s, y) / ∂ s),  s = x + U(−noise · eps, noise · eps),  loss = L(x', y)

    de Jorge et al. 2022, arXiv 2202.01181, with their noise of 2. Under l2 the noise is uniform in the ball of radius
    noise · eps, and a step along g / ‖g‖₂ stands for the sign; they publish linf alone.

    norm: "linf" or "l2".
    eps: in units of [0, 1].
    step_size: in units of [0, 1], by that norm; None for eps. x' lies within noise · eps + step_size of x.
    noise: radius of the noise, in units of eps.
    clip: s and x' into [0, 1], as the authors' code does and their algorithm does not.
    label_smoothing: in the loss that is descended; the step climbs without.

    The noise is drawn from torch's default generator on the images' device.

    As in the authors' code both passes are in training mode: batch-norm's running statistics take in the noisy images,
    then the adversarial ones, and no clean one. Two forward and two backward passes, the first for the images alone.
    """

    label: ClassVar[str] = "N-FGSM"
    step_size: StepSize | None = None
    noise: Weight = 2.0
    clip: bool = False
    label_smoothing: Smoothing = 0.0

    def __call__(self, classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss, and the logits of the adversarial images: there are no clean ones."""
        return self.loss(classifier, images, self.perturb(classifier, images, labels), labels)

    def perturb(self, classifier: nn.Module, images: Images, labels: Labels) -> Images:
        """Adversarial images; without `clip` they leave [0, 1], which a classifier in training mode accepts."""
        module = unwrapped(classifier)
        noisy = self.draw(images, self.noise * self.eps).add_(images)
        if self.clip:
            noisy.clamp_(0, 1)
        gradient = gradient_of(lambda noisy: cross_entropy(module(noisy), labels), noisy)
        towards = self.ball.step(torch.nan_to_num_(gradient, nan=0.0, posinf=0.0, neginf=0.0))
        stepped = noisy.add_(towards, alpha=self.eps if self.step_size is None else self.step_size)
        return stepped.clamp_(0, 1) if self.clip else stepped

    def loss(self, classifier: Pass, images: Images, adversarial: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss for given adversarial images, and their logits."""
        return adversarial_loss(classifier, adversarial, labels, self.label_smoothing)
