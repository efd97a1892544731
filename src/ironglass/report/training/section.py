"""The section on training."""

from __future__ import annotations

from functools import partial
from typing import Any

from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.training.chart import training
from ironglass.results.training import Training


def kept_epoch(history: list[dict[str, Any]], measured: Training | None) -> int | None:
    """The epoch whose weights were kept: the last that was the best so far."""
    best = [row["epoch"] for row in history if row.get("best")]
    return (measured.best_epoch if measured else 0) or (best[-1] if best else None)


def guard_of(measured: Training | None) -> dict[str, Any] | None:
    """Settings of the guard against catastrophic overfitting that the training was under; None for another watch."""
    watch = measured.watch if measured else None
    return {"norm": "linf", **watch} if isinstance(watch, dict) and watch.get("kind") == "OverfittingGuard" else None


def _facts(source: Source) -> Facts:
    measured = source.results.training
    return {"kept": kept_epoch(source.history, measured), "history": source.history, "guard": guard_of(measured)}


def _is_measured(source: Source, facts: Facts) -> bool:
    return bool(source.history) or source.results.training is not None


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    if not source.history:
        return {}
    label = f"Loss and accuracy over {len(source.history)} epochs, for training and validation"
    return {"training": Chart(partial(training, source.history, best_epoch=facts["kept"]), label)}


SECTION = Section(
    key="training",
    title="Training",
    template="training/section",
    results=("training",),
    applies=_is_measured,
    facts=_facts,
    charts=_charts,
)
