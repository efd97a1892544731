"""Precision, recall and F1 of each class, and scikit-learn's text of them, without its import, which takes two seconds
of every command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DIGITS = 3
"""Decimals in the text."""


@dataclass(frozen=True)
class ByClass:
    """The counts of k classes; a quotient of nothing is 0, as in scikit-learn with `zero_division=0`."""

    confusion: np.ndarray
    """int64 (k, k): row, the label; column, the prediction. An image without prediction stands in none."""
    labelled: np.ndarray
    """int64 (k,): images of each class, those without prediction included."""

    @property
    def right(self) -> np.ndarray:
        """int64 (k,): images of each class that are predicted as such."""
        return self.confusion.diagonal()

    @property
    def named(self) -> np.ndarray:
        """int64 (k,): images that are predicted as each class."""
        return self.confusion.sum(0)

    @property
    def scores(self) -> np.ndarray:
        """float64 (3, k): precision, recall and F1."""
        return _scores(self.right, self.named, self.labelled)

    @property
    def averages(self) -> dict[str, np.ndarray]:
        """float64 (3,) each: precision, recall and F1 over the classes that have images, by "macro" and "weighted"."""
        present = np.flatnonzero(self.labelled)
        scores = self.scores[:, present]
        weighted = np.average(scores, axis=1, weights=self.labelled[present])
        return {"macro": scores.mean(1), "weighted": weighted}


def count_by_class(labels: np.ndarray, predictions: np.ndarray, k: int) -> ByClass:
    """Counts predictions of k classes.

    labels, predictions: int64 (n,), in [0, k); a negative prediction is none.
    """
    with_one = predictions >= 0
    cells = np.bincount(labels[with_one] * k + predictions[with_one], minlength=k * k)
    return ByClass(cells.reshape(k, k), np.bincount(labels, minlength=k))


def classification_text(counts: ByClass, classes: Sequence[str]) -> str:
    """The text of scikit-learn's `classification_report` for the classes that have images, to the letter."""
    present = np.flatnonzero(counts.labelled)
    scores, support = counts.scores[:, present], counts.labelled[present]
    names = [classes[int(i)] for i in present]
    width = max(DIGITS, *map(len, [*names, "weighted avg"]))
    lines = [_row("", ["precision", "recall", "f1-score", "support"], width), ""]
    lines += [_row(name, [*column, n], width) for name, column, n in zip(names, scores.T, support, strict=True)]
    right, named = counts.right[present].sum(), counts.named[present].sum()
    overall = _scores(right, named, support.sum())
    # every image has a prediction, and it is of a class that has images: then all three are the accuracy
    is_accuracy = named == support.sum()
    lines += [
        "",
        _row(*(("accuracy", ["", "", overall[2]]) if is_accuracy else ("micro avg", overall)), width, support),
    ]
    lines += [_row(f"{name} avg", averages, width, support) for name, averages in counts.averages.items()]
    return "\n".join(lines) + "\n"


def _scores(right: np.ndarray, named: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Precision, recall and F1, of each entry."""
    parts = np.stack([right, right, 2 * right]).astype(np.float64)
    wholes = np.stack([named, labelled, named + labelled])
    return np.divide(parts, wholes, out=np.zeros_like(parts), where=wholes > 0)


def _row(name: str, entries: Sequence[object] | np.ndarray, width: int, support: np.ndarray | None = None) -> str:
    """A line of the text; with `support`, of a mean over these numbers of images."""
    cells = [f"{cell:9.{DIGITS}f}" if isinstance(cell, float) else f"{cell!s:>9}" for cell in entries]
    cells += [] if support is None else [f"{support.sum():>9}"]
    return f"{name:>{width}s}  {' '.join(cells)}"
