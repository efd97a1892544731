"""The settings of a sweep: trials that differ in their seed alone are one of them, and how two are told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import stdtr

from ironglass.measure.statistics import mcnemar

SEED = "seed"
"""The field that is no setting: trainings by other seeds are draws from the same one."""


def settings_of(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> list[list[str]]:
    """The names of the trials of each setting, in the order of the rows. fields: what was varied, as in `values`."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        values = [value for field, value in zip(fields, row["values"], strict=True) if field != SEED]
        groups.setdefault(repr(values), []).append(row["name"])
    return list(groups.values())


def compared_settings(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> dict[str, Any]:
    """Difference of two settings on the same images. first, second: correctness of each image, (n,), for each training.

    Of one training each McNemar's test. Of several `difference`, in mean accuracy, `p_images` (paired over images, by
    Student's t: other images of the kind) and `p_seeds` (Welch's t over the trainings: other seeds; None where neither
    has two); `p` is the larger: a difference that either could have made by chance is none.
    """
    if len(first) == len(second) == 1:
        return dict(mcnemar(first[0], second[0]))
    one, other = (np.stack([np.asarray(flags, dtype=np.float64) for flags in part]) for part in (first, second))
    over_images = one.mean(0) - other.mean(0)
    p_images = _p(float(over_images.mean()), float(over_images.var(ddof=1)) / len(over_images), len(over_images) - 1)
    p_seeds = _welch(one.mean(1), other.mean(1))
    return {
        "difference": float(over_images.mean()),
        "p_images": p_images,
        "p_seeds": p_seeds,
        "p": p_images if p_seeds is None else max(p_images, p_seeds),
    }


def _welch(one: np.ndarray, other: np.ndarray) -> float | None:
    """Two-sided p of equal means (Welch 1947, Biometrika 34:28); of one value alone the other's variance is taken."""
    if len(one) < 2 and len(other) < 2:
        return None
    parts = [float(values.var(ddof=1)) if len(values) > 1 else None for values in (one, other)]
    variances = [part for part in parts if part is not None]
    shares = [(variances[0] if part is None else part) / len(values)
              for part, values in zip(parts, (one, other), strict=True)]  # fmt: skip
    total = sum(shares)
    sizes = [len(values) for values in (one, other)]
    below = sum(share**2 / (n - 1) for share, n in zip(shares, sizes, strict=True) if n > 1)
    freedom = total**2 / below if below else len(one) + len(other) - 2
    return _p(float(one.mean() - other.mean()), total, min(freedom, len(one) + len(other) - 2))


def _p(difference: float, variance: float, freedom: float) -> float:
    if variance <= 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stdtr(max(freedom, 1), -abs(difference) / np.sqrt(variance)))
