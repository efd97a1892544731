"""`Study`: what the command line and `ironglass.run` must know of a kind of study."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from ironglass.run import Run
from ironglass.studies.common.options import RunOptions


class Plan(Protocol):
    """The plan of a study: a frozen dataclass with a name, which becomes the folder's."""

    @property
    def name(self) -> str:
        """Name of the run."""
        ...


P = TypeVar("P", bound=Plan)


def replace_fields(plan: Any, fields: Mapping[str, Any]) -> Any:
    """The plan with these fields."""
    return dataclasses.replace(plan, **fields)


def replace_within(name: str) -> Callable[[Any, Mapping[str, Any]], Any]:
    """Function that replaces fields of the audit that a plan holds in its field `name`."""

    def replaced(plan: Any, fields: Mapping[str, Any]) -> Any:
        return dataclasses.replace(plan, **{name: replace_fields(getattr(plan, name), fields)})

    return replaced


@dataclass(frozen=True, kw_only=True)
class Study(Generic[P]):
    """One kind of study; `studies/registry.py` lists them all.

    name: one word, "sweep". plan: the type of its plans. run: runs a plan in a folder; its docstring says what is
    written. parallel: whether several networks are trained side by side, so that `jobs` may be above 1.
    replace: the plan with fields of the audit that it holds replaced, as by `--data`, `--model`, `--only`, `--seed`.
    own_options: options of `ironglass run` that are for this study alone, each with what puts its value into the plan.
    """

    name: str
    plan: type[P]
    run: Callable[[P, Path, RunOptions], Run]
    parallel: bool = False
    replace: Callable[[P, Mapping[str, Any]], P] = replace_fields
    own_options: Mapping[str, Callable[[P, Any], P]] = field(default_factory=dict)
