"""The settings of a sweep: trials that differ in their seed alone are one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SEED = "seed"
"""The field that is no setting: trainings by other seeds are draws from the same one."""


def settings_of(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> list[list[str]]:
    """The names of the trials of each setting, in the order of the rows. fields: what was varied, as in `values`."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        values = [value for field, value in zip(fields, row["values"], strict=True) if field != SEED]
        groups.setdefault(repr(values), []).append(row["name"])
    return list(groups.values())
