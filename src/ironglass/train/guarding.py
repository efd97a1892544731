"""The watch that `fit` trains under where it is given none, and what that did in words."""

from __future__ import annotations

import importlib
import warnings
from typing import Any, Literal, TypeAlias, cast

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError, Notice
from ironglass.train.recipe import Recipe
from ironglass.train.watch import Watch

Watching: TypeAlias = Watch | Literal["guard"] | None
"""A watch; "guard" for the guard against catastrophic overfitting, where an objective is adversarial; None for none."""
_ABOVE = "ironglass.harden.overfitting"


def watch_of(watch: Watching, recipe: Recipe, dataset: Dataset) -> Watch | None:
    """The watch itself, or for "guard" the guard that the recipe's objectives need, None where they need none.

    A Notice says where there are no validation images for it. The room above is imported by its name as text, so that
    nothing here depends on it. Raises InputError for anything else.
    """
    if watch is None or callable(watch):
        return watch
    if watch != "guard":
        raise InputError(f'watch is {watch!r}: give a function of classifier and rows, "guard", or None for none')
    room: Any = importlib.import_module(_ABOVE)
    objectives = [stage.objective for stage in recipe.stages]
    if "validation" not in dataset.splits and room.is_adversarial(objectives):
        message = "it is trained without the guard against catastrophic overfitting, which attacks validation images"
        warnings.warn(Notice(f"{dataset.name} has no validation split: {message}"), stacklevel=4)
    return cast("Watch | None", room.guard_for(objectives, dataset, seed=recipe.seed))


def say_alarms(training: dict[str, Any]) -> None:
    """A Notice of the epochs after which the guard took training back.

    training: the section of `results.json`.
    """
    if alarms := training.get("alarms"):
        returns = ", ".join(
            f"after epoch {alarm['epoch']} to {f'that of epoch {back}' if (back := alarm['back_to']) else 'the start'}"
            for alarm in alarms
        )
        message = f"the guard against catastrophic overfitting took training back, {returns}, at half the learning rate"
        warnings.warn(Notice(f"{message}; watch=None trains without it"), stacklevel=4)
