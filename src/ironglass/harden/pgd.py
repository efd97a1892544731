"""Adversarial training by projected gradient descent."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from torch import nn

from ironglass.attacks.parts.ascent import ascend
from ironglass.attacks.parts.losses import cross_entropy
from ironglass.attacks.parts.threat import Threat
from ironglass.fields import dataclass
from ironglass.harden.adversarial import Pass, Smoothing, StepSize, adversarial_loss
from ironglass.harden.budget import Budget
from ironglass.harden.passes import unwrapped
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels, Logits, Loss


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class PGDTraining(Budget):
    """Cross-entropy of the images after several projected gradient steps from a random start.

    loss = L(x', y),  x' ≈ argmax of L within eps of x

    Madry et al. 2017, arXiv 1706.06083, with the 7 steps of eps / 4 that they train CIFAR-10 with. Under l2 the start
    is uniform in the ball, and steps go along g / ‖g‖₂; Rice et al. 2020, arXiv 2002.11569, take 10 of 15/255 at an eps
    of 128/255.

    norm: "linf" or "l2".
    eps: in units of [0, 1].
    steps: 1 or more.
    step_size: in units of [0, 1], by that norm; None for eps / 4.
    label_smoothing: in the loss that is descended; the steps climb without.

    The start is drawn from torch's default generator on the images' device.

    The steps are taken in evaluation mode (Pang et al. 2020, arXiv 2010.00467, find it no worse): batch-norm's running
    statistics take in the adversarial images of the last pass only, and no clean one. steps + 1 forward and as many
    backward passes, all but the last for the images alone.
    """

    label: ClassVar[str] = "PGD adversarial training"
    steps: Annotated[int, Field(gt=0)] = 7
    step_size: StepSize | None = None
    label_smoothing: Smoothing = 0.0

    def __call__(self, classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss, and the logits of the adversarial images: there are no clean ones."""
        return self.loss(classifier, images, self.perturb(classifier, images, labels), labels)

    def perturb(self, classifier: nn.Module, images: Images, labels: Labels) -> Images:
        """Adversarial images in [0, 1] within eps of the images."""
        return worst(classifier, images, labels, images + self.draw(images), self.ball, self.steps, self.step_size)

    def loss(self, classifier: Pass, images: Images, adversarial: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss for given adversarial images, and their logits."""
        return adversarial_loss(classifier, adversarial, labels, self.label_smoothing)


def worst(
    classifier: nn.Module,
    images: Images,
    labels: Labels,
    start: Images,
    threat: Threat,
    steps: int,
    step_size: float | None,
) -> Images:
    """PGD on the cross-entropy in evaluation mode, from `start`, within the threat and [0, 1].

    step_size: None for eps / 4.
    """
    module = unwrapped(classifier)
    with eval_without_grad(module):
        return ascend(
            lambda adversarial: cross_entropy(module(adversarial), labels),
            images,
            threat,
            steps=steps,
            step_size=threat.eps / 4 if step_size is None else step_size,
            start=threat.project(images, start),
        )
