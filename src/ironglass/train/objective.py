"""What training descends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias, runtime_checkable

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn
from torch.nn import functional

from ironglass.types import Images, Labels, Logits, Loss

Objective: TypeAlias = Callable[[nn.Module, Images, Labels], tuple[Loss, Logits]]
"""(classifier, images, labels) to the loss, and the logits of the clean images, which it has computed anyway and which
the training accuracy is counted from."""


@runtime_checkable
class Replaying(Protocol):
    """What descends every batch `replays` times in a row, an optimiser step each time, and remembers in between."""

    replays: int

    def replayed(self) -> Objective:
        """An objective for one batch, called once a replay with the same images; parts of a batch are told apart."""
        ...


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class CrossEntropy:
    """Cross-entropy, its targets smoothed: 1 - s + s/k for the label and s/k for the others (Szegedy et al. 2016,
    arXiv 1512.00567), with s = `label_smoothing`."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)

    def __call__(self, classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The mean loss over the batch, and the logits."""
        logits = classifier(images)
        return functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing), logits
