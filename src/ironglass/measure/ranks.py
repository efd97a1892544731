"""Ranks of numbers among each other."""

from __future__ import annotations

import numpy as np


def mean_ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each number along the last axis, float64, from 1; equal numbers share the mean of theirs.

    Where a row has a NaN, all its ranks are NaN, as in scipy's `rankdata`, which takes half a second to import.

    values: (..., n), n at least 1.
    """
    order = np.argsort(values, axis=-1)  # among equal numbers any order does
    ascending = np.take_along_axis(values, order, -1)
    n = ascending.shape[-1]
    differs = ascending[..., 1:] != ascending[..., :-1]
    ends = np.ones((*ascending.shape[:-1], 1), dtype=bool)
    number = np.arange(n)
    firsts = np.maximum.accumulate(np.where(np.concatenate([ends, differs], -1), number, 0), axis=-1)
    lasts = np.where(np.concatenate([differs, ends], -1), number, n - 1)
    lasts = np.minimum.accumulate(lasts[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(ascending.shape, dtype=np.float64)
    np.put_along_axis(ranks, order, (firsts + lasts) / 2 + 1, -1)
    return np.where(np.isnan(ascending[..., -1:]), np.nan, ranks)
