"""The guard against catastrophic overfitting: FGSM still fails while PGD suddenly succeeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch

from ironglass.attacks import FGSM, PGD
from ironglass.attacks.parts.threat import THREATS
from ironglass.data.dataset import Dataset
from ironglass.data.positions import spread_positions
from ironglass.errors import InputError
from ironglass.harden.metadata import eps_of, norm_of
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.train.watch import Watched
from ironglass.types import Images, Labels

FALL = 0.15
"""Alarm threshold: fall of the accuracy under PGD from the best epoch so far."""
GAP = 0.25
"""Alarm threshold: accuracy under FGSM minus accuracy under PGD."""
GUARDED = 256
"""Held-out images that the guard attacks after every epoch."""


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
    norm: of the change, "linf" or "l2".
    steps: of PGD.
    seed: of its random start.
    alarms: False to record the accuracies and never roll back.
    merit: the attack whose accuracy is the epoch's score.
    """

    images: Images = field(repr=False)
    labels: Labels = field(repr=False)
    eps: float
    norm: Literal["linf", "l2"] = "linf"
    steps: int = 10
    seed: int = 0
    alarms: bool = True
    merit: Literal["pgd", "fgsm"] = "pgd"

    def __post_init__(self) -> None:
        if not 0 < self.eps <= (1 if self.norm == "linf" else math.inf):
            raise InputError(f"the guard's eps is {self.eps}: give above 0 and at most 1, as in 8/255")
        if not len(self.labels) or len(self.images) != len(self.labels):
            raise InputError(f"the guard has {len(self.images)} images and {len(self.labels)} labels: give as many")

    def __call__(self, classifier: Classifier, rows: Sequence[dict[str, Any]]) -> Watched:
        """`pgd_accuracy` and `fgsm_accuracy`, the merit, and whether to alarm."""
        threat = THREATS[self.norm](self.eps)
        pgd = self._accuracy(classifier, PGD(threat=threat, steps=self.steps, leave=True))
        fgsm = self._accuracy(classifier, FGSM(threat=threat))
        best = max((row["pgd_accuracy"] for row in rows if not row["alarm"]), default=0.0)
        alarm = self.alarms and (best - pgd >= FALL or fgsm - pgd >= GAP)
        merit = pgd if self.merit == "pgd" else fgsm
        return Watched({"pgd_accuracy": pgd, "fgsm_accuracy": fgsm}, merit=merit, alarm=alarm)

    def _accuracy(self, classifier: Classifier, attack: Any) -> float:
        images, labels = self.images.to(classifier.device), self.labels.to(classifier.device)
        adversarial = attack(classifier, images, labels, generator=torch.Generator().manual_seed(self.seed))
        with eval_without_grad(classifier), torch.no_grad():
            return float((classifier(adversarial).argmax(1) == labels).double().mean())


def guard_for(
    objectives: Sequence[Any],
    dataset: Dataset,
    *,
    seed: int = 0,
    mode: Literal["on", "pgd", "fgsm", "off"] = "on",
    eps: float | None = None,
    attack_eps: Mapping[str, float] | None = None,
) -> OverfittingGuard | None:
    """The guard for a training with these objectives; None where none trains on adversarial images, where there are no
    validation images to attack, and where it is off.

    Its eps is the largest of the objectives', but no larger than what the network will be judged by: far beyond what
    is withstood every epoch has no merit, and a single image decides which is kept.

    mode: "on" rolls back; "pgd" and "fgsm" only keep the epoch of highest accuracy under that attack.
    eps: of objectives that do not say theirs; None for none.
    attack_eps: the largest eps by which the trained network will be attacked, by norm.
    """
    attack_eps, sizes = attack_eps or {}, _largest(objectives, eps)
    if not sizes or mode == "off" or "validation" not in dataset.splits:
        return None
    norm = next((name for name in sizes if name in attack_eps), [*sizes][-1])  # else that of the last stage
    validation = dataset.validation
    images, labels = validation[spread_positions(len(validation), GUARDED)]
    return OverfittingGuard(
        images=images,
        labels=labels,
        eps=min(attack_eps.get(norm, math.inf), sizes[norm]),
        norm=cast(Literal["linf", "l2"], norm),
        seed=seed,
        alarms=mode == "on",
        merit="fgsm" if mode == "fgsm" else "pgd",
    )


ATTACKED_NORMS = ("linf", "l2")
"""Norms under which the guard attacks."""


def is_adversarial(objectives: Sequence[Any]) -> bool:
    """True where one of them trains on images attacked within a ball that the guard can attack in, too."""
    return bool(_largest(objectives, None))


def _largest(objectives: Sequence[Any], eps: float | None) -> dict[str, float]:
    """The largest eps by norm, that of the last objective last; without norms that no attack works under."""
    sizes: dict[str, float] = {}
    for objective in objectives:
        size, norm = eps if eps_of(objective) is None else eps_of(objective), norm_of(objective)
        if size and norm in ATTACKED_NORMS:
            sizes[norm] = max(size, sizes.pop(norm, 0.0))
    return sizes
