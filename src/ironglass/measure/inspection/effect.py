"""The effect of some images on an accuracy."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from ironglass.measure.statistics import Rate, counted_rate, difference_of_rates


class Effect(TypedDict):
    """Accuracy on all images, without some, on these alone, and the difference that leaving them out makes."""

    all: Rate
    without: Rate
    only: Rate
    difference: Rate


def effect_of(right: np.ndarray, removed: np.ndarray) -> Effect:
    """The accuracy of the same predictions with and without some images.

    Accuracy without m of n images less that on all is m / n of the difference between two groups that share no image;
    its 95 % interval is m / n of Newcombe's for two independent shares (1998, Statist. Med. 17:873, method 10).

    right, removed: bool, (n,); some images, but not all, are removed. Raises ValueError where that is not so.
    """
    right, removed = np.asarray(right, dtype=bool), np.asarray(removed, dtype=bool)
    n, m = len(right), int(removed.sum())
    if not 0 < m < n:
        raise ValueError(f"{m} of {n} images are removed")
    only, without = (counted_rate(int(right[part].sum()), int(part.sum())) for part in (removed, ~removed))
    difference, share = difference_of_rates(without, only), m / n
    return Effect(
        all=counted_rate(int(right.sum()), n),
        without=without,
        only=only,
        difference=Rate(
            value=share * difference["value"], low=share * difference["low"], high=share * difference["high"], n=n
        ),
    )
