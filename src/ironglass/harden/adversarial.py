"""Common parts of adversarial objectives: an attack on the batch, and a loss on its images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Protocol, TypeAlias, runtime_checkable

from pydantic import Field
from torch import nn
from torch.nn import functional as F

from ironglass.types import Images, Labels, Logits, Loss

StepSize: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Weight: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Smoothing: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
Pass: TypeAlias = Callable[[Images], Logits]


@runtime_checkable
class AdversarialObjective(Protocol):
    """An `Objective` split into attack and loss, so that `AWP` can change the weights in between.

    objective(classifier, images, labels) = loss(classifier, images, perturb(classifier, images, labels), labels)
    """

    def __call__(self, classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss to descend, and logits."""
        ...

    def perturb(self, classifier: nn.Module, images: Images, labels: Labels) -> Images:
        """Adversarial images, (n, c, h, w), detached; parameters receive no gradient."""
        ...

    def loss(self, classifier: Pass, images: Images, adversarial: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The loss to minimise, and logits: of the clean images where they are computed, else of the adversarial."""
        ...


def adversarial_loss(
    classifier: Pass, adversarial: Images, labels: Labels, label_smoothing: float
) -> tuple[Loss, Logits]:
    """The cross-entropy of the adversarial images alone, and their logits."""
    logits = classifier(adversarial)
    return F.cross_entropy(logits, labels, label_smoothing=label_smoothing), logits
