"""Progress messages of the studies."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ironglass.train.status import Status

Tell: TypeAlias = Callable[[str, int, int, str], None]
"""Called as (what is being done, done, of, detail)."""


def training_line(status: Status) -> tuple[str, int, int, str]:
    """What is told while training goes on."""
    return "training", status.step, status.steps, status.detail
