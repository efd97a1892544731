"""The plan of a sweep, and its trials."""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import replace
from itertools import product
from typing import Any, Literal, TypeAlias, cast

from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.plans.audit import Audit, only_parts
from ironglass.run.recipe_versions import moved
from ironglass.train.record import as_json, replaced

COMPARED = {
    *("dataset", "only", "image_column", "label_column", "splits", "split", "name", "description"),
    *("training", "evaluation", "steps", "sampling.seed"),
}
"""What trials must share, since they are compared on the same images."""


ChooseBy: TypeAlias = Literal["auto", "clean", "robust", "pareto"]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Sweep:
    """An audit whose fields are varied: every combination of the values is a trial.

    trial: what all trials have in common; each trains, is evaluated, and attacked where `attacks` are named. vary: the
    values of each field, by its path as `--set` takes it: {"stages.0.peak_lr": (0.1, 0.01)}, {"model": (...)}.
    choose_by: validation accuracy that chooses: "clean", of unchanged images; "robust", under every named attack at the
        largest eps; "pareto", of the trials that none beats in both, the one whose two accuracies add up to most;
        "auto" for "robust" where attacks are named, else "clean".

    Raises InputError for a field or value that there is not, for one that would have trials see other images, and for a
    choice by attacks where none is named.
    """

    trial: Audit
    vary: dict[str, tuple[Any, ...]]
    choose_by: ChooseBy = "auto"

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.trial.name

    @property
    def attacks_validation(self) -> bool:
        """True where validation images are attacked to choose by."""
        return self.choose_by != "clean" and bool(self.trial.named_attacks)

    def __post_init__(self) -> None:
        if self.choose_by in ("robust", "pareto") and not self.trial.named_attacks:
            raise InputError(f"choose_by is {self.choose_by}, and no attack is named: give --attacks pgd-20, say")
        if not self.vary:
            raise InputError(
                'nothing is varied: give vary a field and its values, as {"stages.0.peak_lr": (0.1, 0.01)}'
            )
        for path, values in self.vary.items():
            if path.partition(".")[0] in COMPARED or path in COMPARED:
                raise InputError(f"{path} cannot be varied: trials are compared on the same images")
            plain = [as_json(value) for value in values]
            twice = any(value in plain[:index] for index, value in enumerate(plain))
            if twice and len({*map(id, values)}) == len(values) and any(map(inspect.isfunction, values)):
                raise InputError(f"{path} takes functions of the same name, {plain}: give each a name of its own")
            if not values or twice:
                raise InputError(f"{path} takes the values {plain}: give at least one, and each once")
        paths = [moved(path) for path in self.vary]
        if twice_varied := [path for path in paths if paths.count(path) > 1]:
            raise InputError(f"{twice_varied[0]} is varied twice, also by a former name: give all its values at once")
        if self.trial.attacks is None and (attacks := self.trial.named_attacks) is not None:
            object.__setattr__(self, "trial", replace(self.trial, attacks=attacks))
        trials_of(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """One combination of a sweep's values. name: of its folder."""

    name: str
    values: tuple[Any, ...]
    plan: Audit


def trials_of(plan: Sweep) -> list[Trial]:
    """Every combination, the last field varying fastest."""
    trials: list[Trial] = []
    sampling = replace(plan.trial.sampling, seed=plan.trial.draw)  # whatever the seed of a trial
    for number, values in enumerate(product(*plan.vary.values()), start=1):
        one, name = replace(plan.trial, sampling=sampling), trial_name(number, values)
        for path, value in zip(plan.vary, values, strict=True):
            one = replaced(one, path, value, where=f"vary {path}")
        description = f"{plan.name}: trial {number}, " + ", ".join(
            f"{path} {as_json(value)}" for path, value in zip(plan.vary, values, strict=True)
        )
        if one.corruptions is not None:
            raise InputError("corruptions are named, and a sweep measures none: leave them out")
        done = only_parts(training=True, evaluation=True, attacks=one.named_attacks)
        one = replace(one, name=name, description=f"{description}.", **done)
        trials.append(Trial(name=name, values=values, plan=one))
    return trials


def trial_name(number: int, values: tuple[Any, ...]) -> str:
    """A folder's name, as "03-0.1-resnet18"."""
    words = [value if isinstance(value, str) else _word(value) for value in values]
    return "-".join([f"{number:02}", *(re.sub(r"[^\w.]+", "_", word.rpartition("/")[2])[:40] for word in words)])


def _word(value: Any) -> str:
    plain: Any = as_json(value)
    if isinstance(plain, dict):
        return str(cast("dict[str, Any]", plain).get("kind", ""))
    return f"{plain:g}" if type(plain) is float else str(plain)
