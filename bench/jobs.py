"""The jobs of bench/attacks.py: what every contender is given, with which budget, and our own answer to each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

import ironglass as ig
from ironglass.attacks import APGD, FGSM, L2, PGD, CarliniWagner, DeepFool, Linf, Square, fgsm_sweep, standard

PGD_STEPS, APGD_STEPS, ENSEMBLE_STEPS = 20, 50, 100
QUERIES = 500
DEEPFOOL = {"steps": 50, "overshoot": 0.02}
CW_STEPS, CW_STEP_SIZE, CW_CONSTANT = 30, 0.01, 1.0
SEVERAL = tuple(n / 255 for n in (1, 2, 4, 8, 16))
# A plain network reads nothing right at the eps of a robust one, and what is fooled at once measures nothing.
EPS = {"simple-cnn": 1 / 255, "resnet18": 4 / 255, "resnet18-robust": 8 / 255}


class Plain(nn.Module):
    """The classifier's network and its normalisation, and nothing else."""

    def __init__(self, classifier: ig.Classifier) -> None:
        super().__init__()
        self.network, self.mean, self.std = classifier.network, classifier.mean, classifier.std
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.network((UsualLayout.apply(images) - self.mean) / self.std)


class UsualLayout(torch.autograd.Function):
    """Leaves images as they are and makes their gradient contiguous: FAB's peers call `view` on it, which fails on the
    channels-last gradients of channels-last weights."""

    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        return images.view_as(images)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.contiguous()


@dataclass(frozen=True)
class Case:
    """What every contender is given; the FGSM sweep goes through SEVERAL in place of eps."""

    classifier: ig.Classifier
    plain: Plain
    images: Tensor
    labels: Tensor
    eps: float

    @property
    def step_size(self) -> float:
        return 2.5 * self.eps / PGD_STEPS

    @property
    def classes(self) -> int:
        return len(self.classifier.classes)


Attack: TypeAlias = Callable[[], list[Tensor]]
Builder: TypeAlias = Callable[[Case], Attack]


@dataclass(frozen=True, kw_only=True)
class Job:
    """title: for the table. ours: our attack. images, repeats: unless asked otherwise. minimal: it looks for the
    smallest L2 change and knows no eps. counted: it is short enough to run once more for its operations."""

    title: str
    ours: Builder
    images: int = 64
    repeats: int = 7
    minimal: bool = False
    counted: bool = True


def ours(build: Callable[[Case], Any]) -> Builder:
    """One of our attacks; `eval_without_grad` and all that it prepares is part of every call, and so of the time."""

    def builder(case: Case) -> Attack:
        attack = build(case)
        return lambda: [attack(case.classifier, case.images, case.labels)]

    return builder


def our_sweep(case: Case) -> Attack:
    return lambda: list(fgsm_sweep(case.classifier, case.images, case.labels, SEVERAL))


DEEP = DeepFool(threat=L2(1.0), candidates=10, **DEEPFOOL)
# Every step is taken, also by peers that let us say so. Giving up early, ours image by image, theirs by the batch,
# happens in the middle of progress at 30 steps: with changes 1.2 to 1.6 times as large on three images tried.
CW = CarliniWagner(steps=CW_STEPS, search_steps=1, step_size=CW_STEP_SIZE, first=CW_CONSTANT, abort_early=False)

JOBS: dict[str, Job] = {
    "fgsm": Job(title="FGSM, one eps", ours=ours(lambda case: FGSM(threat=Linf(case.eps)))),
    "fgsm-5": Job(title="FGSM, five eps", ours=our_sweep),
    "pgd-20": Job(title="PGD-20 Linf", ours=ours(lambda case: PGD(threat=Linf(case.eps), steps=PGD_STEPS, leave=True))),
    "apgd-ce-50": Job(title="APGD-CE, 50 steps", ours=ours(lambda case: APGD(threat=Linf(case.eps), steps=APGD_STEPS))),
    "ensemble": Job(
        title="Ensemble, AutoAttack's standard",
        ours=ours(lambda case: standard(case.classifier, Linf(case.eps))),
        images=24,
        repeats=1,
        counted=False,
    ),
    "square": Job(
        title=f"Square, {QUERIES} queries",
        ours=ours(lambda case: Square(threat=Linf(case.eps), queries=QUERIES, horizon=QUERIES)),
        images=32,
        repeats=3,
    ),
    "deepfool": Job(title="DeepFool L2", ours=ours(lambda case: DEEP.minimal), images=32, repeats=5, minimal=True),
    "carlini-wagner": Job(
        title=f"Carlini-Wagner L2, {CW_STEPS} steps", ours=ours(lambda case: CW.minimal), repeats=5, minimal=True
    ),
}
