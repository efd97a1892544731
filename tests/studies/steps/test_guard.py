"""Which trainings are guarded, and with which images."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ironglass.data.dataset import Dataset, Split
from ironglass.harden import AWP, NFGSM, TRADES, AdversarialRegularisation
from ironglass.harden.metadata import eps_of
from ironglass.harden.overfitting import GUARDED
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.parts import Guard
from ironglass.studies.steps.guard import guard_of
from ironglass.train.objective import CrossEntropy
from ironglass.train.recipe import Stage


def dataset(held: int) -> Dataset:
    def split(n: int) -> Split:
        pixels = np.random.default_rng(0).integers(0, 256, (n, 4, 4, 1), dtype=np.uint8)
        return Split(pixels, np.arange(n) % 2, tuple(map(str, range(n))))

    splits = {"train": split(20)} | ({"validation": split(held)} if held else {})
    return Dataset("drawn", splits, ("a", "b"), "0")


def test_eps_of_every_kind() -> None:
    assert eps_of(CrossEntropy()) == 0
    assert eps_of(NFGSM(eps=0.1)) == 0.1
    assert eps_of(AdversarialRegularisation(adv_step_size=0.2)) == 0.2
    assert eps_of(AWP(objective=TRADES(eps=0.03))) == 0.03


def own(classifier: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    logits = classifier(images + 0.1 * torch.randn_like(images))
    return functional.cross_entropy(logits, labels), logits


def test_a_function_of_the_users_own_is_guarded_by_the_eps_that_judges_it() -> None:
    assert eps_of(own) is None
    stages = (Stage(objective=own),)
    plan = Audit(stages=stages, attacks=Attacks(methods=("pgd-5",), eps=(0.02, 0.05)))
    assert guard_of(plan, dataset(10)) is None  # an audit hardens not
    guard = guard_of(replace(plan, guard=Guard(eps=0.05)), dataset(10))
    assert guard is not None
    assert guard.eps == 0.05


def test_clean_training_is_not_guarded() -> None:
    assert guard_of(Audit(), dataset(10)) is None


def test_the_largest_eps_is_guarded_on_images_spread_over_validation() -> None:
    stages = (Stage(objective=NFGSM(eps=0.1)), Stage(objective=NFGSM(eps=0.2)), Stage())
    guard = guard_of(Audit(stages=stages, seed=3), dataset(1000))
    assert guard is not None
    assert (guard.eps, guard.seed, len(guard.labels)) == (0.2, 3, GUARDED)
    first, _ = dataset(1000).validation[[0]]
    assert torch.equal(guard.images[:1], first)
    assert guard_of(Audit(stages=stages), dataset(0)) is None


def test_the_guard_asks_for_no_more_than_the_attacks_will() -> None:
    def eps(**fields: object) -> float:
        stages = (Stage(objective=AdversarialRegularisation(adv_step_size=0.2)),)
        guard = guard_of(Audit(stages=stages, attacks=Attacks(**fields)), dataset(10))
        assert guard is not None
        return guard.eps

    assert eps(methods=("fgsm",), eps=(0.01, 0.02)) == 0.02
    assert eps(methods=("fgsm",), eps=(0.3,)) == 0.2  # nor for more than it was trained on
    assert eps(methods=("fgsm",), eps=(2.0,), norm="l2") == 0.2  # another norm's eps says nothing here
    assert eps() == 0.2


def test_a_guard_may_be_told_to_look_on() -> None:
    def kind(guard: str) -> tuple[bool, str]:
        found = guard_of(Audit(stages=(Stage(objective=NFGSM(eps=0.1)),), guard=guard), dataset(10))
        assert found is not None
        return found.alarms, found.merit

    assert (kind("on"), kind("pgd"), kind("fgsm")) == ((True, "pgd"), (False, "pgd"), (False, "fgsm"))
