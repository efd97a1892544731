"""Calibration of existing runs, from the confidences that their tables hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from ironglass.measure.calibration import Confidences, calibration, calibration_difference
from ironglass.results.codec import from_dict
from ironglass.results.evaluation import Calibration
from ironglass.results.numbers import Mean
from ironglass.results.runs_compared import CalibrationPair
from ironglass.studies.runs_compared.pairs import paired
from ironglass.studies.runs_compared.read import CLEAN, OpenedRun

COLUMNS = ("name", "confidence", "correct", "prediction")


class Calibrations:
    """Confidences of each run on the unchanged images, in the order of the first run's; of a run that did not record
    them, or did not judge an image, there are none.

    left_out: a sentence a run without.
    """

    def __init__(self, opened: Sequence[OpenedRun]) -> None:
        order = opened[0].clean.names
        self.left_out: list[str] = []
        self._of: dict[str, Confidences] = {}
        for run in opened:
            confidences = _confidences(run.run.path / "per_image" / f"{CLEAN}.parquet", order)
            if isinstance(confidences, Confidences):
                self._of[run.name] = confidences
            else:
                self.left_out.append(f"The calibration of {run.name} is not compared: {confidences}.")

    def of(self, run: str) -> Calibration | None:
        """The calibration of one run; None where there is none."""
        if (confidences := self._of.get(run)) is None:
            return None
        return from_dict(Calibration, calibration(confidences), file="calibration")

    def pairs(self, baseline: str | None) -> tuple[CalibrationPair, ...]:
        """The differences of the pairs that are compared."""
        rows: list[CalibrationPair] = []
        for first, second in paired(list(self._of), baseline):
            difference = calibration_difference(self._of[first], self._of[second])
            means = {name: None if value is None else Mean(**value) for name, value in difference.items()}
            rows.append(
                CalibrationPair(first=first, second=second, ece=Mean(**difference["ece"]), brier=means["brier"])
            )
        return tuple(rows)


def _confidences(path: Path, order: np.ndarray) -> Confidences | str:
    """The confidences in the order of these images, or why there are none."""
    columns = pq.read_schema(path).names
    if missing := [name for name in COLUMNS if name not in columns]:
        return f"its table has no column {missing[0]}"
    table = pq.read_table(path, columns=[*COLUMNS, *(["brier"] if "brier" in columns else [])])
    if table["prediction"].null_count:
        return f"{table['prediction'].null_count:,} images were not judged"
    names = np.asarray(table["name"].to_pylist(), dtype=object).astype(str)
    order_here = np.argsort(names, kind="stable")[np.argsort(np.argsort(order, kind="stable"), kind="stable")]
    values = {name: np.asarray(table[name].to_pylist())[order_here] for name in table.column_names if name != "name"}
    confidence = np.asarray(values["confidence"], dtype=np.float64)
    if not ((confidence >= 0) & (confidence <= 1 + 1e-6)).all():
        return "confidences are not between 0 and 1"
    brier = np.asarray(values["brier"], dtype=np.float64) if "brier" in values else None
    return Confidences(np.minimum(confidence, 1.0), np.asarray(values["correct"], dtype=bool), brier)
