"""Temperature scaling: one number by which logits are divided, so that probabilities fit what happens."""

from __future__ import annotations

import numpy as np

from ironglass.errors import InputError

LEAST, MOST = 1e-3, 1e3
"""Range in which the temperature is searched, in units of the spread of the logits."""


def scaled_shares(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """The probabilities (n, k) of logits (n, k) divided by a temperature, in 64 bits."""
    shares = np.exp(_log_shares(logits, temperature))
    return shares / shares.sum(1, keepdims=True)


def log_loss(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Mean negative logarithm of the true class's probability, in nats."""
    return float(-_log_shares(logits, temperature)[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of the smallest `log_loss` (Guo et al. 2017, arXiv 1706.04599).

    It changes how sure the network is, and none of its answers. It is searched from `LEAST` to `MOST` times the logits'
    spread, the mean distance of the largest from the mean one, and is 1 where they have none. The upper end means that
    the logits tell nothing, the lower one that no answer is wrong.

    logits: (n, k), of images that the network did not learn from. labels: int (n,). Raises InputError where there are
    no images, or where logits are not finite.
    """
    from scipy.optimize import minimize_scalar  # late: it takes its time to import

    if not len(labels):
        raise InputError("a temperature is fitted on validation images, and there are none")
    logits = np.asarray(logits, dtype=np.float64)
    if not np.isfinite(logits).all():
        raise InputError("a temperature is fitted on logits that are numbers, and some are not")

    def loss(log_temperature: float) -> float:
        return log_loss(logits, labels, float(np.exp(log_temperature)))

    spread = float((logits.max(1) - logits.mean(1)).mean())
    if not spread:
        return 1.0
    bounds = (float(np.log(LEAST * spread)), float(np.log(MOST * spread)))
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-7})
    return float(np.exp(best.x))


def _log_shares(logits: np.ndarray, temperature: float) -> np.ndarray:
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled = scaled - scaled.max(1, keepdims=True)
    return scaled - np.log(np.exp(scaled).sum(1, keepdims=True))
