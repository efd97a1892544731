"""A plan's data set: its classes, how its files become pixels, and the images."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ironglass.data.build import Reading
from ironglass.data.dataset import Dataset
from ironglass.data.load import check_reading, class_names, load_dataset
from ironglass.plans.audit import Audit
from ironglass.run import Run
from ironglass.types import Progress


def load_data(
    plan: Audit,
    size: int | tuple[int, int] | None,
    channels: int | None,
    *,
    download: bool,
    progress: Progress | None = None,
) -> Dataset:
    """The plan's data at this size. Their seed is not the plan's: runs of other seeds shall share their test images."""
    reading = reading_of(plan.model)
    return load_dataset(
        plan.dataset,
        size=size,
        channels=channels,
        fit=plan.fit or reading.fit,
        range=plan.range or reading.range,
        image_column=plan.image_column,
        label_column=plan.label_column,
        splits=plan.splits,
        classes=plan.only or None,
        leave_out=plan.leave_out,
        attributes=plan.slices,
        download=download,
        progress=progress,
    )


def reading_of(model: str) -> Reading:
    """Reading of the images that the named run's network learnt from; the default one for other names.

    Raises InputError where the run's `data.json` is not as it was written.
    """
    path = Path(model.removeprefix("local-dir:")) / "data.json"
    try:
        record = json.loads(path.read_text("utf-8"))["reading"]
        reading = check_reading(None, None, record["fit"], record["range"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # no run, or one from before
        reading = Reading()
    if os.path.isfile(path):  # noqa: PTH113  (False, too, for names that no file can bear)
        Run(path.parent).check([path.name])
    return reading


def data_classes(plan: Audit, download: bool) -> tuple[str, ...]:
    """The names of the plan's classes, read without the images."""
    columns: dict[str, Any] = {"image_column": plan.image_column, "label_column": plan.label_column}
    return plan.only or class_names(plan.dataset, **columns, splits=plan.splits, download=download)
