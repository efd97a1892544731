"""Training: reproducible, resumable, honest about what it keeps."""

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError, Notice
from ironglass.measure.accuracy import evaluate
from ironglass.models import Classifier, load_classifier
from ironglass.run import Run
from ironglass.train import Recipe, Stage, fit
from ironglass.train.loop import loop
from ironglass.train.objective import CrossEntropy


def weights(run: Run) -> bytes:
    return (run.path / "model.safetensors").read_bytes()


def history(run: Run) -> list[dict]:
    """What does not depend on the clock."""
    clock = ("seconds", "images_per_second")
    return [{name: value for name, value in row.items() if name not in clock} for row in run.history]


def test_same_seed_same_bits_other_seed_others(
    classifier: Classifier, dataset: Dataset, recipe: Recipe, tmp_path: Path
) -> None:
    start = copy.deepcopy(classifier)
    first = fit(classifier, dataset, recipe, tmp_path / "first")
    torch.rand(7)  # whatever else the program draws
    second = fit(copy.deepcopy(start), dataset, recipe, tmp_path / "second")
    other = fit(start, dataset, replace(recipe, seed=4), tmp_path / "other")
    assert weights(first) == weights(second)
    assert history(first) == history(second)
    assert weights(first) != weights(other)


class Stop:
    """Interrupts training after a number of steps, as Ctrl-C would."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole, left = loop.Loop._step, self.after

        def step(self: loop.Loop, *given: object) -> None:
            nonlocal left
            whole(self, *given)
            left -= 1
            self.interruption.requested = left == 0

        monkeypatch.setattr(loop.Loop, "_step", step)


@pytest.mark.parametrize("after", [1, 5, 6, 9, 13])
def test_interrupted_and_resumed_ends_in_the_same_bits(
    after: int,
    classifier: Classifier,
    dataset: Dataset,
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = copy.deepcopy(classifier)
    whole = fit(classifier, dataset, recipe, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        Stop(after)(patch)
        fit(copy.deepcopy(start), dataset, recipe, tmp_path / "halves")
    assert (tmp_path / "halves" / "checkpoint").is_dir()
    resumed = copy.deepcopy(start)
    halves = fit(resumed, dataset, recipe, tmp_path / "halves", resume=True)
    assert weights(halves) == weights(whole)
    assert history(halves) == history(whole)
    assert not (tmp_path / "halves" / "checkpoint").exists()
    for ours, kept in zip(resumed.parameters(), classifier.parameters(), strict=True):
        assert torch.equal(ours, kept)
    assert fit(start, dataset, recipe, tmp_path / "halves", resume=True).path == halves.path  # nothing left to do


def test_it_learns_and_keeps_the_best_epoch(classifier: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    recipe = Recipe(stages=(Stage(epochs=6, peak_lr=0.1, batch_size=8),))
    run = fit(classifier, dataset, recipe, tmp_path)
    rows = run.history
    [best] = [row for row in rows if row["best"]]
    assert best["validation_accuracy"] == max(row["validation_accuracy"] for row in rows) > 0.8
    numbers, _ = evaluate(classifier, dataset.validation, name="validation")
    assert numbers["accuracy"]["value"] == best["validation_accuracy"]
    assert numbers["loss"] == pytest.approx(best["validation_loss"], rel=1e-5)
    assert run.results["training"]["best_epoch"] == best["epoch"]
    assert rows[-1]["train_accuracy"] > 0.8
    assert load_classifier(str(tmp_path)).classes == dataset.classes


def test_events_are_written_once_for_tensorboard(
    classifier: Classifier, dataset: Dataset, recipe: Recipe, tmp_path: Path
) -> None:
    fit(classifier, dataset, recipe, tmp_path)
    [events] = tmp_path.glob("events.out.tfevents.*")
    assert b"validation_accuracy" in events.read_bytes()


def test_frozen_layers_stay_bit_for_bit_batch_norm_too(
    classifier: Classifier, dataset: Dataset, tmp_path: Path
) -> None:
    before = copy.deepcopy(classifier.network.state_dict())
    stage = Stage(epochs=1, peak_lr=0.1, batch_size=16, trainable_from="conv6")
    fit(classifier, dataset, Recipe(stages=(stage,)), tmp_path)
    after = classifier.network.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"conv6", "norm6", "linear"}
    assert all(parameter.requires_grad for parameter in classifier.parameters())


def test_an_objective_of_one_s_own(classifier: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    def doubled(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        loss, logits = CrossEntropy()(model, images, labels)
        return 2 * loss, logits

    run = fit(classifier, dataset, Recipe(stages=(Stage(epochs=1, objective=doubled),)), tmp_path)
    assert "doubled" in run.read("recipe.json")["stages"][0]["objective"]


def test_a_loss_that_is_no_number_ends_in_one_line(classifier: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    stage = Stage(epochs=3, peak_lr=1e30, schedule="constant", batch_size=8)
    with pytest.raises(InputError, match=r"the loss is .* lower peak_lr"):
        fit(classifier, dataset, Recipe(stages=(stage,)), tmp_path)


def test_refusals_come_before_anything_is_written(
    classifier: Classifier, dataset: Dataset, recipe: Recipe, tmp_path: Path
) -> None:
    other = load_classifier("simple-cnn", classes=("upright", "slanted"), size=12, channels=1)
    with pytest.raises(InputError, match="lacks 'level'"):
        fit(other, dataset, recipe, tmp_path / "run")
    with pytest.raises(InputError, match="channels"):
        fit(load_classifier("simple-cnn", classes=dataset.classes, size=12), dataset, recipe, tmp_path / "run")
    with pytest.raises(InputError, match="no layer is named 'conv9'"):
        fit(classifier, dataset, Recipe(stages=(Stage(trainable_from="conv9"),)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_in_use_is_not_written_over(
    classifier: Classifier, dataset: Dataset, recipe: Recipe, tmp_path: Path
) -> None:
    fit(classifier, dataset, recipe, tmp_path / "run")
    with pytest.raises(InputError, match="not empty"):
        fit(classifier, dataset, recipe, tmp_path / "run")
    with pytest.raises(InputError, match="other settings"):
        fit(classifier, dataset, replace(recipe, seed=9), tmp_path / "run", resume=True)


def test_a_spoilt_checkpoint_is_named_or_the_last_good_epoch_goes_on(
    classifier: Classifier, dataset: Dataset, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(copy.deepcopy(classifier), dataset, recipe, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        Stop(6)(patch)
        fit(copy.deepcopy(classifier), dataset, recipe, tmp_path / "cut")
    shutil.copytree(tmp_path / "cut", tmp_path / "unlisted")
    (tmp_path / "unlisted" / "checksums.b2").unlink()
    shutil.copytree(tmp_path / "cut", tmp_path / "lost")
    for name, files in {"cut": ["state"], "lost": ["state", "good"], "unlisted": ["state"]}.items():
        for file in files:
            path = tmp_path / name / "checkpoint" / f"{file}.safetensors"
            path.write_bytes(path.read_bytes()[:-100])
    with pytest.warns(Notice, match=r"made anew: checkpoint/state\.safetensors"):
        again = fit(copy.deepcopy(classifier), dataset, recipe, tmp_path / "cut", resume=True)
    assert weights(again) == weights(whole)
    assert history(again) == history(whole)
    with pytest.raises(InputError, match=r"state\.safetensors is not as it was written"):
        fit(classifier, dataset, recipe, tmp_path / "lost", resume=True)
    with pytest.warns(Notice, match="cannot be checked"), pytest.raises(InputError, match="cannot be resumed"):
        fit(classifier, dataset, recipe, tmp_path / "unlisted", resume=True)


def test_labels_are_matched_by_name(dataset: Dataset, tmp_path: Path) -> None:
    turned = load_classifier("simple-cnn", classes=("level", "upright"), size=12, channels=1)
    fit(turned, dataset, Recipe(stages=(Stage(epochs=6, peak_lr=0.1, batch_size=8),)), tmp_path)
    logits = turned(dataset.test[:][0])
    names = [turned.classes[i] for i in logits.argmax(1)]
    truth = [dataset.classes[i] for i in dataset.test.labels]
    assert sum(a == b for a, b in zip(names, truth, strict=True)) > 32


def test_without_validation_the_last_epoch_is_kept(classifier: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    only = replace(dataset, splits={"train": dataset.train})
    run = fit(classifier, only, Recipe(stages=(Stage(epochs=2, batch_size=16, schedule="plateau"),)), tmp_path)
    assert [row["best"] for row in run.history] == [False, True]
    assert run.history[0]["validation_loss"] is None
    json.dumps(run.history, allow_nan=False)


def test_the_caller_s_random_state_is_as_before(
    classifier: Classifier, dataset: Dataset, recipe: Recipe, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    fit(classifier, dataset, recipe, tmp_path)
    assert torch.equal(torch.rand(3), expected)
