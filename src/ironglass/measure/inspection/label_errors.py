"""Labels that are probably wrong, by confident learning (Northcutt, Jiang and Chuang 2021, arXiv 1911.00068)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ironglass.measure.inspection.cross_validated import FOLDS, cross_validated, repeats_for
from ironglass.measure.statistics import wilson

LARGEST = 100_000
CEILINGS = (0.2, 0.17, 0.15, 0.12, 0.1, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001)
"""Probability of a suspect label, at most: the largest that is precise enough is taken."""
PLANTED = 0.03
"""Share of labels that are flipped on purpose, to see what a ceiling is worth."""
PRECISE, FALSE = 0.4, 0.03
"""Share of those named that must be flips, and of the labels left alone that may be named, at most: as many of these
may be wrong as were flipped."""
LEAST_CAUGHT = 3
"""Flips that must be named: fewer say nothing of how precise the names are."""
FALSE_OF_CLASS = 0.1
"""Share of the labels of one class, left alone, that may be named, at most, but for one: else a rare class, which looks
like a common one here and there, would be called wrong as a whole."""
MOST = 0.05
"""Share of the labels that are suspect, at most: probabilities are sharper than in the trial, since fewer are wrong."""
TRIAL_IMAGES = 10_000
"""Images of the trial with flipped labels, at most."""


@dataclass(frozen=True)
class Suspects:
    """Images whose label the others contradict.

    positions: (m,), the least probable label first.
    suggested: (m,), the class that is more probable.
    score: (m,), probability of the label, from a classifier that did not learn from the image.
    """

    positions: np.ndarray
    suggested: np.ndarray
    score: np.ndarray

    def __getitem__(self, rows: slice) -> Suspects:
        return Suspects(self.positions[rows], self.suggested[rows], self.score[rows])


@dataclass(frozen=True)
class Trial:
    """Worth of a ceiling on these images, with labels flipped on purpose.

    ceiling: the largest of CEILINGS that is precise enough; None where none is.
    flipped, caught: labels that were flipped, and those of them that were named.
    left_alone, named: labels that were not flipped, and those of them that were named.
    with_look, caught_with_look: labels that are named or worth a look, and those of them that were flipped.
    """

    ceiling: float | None
    flipped: int
    caught: int
    left_alone: int
    named: int
    with_look: int = 0
    caught_with_look: int = 0

    @property
    def look_helps(self) -> bool:
        """True where the labels that are named or worth a look are surely more often flipped than any label is."""
        if not self.with_look:
            return False
        return wilson(self.caught_with_look, self.with_look)["low"] > self.flipped / (self.flipped + self.left_alone)


def label_suspects(
    probabilities: np.ndarray, labels: np.ndarray, ceiling: float | None, *, most: float = MOST
) -> Suspects:
    """Chooses the labels that confident learning counts off the diagonal, and of these the improbable ones.

    An image counts for another class where that class is more probable than the label, and half as probable as it is on
    average for images of its own label, or one fourth if that is less; it is a suspect where the probability of its
    label is also no more than the ceiling. Of flipped labels that orders better than the margin between the two does,
    and the whole of that average, as in the paper, would leave out a tenth of them.

    probabilities: (n, k), of classifiers that did not learn from the image; labels: (n,). ceiling: None names nobody.
    most: share of the labels that are named, at most, the least probable ones.
    """
    ranked = contradicted(probabilities, labels)
    named = 0 if ceiling is None else int(np.searchsorted(ranked.score, ceiling, side="right"))
    return ranked[: min(named, round(most * len(labels)))]


def worth_a_look(probabilities: np.ndarray, labels: np.ndarray, named: int) -> Suspects:
    """Those that follow the `named` first suspects, until there are as many of both as confident learning counts."""
    return contradicted(probabilities, labels)[named : max(named, confident_count(probabilities, labels))]


def contradicted(probabilities: np.ndarray, labels: np.ndarray) -> Suspects:
    """All that `label_suspects` chooses from, the least probable label first."""
    n, classes = probabilities.shape
    label_probability = probabilities[np.arange(n), labels]
    average = _average(label_probability, labels, classes)
    threshold = np.where(np.isnan(average), np.inf, np.minimum(average, 0.5) / 2)
    others = np.where(np.arange(classes) == labels[:, None], -1, probabilities)
    other = np.where(others >= threshold, others, -1).argmax(1)
    positions = np.flatnonzero(others[np.arange(n), other] >= np.maximum(threshold[other], label_probability))
    positions = positions[np.argsort(label_probability[positions], kind="stable")]
    return Suspects(positions, other[positions], label_probability[positions])


def confident_count(probabilities: np.ndarray, labels: np.ndarray) -> int:
    """The number of labels that confident learning would name: its pruning by noise rate, of what is contradicted.

    An image counts for the most probable of the classes that are as probable as on average for images of their own
    label (the paper's equation 1); the counts of each label are scaled to its images (equation 3). Of each label and
    other class, as many images as were counted are named, those of the largest margin between the two; an image whose
    label is the most probable class is not.
    """
    classes = probabilities.shape[1]
    average = _average(probabilities[np.arange(len(labels)), labels], labels, classes)
    passing = np.where(probabilities >= np.where(np.isnan(average), np.inf, average), probabilities, -1)
    confident, most_probable, total = passing.max(1) >= 0, probabilities.argmax(1), 0
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        counts = np.bincount(passing[rows[confident[rows]]].argmax(1), minlength=classes)
        expected = np.round(counts * len(rows) / max(counts.sum(), 1)).astype(int)
        margins = probabilities[rows] - probabilities[rows, label][:, None]
        named = np.zeros(len(rows), dtype=bool)
        for other in np.flatnonzero(expected):
            if other != label:
                named[np.argsort(-margins[:, other], kind="stable")[: expected[other]]] = True
        total += int((named & (most_probable[rows] != label)).sum())
    return total


def _average(label_probability: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Of each class the mean probability of the label among its images, (k,); NaN where it has none."""
    counts = np.bincount(labels, minlength=classes)
    return np.where(counts > 0, np.bincount(labels, label_probability, classes) / np.maximum(counts, 1), np.nan)


def flip_trial(features: np.ndarray, labels: np.ndarray, seed: int, *, repeats: int | None = None) -> Trial:
    """Flips PLANTED of the labels at random, and finds the largest ceiling that names flips rather than others.

    Labels that are wrong already count against the ceiling, which is then the more cautious. repeats: as of
    `cross_validated`; None for as many as all the images have.
    """
    random = np.random.default_rng([seed, 4])
    drawn = np.sort(random.permutation(len(labels))[:TRIAL_IMAGES])
    changed, classes = labels[drawn].copy(), int(labels.max()) + 1
    flips = random.permutation(len(drawn))[: max(1, round(PLANTED * len(drawn)))]
    changed[flips] = (changed[flips] + random.integers(1, classes, len(flips))) % classes
    counts = {"flipped": len(flips), "left_alone": len(drawn) - len(flips)}
    if np.bincount(changed, minlength=classes).min() < FOLDS:
        return Trial(None, caught=0, named=0, **counts)
    probabilities = cross_validated(features[drawn], changed, seed, repeats=repeats or repeats_for(len(labels)))
    caught = named = 0
    largest: float | None = None
    for ceiling in CEILINGS:
        positions = label_suspects(probabilities, changed, ceiling, most=1).positions
        caught = int(np.isin(positions, flips).sum())
        named = len(positions) - caught
        left_alone = np.bincount(np.delete(changed, flips), minlength=classes)
        of_class = np.bincount(changed[positions[~np.isin(positions, flips)]], minlength=classes)
        spares_classes = (of_class <= np.maximum(1, FALSE_OF_CLASS * left_alone)).all()
        is_precise = caught >= max(LEAST_CAUGHT, PRECISE * len(positions))
        if is_precise and spares_classes and named <= FALSE * counts["left_alone"]:
            largest = ceiling
            break
    first = label_suspects(probabilities, changed, largest)
    further = worth_a_look(probabilities, changed, len(first.positions))
    both = np.concatenate([first.positions, further.positions])
    return Trial(
        largest,
        caught=caught,
        named=named,
        with_look=len(both),
        caught_with_look=int(np.isin(both, flips).sum()),
        **counts,
    )
