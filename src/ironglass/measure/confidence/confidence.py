"""The section `confidence` of the results: the worth of a network's probabilities, and of those under changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ironglass.measure.confidence.calibration_error import BINS, corrected_error
from ironglass.measure.confidence.conformal import conformal, least_share
from ironglass.measure.confidence.reliability import brier_parts, reliability_bins
from ironglass.measure.confidence.selective import selective, selective_risk
from ironglass.measure.confidence.temperature import fit_temperature, log_loss, scaled_shares


def confidence_numbers(
    logits: np.ndarray, labels: np.ndarray, validation: tuple[np.ndarray, np.ndarray] | None, *, split: str
) -> dict[str, Any]:
    """The section `confidence` of `results.json`.

    logits: (n, k), of images that are all judged. labels: int (n,). validation: logits and labels of images that
    nothing was learned from; None where there are none, and then there is no temperature, and there are no sets.
    split: name of the measured split.
    """
    shares = scaled_shares(logits)
    confidence, right = shares.max(1), logits.argmax(1) == labels
    numbers = {
        "split": split,
        "bins": BINS,
        "reliability": reliability_bins(confidence, right),
        "ece": corrected_error(confidence, right),
        "brier_parts": brier_parts(shares, labels),
        "selective": selective(confidence, right),
        "temperature": None,
        "sets": None,
    }
    if validation is None:
        return numbers
    held_out, true = scaled_shares(validation[0]), validation[1]
    least = least_share(held_out[np.arange(len(true)), true])
    sizes = (shares >= least).sum(1)
    return numbers | {
        "temperature": _temperature(logits, labels, validation),
        "sets": conformal(shares[np.arange(len(labels)), labels], sizes, len(true), least),
    }


def _temperature(logits: np.ndarray, labels: np.ndarray, validation: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    """The temperature, and what it would change on the measured split."""
    value = fit_temperature(*validation)
    after = scaled_shares(logits, value)
    return {
        "value": value,
        "fitted": len(validation[1]),
        "loss_before": log_loss(logits, labels),
        "loss_after": log_loss(logits, labels, value),
        "ece_after": corrected_error(after.max(1), logits.argmax(1) == labels),
    }


def condition_numbers(
    confidence: np.ndarray, right: np.ndarray, true_shares: np.ndarray | None, sizes: np.ndarray | None, sets: Any
) -> dict[str, Any]:
    """The numbers of images under one condition.

    confidence: (n,). right: bool (n,). true_shares: (n,) probability of the true class, and sizes: int (n,) classes of
    the set of each image; None where they were not recorded. sets: the sets of the unchanged images; None for none.
    """
    numbers: dict[str, Any] = {
        "n": len(right),
        "ece": corrected_error(confidence, right),
        "risk": selective_risk(confidence, right)[0],
        "coverage": None,
        "size": None,
    }
    if sets is None or true_shares is None or sizes is None:
        return numbers
    row = conformal(true_shares, sizes, sets["calibrated"], sets["least_share"])
    return numbers | {"coverage": row["coverage"], "size": row["size"]}
