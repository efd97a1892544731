"""A temperature that was fitted for a network, kept beside its weights and applied where it is asked for."""

from __future__ import annotations

import math
from pathlib import Path

from ironglass.errors import InputError, brief
from ironglass.run import Run

FILE = "temperature.json"
"""The file in the folder of a run."""


def read_temperature(model: str) -> tuple[float, int]:
    """The temperature in a model's folder, and the number of validation images that it was fitted on.

    model: a run folder, or the name of one, as `local-dir:runs/first`. Raises InputError where there is none.
    """
    folder = Path(model.removeprefix("local-dir:"))
    path = folder / FILE
    if not path.is_file():
        raise InputError(
            f"{model} has no {FILE}: a temperature is fitted by train and evaluate, on data with a validation split"
        )
    facts = Run(folder).read_object(FILE)
    value, images = facts.get("temperature"), facts.get("images")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise InputError(f"{path}: temperature is {brief(value)}: give a number above 0")
    if isinstance(images, bool) or not isinstance(images, int) or images < 1:
        raise InputError(f"{path}: images is {brief(images)}: restore the file, or evaluate again")
    return float(value), images
