"""Fisher's exact test, one-sided, without scipy.stats, whose import takes a second of every command."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln

Counts = Any
"""A whole number, or int64 (t,), one a table."""


def upper_tail(hits: Counts, drawn: Counts, marked: Counts, total: Counts) -> np.ndarray:
    """The probability of `hits` marked ones or more among `drawn` of `total`, of which `marked` are: float64 (t,)."""
    tables = np.atleast_1d(*np.broadcast_arrays(hits, drawn, marked, total))
    hits, drawn, marked, total = (np.asarray(part, dtype=np.int64) for part in tables)
    low, high = np.maximum(0, drawn + marked - total), np.minimum(drawn, marked)
    if not len(hits):
        return np.ones(0)
    hits = np.maximum(hits, low)
    terms = np.maximum(high - hits + 1, 1)
    starts = np.cumsum(terms) - terms
    k = np.arange(terms.sum()) - np.repeat(starts - hits, terms)
    drawn_k, marked_k, total_k = (np.repeat(part, terms) for part in (drawn, marked, total))
    logs = _log_choose(marked_k, k) + _log_choose(total_k - marked_k, drawn_k - k) - _log_choose(total_k, drawn_k)
    tails = np.minimum(1.0, np.add.reduceat(np.exp(logs), starts))
    return np.where(hits <= low, 1.0, tails)


def _log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
