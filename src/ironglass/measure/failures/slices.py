"""Slices whose accuracy is lower than that of the other images, with one correction for all that was tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ironglass.measure.failures.exact import upper_tail
from ironglass.measure.failures.groupings import Grouping
from ironglass.measure.failures.pairs import PairTests, pair_tests
from ironglass.measure.statistics import Rate, difference_of_rates, holm_adjusted, widened_rate

LEAST = 30
"""Images that a slice needs, and those outside it, to be tested."""
LEVEL = 0.05
"""Chance that any slice or pair stands out where there is nothing."""


@dataclass(frozen=True)
class Slice:
    """One slice beside the other images of its grouping.

    grouping: the slice's position in the groupings that were tested.
    code: its position in the grouping's values.
    accuracy: of its images, 95 % interval of `widened_rate`.
    rest: accuracy of the other images.
    difference: accuracy less that of the rest, 95 % interval of Newcombe.
    p: one-sided exact p-value: as many wrong answers or more, were the mistakes spread by chance.
    corrected_p: by Holm over all tests.
    widened: whether any of the intervals is, since too few images are right, or wrong.
    """

    grouping: int
    code: int
    accuracy: Rate
    rest: Rate
    difference: Rate
    p: float
    corrected_p: float
    widened: bool

    @property
    def stands_out(self) -> bool:
        """True where the accuracy is lower by more than chance."""
        return self.corrected_p <= LEVEL


@dataclass(frozen=True)
class Findings:
    """All tests on one set of images.

    slices: those that were tested, the most telling first.
    pairs: tests of confused classes.
    corrected_pairs: their p-values by Holm over all tests, float64, in the order of `pairs`.
    """

    slices: tuple[Slice, ...]
    pairs: PairTests
    corrected_pairs: np.ndarray

    @property
    def tests(self) -> int:
        """Number of tests that the correction is for."""
        return len(self.slices) + self.pairs.count

    @property
    def claims(self) -> bool:
        """True where any slice or pair stands out."""
        return any(part.stands_out for part in self.slices) or bool((self.corrected_pairs <= LEVEL).any())


def find_failures(
    labels: np.ndarray, predictions: np.ndarray, groupings: Sequence[Grouping], *, classes: int
) -> Findings:
    """Tests every slice against the other images, and every pair of classes, corrected together (Holm 1979).

    The chance that anything stands out where mistakes are spread by chance is at most 5 %. Groupings must not depend on
    which answers are right.

    labels, predictions: int64 (n,); a prediction of -1 is none, and wrong.
    classes: how many there are.
    """
    right = labels == predictions
    rows = [row for position, grouping in enumerate(groupings) for row in _counts(right, position, grouping)]
    tested = [row for row in rows if min(row.images, row.others) >= LEAST]
    pairs = pair_tests(labels, predictions, classes)
    counts = np.array(tested, dtype=np.int64).reshape(len(tested), len(_Counts._fields)).T[2:]
    images, wrong, others, others_wrong = counts
    p_values = upper_tail(wrong, images, wrong + others_wrong, images + others)
    corrected = holm_adjusted(np.concatenate([p_values, pairs.p]), tests=len(tested) + pairs.count)
    slices = [row.compare(float(p), float(after)) for row, p, after in zip(tested, p_values, corrected, strict=False)]
    slices.sort(key=lambda part: (part.corrected_p, part.p, part.difference["value"]))
    return Findings(tuple(slices), pairs, corrected[len(tested) :])


class _Counts(NamedTuple):
    """Images of a slice, and the others of its grouping, with the wrong ones among them."""

    grouping: int
    code: int
    images: int
    wrong: int
    others: int
    others_wrong: int

    def compare(self, p: float, corrected_p: float) -> Slice:
        accuracy, is_widened = widened_rate(self.images - self.wrong, self.images)
        rest, is_rest_widened = widened_rate(self.others - self.others_wrong, self.others)
        difference, widened = difference_of_rates(accuracy, rest), is_widened or is_rest_widened
        return Slice(self.grouping, self.code, accuracy, rest, difference, p, corrected_p, widened)


def _counts(right: np.ndarray, position: int, grouping: Grouping) -> list[_Counts]:
    """The counts of each slice that has images."""
    inside = grouping.codes >= 0
    codes, wrong = grouping.codes[inside], ~right[inside]
    images = np.bincount(codes, minlength=len(grouping.values))
    mistakes = np.bincount(codes[wrong], minlength=len(grouping.values))
    n, total = len(codes), int(wrong.sum())
    return [
        _Counts(position, code, count, amiss, n - count, total - amiss)
        for code, (count, amiss) in enumerate(zip(images.tolist(), mistakes.tolist(), strict=True))
        if count
    ]
