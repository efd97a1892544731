"""Balance of uneven classes: against plain computations, and in the same bits after an interruption."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError
from ironglass.harden import PGDTraining
from ironglass.models import Classifier
from ironglass.run import Run
from ironglass.run.stored_recipes import settings_of
from ironglass.train import fit
from ironglass.train.loop.balance import WeightedCrossEntropy, class_weights, epoch_order
from ironglass.train.objective import CrossEntropy
from ironglass.train.recipe import Recipe, Stage
from ironglass.train.record import as_json

LABELS = np.repeat([0, 1], [80, 16])


def uneven(dataset: Dataset) -> Dataset:
    """The data with few level bars to learn from."""
    order = np.concatenate([np.flatnonzero(dataset.train.labels == 0), np.flatnonzero(dataset.train.labels)[:12]])
    return Dataset("uneven", {**dataset.splits, "train": dataset.train.take(order)}, dataset.classes, "uneven-1")


def test_weights_by_hand() -> None:
    assert class_weights(LABELS, 2).tolist() == [96 / (80 * 2), 96 / (16 * 2)]
    assert class_weights(LABELS, 2)[LABELS].mean() == pytest.approx(1)
    assert class_weights(np.array([0, 0, 2]), 4).tolist() == [0.75, 0, 1.5, 0]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_weighted_loss_against_a_plain_sum(smoothing: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 3, generator=generator, requires_grad=True)
    labels, weights = torch.tensor([0, 2, 1, 1, 0]), (0.5, 2.0, 4.0)
    objective = WeightedCrossEntropy(label_smoothing=smoothing, class_weights=weights)
    loss, same = objective(lambda images: logits, torch.zeros(5, 1, 1, 1), labels)  # type: ignore[arg-type]
    plain = [
        weights[int(label)] * cross_entropy(row[None], label[None], label_smoothing=smoothing)
        for row, label in zip(logits, labels, strict=True)
    ]
    assert torch.allclose(loss, torch.stack(plain).sum() / 5)
    assert same is logits


def test_a_step_under_weights_is_the_step_by_hand(dataset: Dataset, tmp_path: Path) -> None:
    data = uneven(dataset)
    torch.manual_seed(1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(144, 2))
    classifier = Classifier(network, mean=(0.5,), std=(0.3,), classes=data.classes, input_size=12)
    plain = copy.deepcopy(classifier)
    n = len(data.train)
    stage = Stage(epochs=1, peak_lr=0.1, schedule="constant", batch_size=n, weight_decay=0.0)
    fit(classifier, data, Recipe(stages=(stage,), balance="weights"), tmp_path, progress=False)
    images, labels = (torch.as_tensor(part) for part in data.train.batch(np.arange(n)))
    counts = torch.bincount(labels, minlength=2)
    per_class = cross_entropy(plain(images / 255 if images.dtype == torch.uint8 else images), labels, reduction="none")
    loss = torch.stack([per_class[labels == k].sum() / (2 * counts[k]) for k in (0, 1)]).sum()
    loss.backward()  # the mean of the classes' mean losses
    for moved, before in zip(classifier.parameters(), plain.parameters(), strict=True):
        # the first step of Nesterov's momentum is 1 + momentum times the gradient
        ratio = (before.detach() - moved.detach()) / (0.1 * before.grad)  # type: ignore[operator]
        assert torch.allclose(ratio, ratio.flatten()[0].expand_as(ratio), rtol=1e-2)
        assert 1.5 < float(ratio.flatten()[0]) < 2


def test_the_sampler_draws_every_class_as_often() -> None:
    recipe = Recipe(balance="sampler", seed=5)
    orders = [epoch_order(LABELS, recipe, epoch) for epoch in range(50)]
    assert all(len(order) == 96 for order in orders)
    assert np.mean([LABELS[order].mean() for order in orders]) == pytest.approx(0.5, abs=0.03)
    assert 0 < len(set(orders[0])) < 96, "some come twice"
    assert set(np.concatenate(orders)) == set(range(96))
    assert np.array_equal(orders[3], epoch_order(LABELS, recipe, 3))
    assert not np.array_equal(orders[3], orders[4])
    shuffled = epoch_order(LABELS, Recipe(seed=5), 3)
    assert np.array_equal(shuffled, np.random.default_rng([5, 3]).permutation(96)), "without balance as before"


@pytest.mark.parametrize("balance", ["weights", "sampler"])
def test_balanced_trainings_resume_in_the_same_bits(
    balance: str, small: Classifier, resumed: Callable[..., Run]
) -> None:
    recipe = Recipe(stages=(Stage(epochs=2, peak_lr=0.05, batch_size=16),), balance=balance, seed=3)
    run = resumed(small, recipe, 8)
    assert run.read("recipe.json")["balance"] == balance


def test_balance_helps_the_rare_class(dataset: Dataset, small: Classifier, tmp_path: Path) -> None:
    data, named = uneven(dataset), {}
    for balance in ("none", "weights", "sampler"):
        classifier = copy.deepcopy(small)
        recipe = Recipe(stages=(Stage(epochs=2, peak_lr=0.02, batch_size=16),), balance=balance, seed=3)
        fit(classifier, data, recipe, tmp_path / balance, progress=False)
        images = torch.as_tensor(data.test.batch(np.arange(len(data.test)))[0])
        images = images / 255 if images.dtype == torch.uint8 else images
        with torch.no_grad():
            named[balance] = float(classifier(images).argmax(1).double().mean())
    assert named["none"] < named["weights"]
    assert named["none"] < named["sampler"]


def test_weights_are_for_the_plain_cross_entropy(dataset: Dataset, small: Classifier, tmp_path: Path) -> None:
    for stage, says in (
        (Stage(objective=PGDTraining(eps=0.1)), "balance 'weights' is for the plain cross-entropy"),
        (Stage(objective=CrossEntropy(), aux_weight=0.3), "does not weigh auxiliary outputs"),
    ):
        with pytest.raises(InputError, match=says):
            fit(small, dataset, Recipe(stages=(stage,), balance="weights"), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="balance"):
        Recipe(balance="focal")  # type: ignore[arg-type]


def test_a_recipe_from_before_balances_nothing() -> None:
    now = as_json(Recipe())
    before = {name: value for name, value in now.items() if name != "balance"}
    assert settings_of(before) == settings_of(now)
    assert settings_of(before) != settings_of(as_json(Recipe(balance="sampler")))


def test_a_split_of_one_class_is_drawn_as_it_is() -> None:
    order = epoch_order(np.full(7, 3), Recipe(balance="sampler"), 0)
    assert len(order) == 7
