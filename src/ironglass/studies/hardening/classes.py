"""Change of every class by a hardening, unchanged and under attack."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ironglass.measure.statistics import holm, mcnemar, rate_of
from ironglass.results.hardening.change import ClassChange, ClassPair
from ironglass.results.numbers import McNemar, Rate
from ironglass.run import Run
from ironglass.studies.hardening.pairs import image_rows, worst_case

LEVEL = 0.05


def class_changes(before: Run, after: Run) -> tuple[ClassChange, ...]:
    """Every class of the measured images on both sides; all tests are read together by Holm's procedure.

    Under attack an image is right where it is under every attack at the largest eps.
    """
    eps = max(after.results["attacks"]["eps"])
    sides = (before, after)
    clean = _by_class([image_rows(run, "clean") for run in sides])
    attacked = _by_class([worst_case(image_rows(run, "attacks"), eps) for run in sides])
    flags = [part for name in clean for part in (clean[name], attacked.get(name)) if part is not None]
    pairs = iter(class_pairs(flags))
    return tuple(
        ClassChange(class_=name, clean=next(pairs), attacked=next(pairs) if name in attacked else None)
        for name in clean
    )


def class_pairs(flags: list[tuple[np.ndarray, np.ndarray]]) -> list[ClassPair]:
    """Pairs of flags (n,), right before and after, tested and read together."""
    tests = [mcnemar(*part) for part in flags]
    stands = holm([test["p"] for test in tests], LEVEL)
    return [
        ClassPair(before=Rate(**rate_of(first)), after=Rate(**rate_of(second)), test=McNemar(**test), stands=distinct)
        for (first, second), test, distinct in zip(flags, tests, stands, strict=True)
    ]


def _by_class(tables: list[pa.Table]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Right before and right after, of the images of each class that has some, in the order of the classes' names."""
    labels = np.asarray(tables[0]["label"])
    first, second = (np.asarray(table["correct"]) for table in tables)
    return {str(name): (first[labels == name], second[labels == name]) for name in np.unique(labels).tolist()}
