"""MART: misclassified clean images are weighted higher."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ironglass.attacks.parts.losses import others
from ironglass.fields import dataclass
from ironglass.harden.adversarial import Pass, Smoothing, StepSize, Weight
from ironglass.harden.budget import Budget
from ironglass.harden.passes import unwrapped
from ironglass.harden.pgd import worst
from ironglass.harden.trades import START, divergence
from ironglass.types import Images, Labels, Logits, Loss


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class MART(Budget):
    """Boosted cross-entropy of adversarial images, and their KL from the clean prediction, weighted by its doubt.

    loss = mean [ −log p(x')_y − log(1 − max over k ≠ y of p(x')_k) + beta · KL(p(x) ‖ p(x')) · (1 − p(x)_y) ]

    Wang et al. 2020, "Improving Adversarial Robustness Requires Revisiting Misclassified Examples", ICLR, with the beta
    (their λ) of 5, the 10 steps and the start at x + 0.001 · N(0, 1) of their code; x' is PGD's. The gradient goes
    through everything but x'. The logarithms are exact, where their code adds small constants that cap the second at
    9.2. Under l2 steps go along g / ‖g‖₂; they publish linf alone.

    norm: "linf" or "l2".
    eps: in units of [0, 1].
    beta: weight of the KL.
    steps: 1 or more.
    step_size: in units of [0, 1], by that norm; None for eps / 4.
    label_smoothing: in the first term.

    The start is drawn from torch's default generator on the images' device.

    As in the authors' code the steps are taken in evaluation mode: batch-norm's running statistics take in the clean
    images, then the adversarial ones, each normalised by itself. steps + 2 forward and as many backward passes,
    `steps` of them for the images alone.
    """

    label: ClassVar[str] = "MART"
    beta: Weight = 5.0
    steps: Annotated[int, Field(gt=0)] = 10
    step_size: StepSize | None = None
    label_smoothing: Smoothing = 0.0

    def __call__(self, classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss, and the logits of the clean images."""
        return self.loss(classifier, images, self.perturb(classifier, images, labels), labels)

    def perturb(self, classifier: nn.Module, images: Images, labels: Labels) -> Images:
        """Adversarial images in [0, 1] within eps of the images."""
        start = images + START * torch.randn_like(images)
        return worst(classifier, images, labels, start, self.ball, self.steps, self.step_size)

    def loss(self, classifier: Pass, images: Images, adversarial: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss for given adversarial images, and the logits of the clean ones."""
        logits = classifier(images)
        fooled = unwrapped(classifier)(adversarial)
        unsure = 1 - logits.softmax(1).gather(1, labels[:, None])[:, 0]
        boosted = F.cross_entropy(fooled, labels, label_smoothing=self.label_smoothing) + _rival(fooled, labels).mean()
        return boosted + self.beta * (divergence(logits, fooled) * unsure).mean(), logits


def _rival(logits: Logits, labels: Labels) -> Tensor:
    """−log(1 − p of the likeliest class that is not the label), without rounding 1 − p to 0."""
    rival = others(logits, labels).argmax(1)
    return logits.logsumexp(1) - others(logits, rival).logsumexp(1)
