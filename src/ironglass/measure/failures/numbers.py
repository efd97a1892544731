"""The section `failures` of `results.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ironglass.measure.failures.groupings import Grouping
from ironglass.measure.failures.pairs import LEAST_MISTAKES
from ironglass.measure.failures.slices import LEAST, LEVEL, Findings, find_failures
from ironglass.measure.statistics import counted_rate

SLICES, PAIRS, LOSSES = 8, 6, 12
"""Entries that are listed, beside those that stand out."""
MOST_PAIRS = 24


@dataclass(frozen=True)
class Answers:
    """Answers of a classifier to n images.

    names: (n,), of the images.
    labels: int64 (n,).
    predictions: int64 (n,); -1 for none.
    confidence: float (n,), probability of the prediction.
    losses: float64 (n,), cross-entropy in nats; infinite where there is no prediction.
    classes: names of the classes.
    """

    names: Sequence[str]
    labels: np.ndarray
    predictions: np.ndarray
    confidence: np.ndarray
    losses: np.ndarray
    classes: Sequence[str]

    @property
    def right(self) -> np.ndarray:
        """bool (n,)."""
        return self.labels == self.predictions

    def highest(self, among: np.ndarray, count: int) -> list[int]:
        """Positions of the highest losses among those where `among`, bool (n,), is true."""
        positions = np.flatnonzero(among)
        return positions[np.argsort(-self.losses[positions], kind="stable")][:count].tolist()

    def describe(self, position: int) -> dict[str, Any]:
        """The image as of `FailureImage`."""
        prediction, loss = int(self.predictions[position]), float(self.losses[position])
        return {
            "name": self.names[position],
            "label": self.classes[int(self.labels[position])],
            "prediction": self.classes[prediction] if prediction >= 0 else None,
            "confidence": float(self.confidence[position]),
            "loss": loss if np.isfinite(loss) else None,
        }


@dataclass(frozen=True)
class FailurePositions:
    """Positions of the images that the numbers name, for their pictures.

    losses: of the highest losses.
    pairs: the example of each pair.
    slices: wrong images of each slice that stands out, highest loss first.
    """

    losses: list[int]
    pairs: list[int]
    slices: list[list[int]]


def failure_numbers(
    answers: Answers, groupings: Sequence[Grouping], *, split: str, pictures: int
) -> tuple[dict[str, Any], FailurePositions]:
    """The section but for `map_method`, and the images that it names.

    split: its name. pictures: wrong images of each slice that stands out, at most.
    """
    findings = find_failures(answers.labels, answers.predictions, groupings, classes=len(answers.classes))
    significant = [part for part in findings.slices if part.stands_out]
    listed = findings.slices[: max(SLICES, len(significant))]
    pairs = _pairs(answers, findings)
    losses = answers.highest(np.ones(len(answers.labels), dtype=bool), LOSSES)
    in_slices = [
        answers.highest(~answers.right & (groupings[part.grouping].codes == part.code), pictures)
        for part in significant
    ]
    clustered = sum(int((grouping.codes >= 0).sum()) for grouping in groupings if grouping.kind == "cluster")
    numbers = {
        "split": split,
        "level": LEVEL,
        "least": LEAST,
        "least_mistakes": LEAST_MISTAKES,
        "tests": findings.tests,
        "slices_tested": len(findings.slices),
        "pairs_tested": findings.pairs.count,
        "clustered": clustered,
        "attributes": _attributes(groupings, findings),
        "slices": [
            {
                "attribute": groupings[part.grouping].attribute,
                "kind": groupings[part.grouping].kind,
                "value": groupings[part.grouping].values[part.code],
                "accuracy": part.accuracy,
                "rest": part.rest,
                "difference": part.difference,
                "p": part.p,
                "corrected_p": part.corrected_p,
                "stands_out": part.stands_out,
                **({"widened": True} if part.widened else {}),  # as results leave out what has its default
            }
            for part in listed
        ],
        "pairs": [pair for pair, _ in pairs],
        "losses": [answers.describe(position) for position in losses],
    }
    return numbers, FailurePositions(losses, [position for _, position in pairs], in_slices)


def _attributes(groupings: Sequence[Grouping], findings: Findings) -> list[dict[str, Any]]:
    return [
        {
            "attribute": grouping.attribute,
            "kind": grouping.kind,
            "slices": len(np.unique(grouping.codes[grouping.codes >= 0])),
            "tested": sum(part.grouping == position for part in findings.slices),
        }
        for position, grouping in enumerate(groupings)
    ]


def _pairs(answers: Answers, findings: Findings) -> list[tuple[dict[str, Any], int]]:
    """The commonest confusions, then further ones that stand out, each with the position of its example."""
    confusion, tests = findings.pairs.confusion, findings.pairs
    p_values = {
        (int(a), int(b)): (float(p), float(corrected))
        for a, b, p, corrected in zip(tests.first, tests.second, tests.p, findings.corrected_pairs, strict=True)
    }
    first, second = np.nonzero(confusion)
    order = np.argsort(-confusion[first, second], kind="stable")
    cells = [(int(first[i]), int(second[i])) for i in order]
    significant = [cell for cell in cells[PAIRS:] if cell in p_values and p_values[cell][1] <= LEVEL]
    return [_pair(answers, confusion, cell, p_values.get(cell)) for cell in [*cells[:PAIRS], *significant][:MOST_PAIRS]]


def _pair(
    answers: Answers, confusion: np.ndarray, cell: tuple[int, int], p_values: tuple[float, float] | None
) -> tuple[dict[str, Any], int]:
    label, name = cell
    images = int(confusion[cell])
    (example,) = answers.highest((answers.labels == label) & (answers.predictions == name), 1)
    rest = np.delete(np.delete(confusion, [label, name], axis=0), label, axis=1)
    column = name - (name > label)
    return {
        "label": answers.classes[label],
        "prediction": answers.classes[name],
        "images": images,
        "of_class": counted_rate(images, int((answers.labels == label).sum())),
        "of_mistakes": counted_rate(images, int(confusion[label].sum())),
        "others": counted_rate(int(rest[:, column].sum()), int(rest.sum())) if rest.sum() else None,
        "p": p_values[0] if p_values else None,
        "corrected_p": p_values[1] if p_values else None,
        "stands_out": bool(p_values and p_values[1] <= LEVEL),
        "example": answers.describe(example),
    }, example
