"""The guard against catastrophic overfitting: FGSM still fails while PGD suddenly succeeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from ironglass.attacks import FGSM, PGD, Linf
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
from ironglass.train.watch import Watched
from ironglass.types import Images, Labels

FALL = 0.15
"""Alarm threshold: fall of the accuracy under PGD from the best epoch so far."""
GAP = 0.25
"""Alarm threshold: accuracy under FGSM minus accuracy under PGD."""


@dataclass(frozen=True, kw_only=True)
class OverfittingGuard:
    """A `Watch` for single-step adversarial training, which may overfit catastrophically within an epoch (Wong et al.
    2020, arXiv 2001.03994).

    After every epoch: accuracy under PGD of `steps` steps and under FGSM at `eps` on held-out images. The alarm is
    raised where PGD's accuracy falls by FALL from the best epoch without alarm, or FGSM's exceeds it by GAP. Every
    epoch's attack starts from the same random point.

    images: (n, c, h, w) in [0, 1].
    labels: (n,).
    eps: in units of [0, 1], above 0.
    alarms: False to record the accuracies and never roll back.
    merit: the attack whose accuracy is the epoch's score.
    """

    images: Images = field(repr=False)
    labels: Labels = field(repr=False)
    eps: float
    steps: int = 10
    seed: int = 0
    alarms: bool = True
    merit: Literal["pgd", "fgsm"] = "pgd"

    def __post_init__(self) -> None:
        if not 0 < self.eps <= 1:
            raise InputError(f"the guard's eps is {self.eps}: give above 0 and at most 1, as in 8/255")
        if not len(self.labels) or len(self.images) != len(self.labels):
            raise InputError(f"the guard has {len(self.images)} images and {len(self.labels)} labels: give as many")

    def __call__(self, classifier: Classifier, rows: Sequence[dict[str, Any]]) -> Watched:
        """`pgd_accuracy` and `fgsm_accuracy`, the merit, and whether to alarm."""
        threat = Linf(self.eps)
        pgd = self._accuracy(classifier, PGD(threat=threat, steps=self.steps, leave=True))
        fgsm = self._accuracy(classifier, FGSM(threat=threat))
        best = max((row["pgd_accuracy"] for row in rows if not row["alarm"]), default=0.0)
        alarm = self.alarms and (best - pgd >= FALL or fgsm - pgd >= GAP)
        merit = pgd if self.merit == "pgd" else fgsm
        return Watched({"pgd_accuracy": pgd, "fgsm_accuracy": fgsm}, merit=merit, alarm=alarm)

    def _accuracy(self, classifier: Classifier, attack: Any) -> float:
        images, labels = self.images.to(classifier.device), self.labels.to(classifier.device)
        adversarial = attack(classifier, images, labels, generator=torch.Generator().manual_seed(self.seed))
        with frozen(classifier), torch.no_grad():
            return float((classifier(adversarial).argmax(1) == labels).double().mean())
