"""A watch: what it sees, what is kept in its eyes, and what its alarm takes back."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError
from ironglass.models import Classifier
from ironglass.models.loading.weights import read_state
from ironglass.run import Run
from ironglass.train import Recipe, Stage, Watched, fit
from ironglass.train.loop import loop
from ironglass.train.loop.optimiser import make_optimiser
from ironglass.train.objective import CrossEntropy

STEPS = 6  # an epoch


@dataclass(frozen=True)
class Script:
    """Finds the merits it was told, and alarms where one is negative."""

    merits: tuple[float, ...]
    seen: list[dict[str, torch.Tensor]] = field(default_factory=list, repr=False)

    def __call__(self, classifier: Classifier, rows: Sequence[dict[str, Any]]) -> Watched:
        assert not classifier.training
        self.seen.append(copy.deepcopy(classifier.network.state_dict()))
        torch.rand(3)  # what it draws must not matter
        merit = self.merits[len(rows)]
        return Watched({"pgd_accuracy": abs(merit)}, merit, alarm=merit < 0)


@dataclass(frozen=True)
class Spy:
    """Cross-entropy that notes the network before every step."""

    before: list[dict[str, torch.Tensor]] = field(default_factory=list, repr=False)

    def __call__(self, model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
        self.before.append(copy.deepcopy(model.network.state_dict()))  # type: ignore[operator, union-attr]
        return CrossEntropy()(model, images, labels)


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def constant(epochs: int, **given: Any) -> Stage:
    return Stage(epochs=epochs, peak_lr=0.02, schedule="constant", batch_size=16, **given)


def test_an_alarm_takes_the_weights_back_and_halves_the_rate(
    small: Classifier, dataset: Dataset, tmp_path: Path
) -> None:
    watch, spy = Script((0.3, 0.5, -0.9, 0.4)), Spy()
    run = fit(small, dataset, Recipe(stages=(constant(4, objective=spy),)), tmp_path, watch=watch)
    rows, training = run.history, run.results["training"]
    assert equal(spy.before[2 * STEPS], watch.seen[1])
    assert not equal(watch.seen[2], watch.seen[1])
    assert equal(spy.before[3 * STEPS], watch.seen[1]), "the fourth epoch starts where the second ended"
    assert [row["lr"] for row in rows] == [0.02, 0.02, 0.02, 0.01]
    assert [row["pgd_accuracy"] for row in rows] == [0.3, 0.5, 0.9, 0.4]
    assert [row["alarm"] for row in rows] == [False, False, True, False]
    assert training["alarms"] == [{"epoch": 3, "back_to": 2, "factor": 0.5}]
    assert training["watch"] == {"kind": "Script", "merits": [0.3, 0.5, -0.9, 0.4]}
    assert training["best_epoch"] == 2
    assert equal(read_state(tmp_path / "model.safetensors"), watch.seen[1])
    assert equal(small.network.state_dict(), watch.seen[1])
    clean = max(rows, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]))["epoch"]
    assert training["clean_best_epoch"] == clean
    assert equal(read_state(tmp_path / "model-clean-best.safetensors"), watch.seen[clean - 1])


def test_an_alarm_before_any_merit_goes_back_to_the_start(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    watch, spy = Script((-0.3, -0.4, 0.2)), Spy()
    run = fit(small, dataset, Recipe(stages=(constant(3, objective=spy),)), tmp_path, watch=watch)
    assert equal(spy.before[STEPS], spy.before[0])
    assert equal(spy.before[2 * STEPS], spy.before[0])
    assert [(alarm["epoch"], alarm["back_to"]) for alarm in run.results["training"]["alarms"]] == [(1, 0), (2, 0)]
    assert run.results["training"]["best_epoch"] == 3


@pytest.mark.parametrize("after", [2 * STEPS + 3, 3 * STEPS, 3 * STEPS + 1])
def test_alarms_and_averages_in_the_same_bits_after_an_interruption(
    after: int, small: Classifier, resumed: Callable[..., Run]
) -> None:
    stages = (constant(2), constant(2, optimiser="adamw"))  # the alarm goes back over the border of stages
    run = resumed(small, Recipe(stages=stages, average=0.8), after, watch=Script((0.5, 0.3, -0.2, 0.1)))
    assert run.results["training"]["alarms"] == [{"epoch": 3, "back_to": 1, "factor": 0.5}]
    assert (run.path / "model-clean-best.safetensors").is_file()


def test_momentum_goes_back_too(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    def steady(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
        logits = model(torch.ones_like(images))  # every batch is alike
        return logits.square().mean(), logits

    small.network[4].p = 0.0
    by_hand, stage = copy.deepcopy(small).train(), constant(3, objective=steady)
    fit(small, dataset, Recipe(stages=(stage,)), tmp_path, watch=Script((0.3, -0.1, 0.5)))
    optimiser = make_optimiser(by_hand, stage)
    for lr in [0.02] * STEPS + [0.01] * STEPS:  # as if the second epoch had never been
        optimiser.param_groups[0]["lr"] = optimiser.param_groups[1]["lr"] = lr
        optimiser.zero_grad()
        steady(by_hand, torch.ones(16, 1, 12, 12), torch.ones(16))[0].backward()
        optimiser.step()
    for ours, theirs in zip(small.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_another_watch_cannot_go_on(
    small: Classifier, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(stages=(constant(2),))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop.Loop, "_report_progress", lambda self, steps: setattr(self.interruption, "requested", True))
        fit(small, dataset, recipe, tmp_path, watch=Script((0.5, 0.6)))
    with pytest.raises(InputError, match="another watch"):
        fit(small, dataset, recipe, tmp_path, watch=Script((0.5, 0.7)), resume=True)
    with pytest.raises(InputError, match="another watch"):
        fit(small, dataset, recipe, tmp_path, resume=True)
