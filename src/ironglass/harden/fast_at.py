"""Fast adversarial training: FGSM from a random start."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ironglass.attacks.parts.ascent import ascend
from ironglass.attacks.parts.losses import cross_entropy
from ironglass.fields import dataclass
from ironglass.harden.adversarial import Pass, Smoothing, StepSize, adversarial_loss
from ironglass.harden.budget import Budget
from ironglass.harden.passes import unwrapped
from ironglass.types import Images, Labels, Logits, Loss


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class FastAT(Budget):
    """Cross-entropy of the images one long step from a random start, brought back into the ball.

    x' = project(s + step_size · sign(∂ L(s, y) / ∂ s)),  s = x + U(−eps, eps) clipped to [0, 1],  loss = L(x', y)

    Wong, Rice & Kolter 2020, arXiv 2001.03994. Under l2 the start is uniform in the ball, and a step along g / ‖g‖₂
    stands for the sign; they publish linf alone.

    norm: "linf" or "l2".
    eps: in units of [0, 1].
    step_size: in units of [0, 1], by that norm; None for their 1.25 eps; longer ones end in catastrophic overfitting.
    label_smoothing: in the loss that is descended; the step climbs without.

    The start is drawn from torch's default generator on the images' device.

    As in the authors' code both passes are in training mode: batch-norm's running statistics take in the starts, then
    the adversarial images, and no clean one. Two forward and two backward passes, the first for the images alone.
    """

    label: ClassVar[str] = "Fast adversarial training"
    step_size: StepSize | None = None
    label_smoothing: Smoothing = 0.0

    def __call__(self, classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss, and the logits of the adversarial images: there are no clean ones."""
        return self.loss(classifier, images, self.perturb(classifier, images, labels), labels)

    def perturb(self, classifier: nn.Module, images: Images, labels: Labels) -> Images:
        """Adversarial images in [0, 1] within eps of the images."""
        module, threat = unwrapped(classifier), self.ball
        start = threat.project(images, images + self.draw(images))
        step_size = 1.25 * self.eps if self.step_size is None else self.step_size
        return ascend(
            lambda noisy: cross_entropy(module(noisy), labels),
            images,
            threat,
            steps=1,
            step_size=step_size,
            start=start,
        )

    def loss(self, classifier: Pass, images: Images, adversarial: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss for given adversarial images, and their logits."""
        return adversarial_loss(classifier, adversarial, labels, self.label_smoothing)
