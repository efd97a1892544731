"""Progress messages of the studies."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ironglass.train.status import Status

Tell: TypeAlias = Callable[[str, int, int, str], None]
"""Called as (what is being done, done, of, detail)."""


def silent(activity: str, done: int, of: int, detail: str) -> None:
    """Progress that nobody follows."""


def training_line(status: Status) -> tuple[str, int, int, str]:
    """The message of a training that goes on."""
    return "training", status.step, status.steps, status.detail
