"""TRADES: clean accuracy traded against the smoothness of predictions."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ironglass.attacks.parts.ascent import ascend
from ironglass.fields import dataclass
from ironglass.harden.adversarial import Pass, Smoothing, StepSize, Weight
from ironglass.harden.budget import Budget
from ironglass.harden.passes import unwrapped
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels, Logits, Loss

START = 0.001  # a divergence has no gradient at the image itself


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class TRADES(Budget):
    """Cross-entropy of the clean images, and the worst KL divergence of predictions within eps.

    loss = L(x, y) + beta · mean KL(p(x) ‖ p(x')),  x' ≈ argmax of that KL within eps of x

    Zhang et al. 2019, arXiv 1901.08573, with the beta of 6, the 10 steps and the start at x + 0.001 · N(0, 1) of their
    code. The gradient goes through both sides of the KL, and not through x'.

    norm: "linf" or "l2", under which steps go along g / ‖g‖₂.
    eps: in units of [0, 1].
    beta: weight of the KL.
    steps: 1 or more.
    step_size: in units of [0, 1], by that norm; None for eps / 4, under l2 for the 2 eps / steps of their code.
    label_smoothing: in the cross-entropy.

    The start is drawn from torch's default generator on the images' device.

    As in the authors' code the steps are taken in evaluation mode: batch-norm's running statistics take in the clean
    images, then the adversarial ones, each normalised by itself. There the clean images pass a second time, and count
    twice; here once. steps + 3 forward and steps + 2 backward passes, `steps` of them for the images alone.
    """

    label: ClassVar[str] = "TRADES"
    beta: Weight = 6.0
    steps: Annotated[int, Field(gt=0)] = 10
    step_size: StepSize | None = None
    label_smoothing: Smoothing = 0.0

    def __call__(self, classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss, and the logits of the clean images."""
        return self.loss(classifier, images, self.perturb(classifier, images, labels), labels)

    def perturb(self, classifier: nn.Module, images: Images, labels: Labels) -> Images:
        """Adversarial images in [0, 1] within eps of the images; the labels play no part."""
        module, threat = unwrapped(classifier), self.ball
        with eval_without_grad(module):
            with torch.no_grad():
                logits = module(images)
            return ascend(
                lambda adversarial: divergence(logits, module(adversarial)),
                images,
                threat,
                steps=self.steps,
                step_size=self._usual_step() if self.step_size is None else self.step_size,
                start=threat.project(images, images + START * torch.randn_like(images)),
            )

    def _usual_step(self) -> float:
        return self.eps / 4 if self.norm == "linf" else 2 * self.eps / self.steps

    def loss(self, classifier: Pass, images: Images, adversarial: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss for given adversarial images, and the logits of the clean ones."""
        logits = classifier(images)
        moved = divergence(logits, unwrapped(classifier)(adversarial)).mean()
        return F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing) + self.beta * moved, logits


def divergence(logits: Logits, others: Logits) -> Tensor:
    """KL(softmax(logits) ‖ softmax(others)), one number an image, in nats."""
    return F.kl_div(others.log_softmax(1), logits.log_softmax(1), reduction="none", log_target=True).sum(1)
