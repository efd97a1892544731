"""Augmentation of the user's own in a training: tried first, recorded, resumed in the same bits or refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.transforms import v2

import ironglass as ig
from ironglass.data.dataset import Dataset
from ironglass.errors import InputError
from ironglass.models import Classifier
from ironglass.plans.sweep import trials_of
from ironglass.run import Run
from ironglass.train import Recipe, Stage, fit
from ironglass.train.loop import loop
from ironglass.train.objective import CrossEntropy


def flipped_with_noise(images: torch.Tensor) -> torch.Tensor:
    return (images.flip(3) + 0.1 * torch.rand_like(images)).clamp(0, 1)


def recipe(augment: Any, **given: Any) -> Recipe:
    return Recipe(stages=(Stage(epochs=2, peak_lr=0.02, batch_size=16, **given),), augment=augment, seed=3)


@pytest.mark.parametrize("augment", [flipped_with_noise, v2.RandomHorizontalFlip()], ids=["function", "torchvision"])
def test_the_same_bits_after_an_interruption(augment: Any, small: Classifier, resumed: Callable[..., Run]) -> None:
    run = resumed(small, recipe(augment), 7)
    record = run.read("recipe.json")["augment"]
    assert record["kind"] == "OwnAugment"
    assert (
        record["description"].split(" ", 1)[1].startswith(getattr(augment, "__name__", "RandomHorizontalFlip(p=0.5)"))
    )


def test_the_network_is_given_what_the_function_makes(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def white_ones(images: torch.Tensor, labels: torch.Tensor) -> Any:
        return torch.ones_like(images), torch.ones_like(labels)

    def noting(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
        seen.append((images, labels))
        return CrossEntropy()(model, images, labels)

    fit(small, dataset, recipe(white_ones, objective=noting), tmp_path)
    assert len(seen) == 2 * 6 + 1  # two epochs of six, and the trial
    assert all(bool((images == 1).all()) and bool((labels == 1).all()) for images, labels in seen)


def test_another_object_cannot_go_on(
    small: Classifier, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def darker(by: float) -> Any:
        return lambda images: images * by

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop.Loop, "_report_progress", lambda self, steps: setattr(self.interruption, "requested", True))
        fit(small, dataset, recipe(darker(0.5)), tmp_path)
    for other in (darker(0.25), flipped_with_noise, v2.RandomHorizontalFlip(), ig.Augment()):
        with pytest.raises(
            InputError, match=r"other settings \(augment\.\w+ in recipe.json: .*, and now .*\)"
        ) as caught:
            fit(small, dataset, recipe(other), tmp_path, resume=True)
        assert "\n" not in str(caught.value)
    run = fit(small, dataset, recipe(darker(0.5)), tmp_path, resume=True)
    assert len(run.history) == 2


def test_a_broken_one_is_refused_before_anything_is_written(
    small: Classifier, dataset: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"the augmentation .*<lambda> gave values from"):
        fit(small, dataset, recipe(lambda images: images * 3), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_that_breaks_later_is_named_too(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    def rarely(images: torch.Tensor) -> torch.Tensor:
        return images + 2 * (len(images) > 8)

    with pytest.raises(InputError, match=r"the augmentation .*rarely gave values from"):
        fit(small, dataset, recipe(rarely), tmp_path)


def test_a_plan_takes_and_records_it(tmp_path: Path) -> None:
    plan = ig.Audit.of_parts(
        dataset="digits", model="logistic", training=True, stages=(ig.Stage(epochs=1, batch_size=256),),
        augment=flipped_with_noise,
    )  # fmt: skip
    run = ig.run(plan, tmp_path / "run")
    assert json.loads((run.path / "recipe.json").read_text())["augment"]["kind"] == "OwnAugment"
    assert "training" in run.results
    sweep = ig.Sweep(trial=plan, vary={"augment": (ig.Augment(), flipped_with_noise)})
    assert [trial.plan.augment == plan.augment for trial in trials_of(sweep)] == [False, True]
