"""Eps and norm that an objective trains against, also of one around another."""

from __future__ import annotations

from typing import Any

from ironglass.train.objective import CrossEntropy


def eps_of(objective: object) -> float | None:
    """The size of change that an objective trains against, in units of [0, 1]; 0 where it trains on clean images, None
    where a function of the user's own does not say it."""
    inner = _innermost(objective)
    if isinstance(inner, CrossEntropy):
        return 0.0
    eps = getattr(inner, "eps", None)
    return float(eps) if isinstance(eps, int | float) and not isinstance(eps, bool) else None


def norm_of(objective: object) -> str:
    """The norm of that size: "linf", also where an objective does not say it, "l2" or "l1"."""
    norm = getattr(_innermost(objective), "norm", None)
    return norm if isinstance(norm, str) else "linf"


def _innermost(objective: Any) -> Any:
    while not hasattr(objective, "eps") and callable(getattr(objective, "objective", None)):
        objective = objective.objective
    return objective
