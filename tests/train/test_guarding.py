"""The guard against catastrophic overfitting in `fit`: where it is, what it says, and how it is left out."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError, Notice
from ironglass.harden import AdversarialRegularisation, FastAT, PGDTraining, overfitting
from ironglass.harden.overfitting import OverfittingGuard, guard_for, is_adversarial
from ironglass.models import Classifier
from ironglass.run import Run
from ironglass.train import Recipe, Stage, Watched, fit
from ironglass.train.display import epoch_line
from ironglass.train.objective import CrossEntropy


def recipe(objective: Any = None, epochs: int = 1) -> Recipe:
    objective = objective or PGDTraining(norm="l2", eps=0.3, steps=1)
    return Recipe(stages=(Stage(epochs=epochs, peak_lr=0.02, batch_size=16, objective=objective),), seed=3)


def test_an_adversarial_training_is_guarded_by_default(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    run = fit(small, dataset, recipe(), tmp_path, progress=False)
    watch = run.results["training"]["watch"]
    assert (watch["kind"], watch["norm"], watch["eps"], watch["seed"]) == ("OverfittingGuard", "l2", 0.3, 3)
    row = run.history[0]
    by_hand = guard_for([PGDTraining(norm="l2", eps=0.3)], dataset, seed=3)
    assert by_hand is not None
    assert by_hand(small, []).numbers == {name: row[name] for name in ("pgd_accuracy", "fgsm_accuracy")}
    assert f"under PGD {100 * row['pgd_accuracy']:.1f} %" in epoch_line(row, 1)


def test_it_can_be_left_out_and_clean_training_has_none(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    off = fit(small, dataset, recipe(), tmp_path / "off", watch=None)
    clean = fit(small, dataset, recipe(CrossEntropy()), tmp_path / "clean")
    for run in (off, clean):
        assert "watch" not in run.results["training"]
        assert "pgd_accuracy" not in run.history[0]


def test_it_says_when_it_took_training_back(
    small: Classifier, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collapses(self: OverfittingGuard, classifier: Classifier, rows: Any) -> Watched:
        pgd = (0.6, 0.1, 0.5)[len(rows)]
        return Watched({"pgd_accuracy": pgd, "fgsm_accuracy": 0.9}, pgd, alarm=len(rows) == 1)

    monkeypatch.setattr(overfitting.OverfittingGuard, "__call__", collapses)
    with pytest.warns(Notice, match="took training back, after epoch 2 to that of epoch 1, at half") as said:
        run = fit(small, dataset, recipe(epochs=3), tmp_path)
    assert Path(said[0].filename) == Path(__file__)
    assert run.results["training"]["alarms"] == [{"epoch": 2, "back_to": 1, "factor": 0.5}]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(small, dataset, recipe(epochs=3), tmp_path, resume=True)  # finished: nothing new to say


def test_it_says_that_there_is_nothing_to_attack(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    bare = replace(dataset, splits={"train": dataset.train})
    with pytest.warns(Notice, match="stripes has no validation split: it is trained without the guard"):
        run = fit(small, bare, recipe(), tmp_path)
    assert "watch" not in run.results["training"]


@pytest.mark.parametrize("after", [2, 6, 8])
def test_the_same_bits_after_an_interruption(after: int, small: Classifier, resumed: Callable[..., Run]) -> None:
    resumed(small, recipe(FastAT(eps=0.1), epochs=2), after)


def test_another_word_is_refused(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="watch is 'on': give a function"):
        fit(small, dataset, recipe(), tmp_path / "run", watch="on")  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_which_objectives_it_is_for(dataset: Dataset) -> None:
    l1 = AdversarialRegularisation(adv_grad_norm="l1")
    assert not is_adversarial([CrossEntropy(), l1, FastAT(eps=0)])
    assert is_adversarial([CrossEntropy(), FastAT()])
    assert guard_for([l1], dataset) is None
    guard = guard_for([FastAT(norm="l2", eps=2), FastAT(eps=0.1), FastAT(eps=0.05)], dataset)
    assert guard is not None
    assert (guard.norm, guard.eps) == ("linf", 0.1)
    guard = guard_for([FastAT(norm="l2", eps=2), FastAT(eps=0.1)], dataset, attack_eps={"l2": 0.5})
    assert guard is not None
    assert (guard.norm, guard.eps) == ("l2", 0.5)
    assert guard_for([FastAT()], dataset, mode="off") is None
