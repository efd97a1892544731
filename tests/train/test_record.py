"""Recipes as JSON, and single fields by name."""

import json
from dataclasses import dataclass, field

import pytest
import torch

from ironglass.errors import InputError
from ironglass.train import Plateau, Recipe, Stage
from ironglass.train.objective import CrossEntropy
from ironglass.train.recipe import stage_name
from ironglass.train.record import as_json, override

RECIPE = Recipe(
    name="x", stages=(Stage(epochs=3, until=Plateau()), Stage(epochs=4, objective=CrossEntropy(label_smoothing=0.1)))
)


def test_every_default_is_filled_in_and_it_is_json() -> None:
    found = json.loads(json.dumps(as_json(RECIPE), allow_nan=False))
    assert found["stages"][1]["objective"] == {"kind": "CrossEntropy", "label_smoothing": 0.1}
    assert found["stages"][0]["optimiser"] == "sgd"
    assert found["augment"]["flip"] is False


@pytest.mark.parametrize(
    ("path", "text", "read"),
    [
        ("seed", "7", lambda recipe: recipe.seed == 7),
        ("model", "timm/resnet18", lambda recipe: recipe.model == "timm/resnet18"),
        ("stages.0.epochs", "9", lambda recipe: recipe.stages[0].epochs == 9 and recipe.stages[1].epochs == 4),
        ("stages.1.objective.label_smoothing", "0", lambda recipe: recipe.stages[1].objective.label_smoothing == 0),
        ("augment.flip", "true", lambda recipe: recipe.augment.flip is True),
        ("options.dropout", "0.5", lambda recipe: recipe.options == {"dropout": 0.5}),
        ("stages.0.until", '{"patience": 2}', lambda recipe: recipe.stages[0].until == Plateau(patience=2)),
        ("stages.0.schedule", "step", lambda recipe: recipe.stages[0].schedule == "step"),
        ("size", "null", lambda recipe: recipe.size is None),
    ],
)
def test_override_sets_one_field(path: str, text: str, read) -> None:
    before = as_json(RECIPE)
    assert read(override(RECIPE, path, text))
    assert as_json(RECIPE) == before


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("epoch", "3", "no field 'epoch'; Recipe has name"),
        ("stages.0.epoch", "3", r"no field 'epoch' \(did you mean epochs\?\); Stage has epochs"),
        ("stages.2.epochs", "3", "positions are 0 to 1"),
        ("stages.first.epochs", "3", "no entry 'first'"),
        ("stages.0.epochs", "many", "give a whole number"),
        ("stages.0.epochs", "0", "give a number above 0"),
        ("stages.0.schedule", "linear", "one-cycle"),
        ("stages.0.last_lr", "0.01", "last_lr is for the schedule 'exponential'"),
        ("stages.0.until.patience", "0", "give a number above 0"),
        ("seed.high", "3", "plain value"),
        ("stages", "[]", "at least 1"),
        ("augment.flp", "true", "no field 'flp'"),
    ],
)
def test_override_refuses_by_name(path: str, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as raised:
        override(RECIPE, path, text)
    assert path in str(raised.value)
    assert "\n" not in str(raised.value)


def test_fields_that_the_repr_leaves_out_are_not_recorded() -> None:
    @dataclass(frozen=True)
    class Watch:
        images: torch.Tensor = field(repr=False)
        steps: int = 10

    assert as_json(Watch(torch.zeros(2))) == {"steps": 10}


def test_a_last_rate_above_the_first_is_refused() -> None:
    with pytest.raises(ValueError, match=r"last_lr 0\.2 is above peak_lr 0\.1"):
        Stage(schedule="exponential", peak_lr=0.1, last_lr=0.2)


def test_the_name_of_a_stage_tells_what_learns() -> None:
    stages = (Stage(trainable_from="linear"), Stage(trainable_from="conv6", name="top"), Stage())
    assert [stage_name(stages, i) for i in range(3)] == ["from linear", "top", "all layers"]
    assert stage_name((Stage(), Stage(optimiser="adamw")), 1) == "stage 2"


def test_an_unknown_field_is_refused_from_python_too() -> None:
    with pytest.raises((TypeError, ValueError), match="epoch"):
        Stage(epoch=3)  # type: ignore[call-arg]
