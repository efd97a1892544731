"""The eps that an objective trains against."""

from __future__ import annotations

from ironglass.harden import AWP
from ironglass.train.objective import CrossEntropy


def eps_of(objective: object) -> float | None:
    """The size of change that an objective trains against, in units of [0, 1]; 0 where it trains on clean images, None
    where a function of the user's own does not say it."""
    inner = objective.objective if isinstance(objective, AWP) else objective
    if isinstance(inner, CrossEntropy):
        return 0.0
    eps = getattr(inner, "eps", None)
    return float(eps) if isinstance(eps, int | float) and not isinstance(eps, bool) else None
