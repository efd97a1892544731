"""Losses that are no numbers: steps skipped, states taken back, and an end where nothing helps."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError
from ironglass.models import Classifier
from ironglass.run import Run
from ironglass.train import Recipe, Stage, fit
from ironglass.train.loop.optimiser import make_optimiser
from ironglass.train.objective import CrossEntropy
from ironglass.train.status import Status

STEPS = 6  # an epoch


def stage(objective: Any, epochs: int = 1, peak_lr: float = 0.02, **given: Any) -> Stage:
    return Stage(
        epochs=epochs, peak_lr=peak_lr, schedule="constant", batch_size=16, objective=objective, **given
    )  # fmt: skip


class Spoilt:
    """Cross-entropy that is NaN, or infinite, where a batch holds a certain image."""

    def __init__(self, dataset: Dataset, image: int, value: float = float("nan")) -> None:
        self.image, self.value = dataset.train[image : image + 1][0], value

    def __call__(self, model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
        loss, logits = CrossEntropy()(model, images, labels)
        return loss * (self.value if (images == self.image).flatten(1).all(1).any() else 1), logits


@dataclass(frozen=True)
class Steep:
    """Cross-entropy that is NaN once the weights have grown by a certain length."""

    limit: float

    def __call__(self, model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
        loss, logits = CrossEntropy()(model, images, labels)
        weight = model.network[5].weight  # type: ignore[index, union-attr]
        return loss * (float("nan") if weight.norm() > self.limit else 1), logits


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_skipped_step_leaves_no_trace(value: float, small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    small.network[4].p = 0.0
    by_hand, seen = copy.deepcopy(small).train(), []
    step = stage(Spoilt(dataset, 5, value))
    run = fit(small, dataset, Recipe(stages=(step,), seed=2), tmp_path, progress=seen.append)
    optimiser, sums = make_optimiser(by_hand, step), np.zeros(3)
    for batch in np.random.default_rng([2, 0]).permutation(96).reshape(STEPS, 16):
        if 5 not in batch:
            images, labels = dataset.train[np.sort(batch)]
            loss, logits = CrossEntropy()(by_hand, images, labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            sums += (loss.item() * 16, (logits.argmax(1) == labels).sum().item(), 16)
    for name, tensor in small.network.state_dict().items():  # batch-norm statistics too
        torch.testing.assert_close(tensor, by_hand.network.state_dict()[name], msg=name)
    [row] = run.history
    assert (row["skipped"], run.results["training"]["skipped"], run.results["training"]["rollbacks"]) == (1, 1, [])
    assert sums[2] == 80
    assert row["train_loss"] == pytest.approx(sums[0] / 80, rel=1e-5)
    assert row["train_accuracy"] == pytest.approx(sums[1] / 80)
    assert isinstance(seen[-1], Status)
    assert (seen[-1].skipped, seen[-1].rollbacks) == (1, 0)


def test_an_average_does_not_take_in_a_skipped_step(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    spoilt, given = Spoilt(dataset, 5), {"seed": 2, "average": 0.5}
    run = fit(small, dataset, Recipe(stages=(stage(spoilt, 2),), **given), tmp_path)
    assert [row["skipped"] for row in run.history] == [1, 1]
    assert all(np.isfinite(row["validation_loss"]) for row in run.history)


@pytest.mark.parametrize("after", [9, 12, 14])  # within a streak, at its fifth step, after the rollback
def test_five_in_a_row_roll_back_to_half_the_rate(
    after: int, small: Classifier, dataset: Dataset, resumed: Callable[..., Run]
) -> None:
    grown = 1.3 * small.network[5].weight.norm().item()
    stages = (stage(CrossEntropy(), peak_lr=0.005), stage(Steep(grown), peak_lr=1.0), stage(CrossEntropy()))
    run = resumed(small, Recipe(stages=stages, average=0.8), after)
    training, rows = run.results["training"], run.history
    assert [undone["factor"] for undone in training["rollbacks"]] == [0.5, 0.25, 0.125]
    assert training["rollbacks"][0] == {"epoch": 2, "step": 6, "back_to": 1, "factor": 0.5}
    assert training["skipped"] == 15 + sum(row["skipped"] for row in rows)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert [row["lr"] for row in rows] == [0.005, 0.125, 0.0025]


def test_the_state_rolled_back_to_is_that_of_the_last_good_epoch(
    small: Classifier, dataset: Dataset, tmp_path: Path
) -> None:
    """Of the run that fails once, what is left equals a run that had half the rate from the start of that epoch."""
    starts: list[dict[str, torch.Tensor]] = []
    calls = -1  # of the trial before training

    def fails(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
        nonlocal calls
        calls += 1
        if calls:
            starts.append({name: value.clone() for name, value in model.network.state_dict().items()})  # type: ignore
        loss, logits = CrossEntropy()(model, images, labels)
        return loss * (float("nan") if STEPS + 1 < calls <= STEPS + 6 else 1), logits

    run = fit(small, dataset, Recipe(stages=(stage(fails, 2),)), tmp_path / "failed")
    assert run.results["training"]["rollbacks"] == [{"epoch": 2, "step": 6, "back_to": 1, "factor": 0.5}]
    assert [row["lr"] for row in run.history] == [0.02, 0.01]
    again = starts[STEPS + 6]  # the first step after the rollback
    assert all(torch.equal(again[name], value) for name, value in starts[STEPS].items())
    assert not torch.equal(again["5.weight"], starts[STEPS + 1]["5.weight"])


def test_an_epoch_without_one_finite_step_is_not_closed(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    """Fewer steps than a streak: the end of the epoch rolls back by itself."""

    def never(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
        loss, logits = CrossEntropy()(model, images, labels)
        return loss * float("inf"), logits

    step = Stage(epochs=1, batch_size=48, objective=never)
    with pytest.raises(InputError, match=r"epoch 1, step 2, after 5 rollbacks .* lower peak_lr"):
        fit(small, dataset, Recipe(stages=(step,)), tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("validated", [True, False])
def test_weights_that_are_no_numbers_are_never_kept(
    validated: bool, small: Classifier, dataset: Dataset, tmp_path: Path
) -> None:
    """A finite loss with a gradient that is not, in an epoch's last step: nothing later would show it."""
    last = np.random.default_rng([0, 1]).permutation(96)[-1]
    spoilt = Spoilt(dataset, int(last))

    def hidden(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
        loss, logits = CrossEntropy()(model, images, labels)
        if (images == spoilt.image).flatten(1).all(1).any():
            loss = loss + (0 * logits).sum().sqrt()  # 0, with the gradient 0 · ∞
        return loss, logits

    dataset = dataset if validated else replace(dataset, splits={"train": dataset.train})
    first = stage(CrossEntropy())
    with pytest.raises(InputError, match=r"no finite number in epoch 2, step 6"):
        fit(small, dataset, Recipe(stages=(first, stage(hidden))), tmp_path)
    assert len(Run(tmp_path).history) == 1
    for name in ("model.safetensors", "checkpoint/good.safetensors"):
        assert all(tensor.isfinite().all() for tensor in load_file(tmp_path / name).values())


@dataclass(frozen=True)
class Repeated:
    """Cross-entropy, every batch several times, with a note of what each call was given."""

    calls: list[tuple[int, int]] = field(repr=False)
    replays: int = 3

    def replayed(self) -> Any:
        self.calls.append((0, 0))

        def objective(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
            self.calls.append((images.data_ptr(), len(images)))
            return CrossEntropy()(model, images, labels)

        return objective


def test_what_replays_descends_every_batch_so_many_times(dataset: Dataset, small: Classifier, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    fit(small, dataset, Recipe(stages=(stage(Repeated(calls)),)), tmp_path / "run")
    assert len(calls) == STEPS * 4  # a beginning and three replays each
    for batch in range(STEPS):
        begun, *replays = calls[4 * batch : 4 * batch + 4]
        assert begun == (0, 0)
        assert len(set(replays)) == 1
        assert replays[0][1] == 16


def test_replays_resume_in_the_same_bits(small: Classifier, resumed: Callable[..., Run]) -> None:
    resumed(small, Recipe(stages=(stage(Repeated([], replays=2)),)), 3)
