"""Agreement of answers with the truth beyond what chance alone would give."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from scipy.special import ndtr, pdtrc

from ironglass.measure.statistics import Rate, wilson

TABLES = 2000
"""Tables that are drawn to learn what chance gives."""
MOST_CLASSES = 20
"""Classes up to which tables are drawn; of more, the number of matches is nearly normal, or nearly Poisson's."""
SEED = 0
NEVER = 1e-12
"""Chance of a draw below which none of the `TABLES` has it."""


def answer_table(labels: np.ndarray, predictions: np.ndarray, k: int) -> np.ndarray:
    """Images by true class (row) and answer (column), int (k + 1, k + 1); the last column has those without an answer,
    -1, and the last row is empty."""
    answers = np.where(predictions < 0, k, predictions)
    return np.bincount(labels * (k + 1) + answers, minlength=(k + 1) ** 2).reshape(k + 1, k + 1)


def kappa(table: np.ndarray) -> Rate:
    """Cohen's kappa (1960, Educ. Psychol. Meas. 20:37): 0 where answers match the truth as often as by chance, 1 where
    always; with its 95 % interval (Fleiss, Cohen & Everitt 1969, Psychol. Bull. 72:323).

    Where all answers match, or are alike, the formula knows no variance: then the accuracy has Wilson's ends.

    table: see `answer_table`. Where chance alone would match always it is 0.
    """
    n = int(table.sum())
    shares = table / n
    rows, columns = shares.sum(1), shares.sum(0)
    observed, chance = float(np.trace(shares)), float(rows @ columns)
    if chance >= 1 - 1e-12:
        return Rate(value=0.0, low=0.0, high=0.0, n=n)
    value = (observed - chance) / (1 - chance)
    on = np.diag(shares) * (1 - (rows + columns) * (1 - value)) ** 2
    off = shares * (columns[:, None] + rows[None, :]) ** 2
    np.fill_diagonal(off, 0)
    variance = on.sum() + (1 - value) ** 2 * off.sum() - (value - chance * (1 - value)) ** 2
    if variance < 1e-12:
        accuracy = wilson(int(np.trace(table)), n)
        low, high = ((accuracy[end] - chance) / (1 - chance) for end in ("low", "high"))
        return Rate(value=value, low=max(low, -1.0), high=min(max(high, value), 1.0), n=n)
    half = NormalDist().inv_cdf(0.975) * np.sqrt(variance / n) / (1 - chance)
    return Rate(value=value, low=float(max(value - half, -1.0)), high=float(min(value + half, 1.0)), n=n)


def chance_of_matches(table: np.ndarray) -> tuple[float, float]:
    """The share of matches that chance gives, and the probability that it gives as many as there are.

    Chance keeps how often each class occurs and how often it is named, and deals the answers anew: a network that
    always answers alike, or draws its answers, or learned from shuffled labels, has matches of that kind. The
    probability is exact for two classes (Fisher), of `TABLES` draws up to `MOST_CLASSES`, else approximate.
    """
    n, matches = int(table.sum()), int(np.trace(table))
    rows, columns = table.sum(1), table.sum(0)
    expected = float(rows @ columns) / n
    used = np.flatnonzero(rows + columns)
    if np.count_nonzero(rows) < 2 or np.count_nonzero(columns) < 2:
        return expected / n, 1.0
    if len(used) == 2:
        from scipy import stats  # late: half a second of the processor

        one = used[0]
        return expected / n, float(stats.hypergeom.sf(table[one, one] - 1, n, rows[one], columns[one]))
    if len(used) <= MOST_CLASSES and _chance_at_most(rows[used], columns[used], matches) < NEVER:
        return expected / n, 1 / (1 + TABLES)  # no draw reaches it
    if len(used) <= MOST_CLASSES:
        from scipy import stats  # late, too

        tables = stats.random_table(rows[used], columns[used], seed=SEED).rvs(TABLES)
        drawn = np.trace(tables, axis1=1, axis2=2)
        return expected / n, float((1 + (drawn >= matches).sum()) / (1 + TABLES))
    products = rows * columns
    variance = ((products * (n - rows) * (n - columns)).sum() + products.sum() ** 2 - (products**2).sum()) / (
        n**2 * (n - 1)
    )
    by_normal = float(ndtr(-(matches - 0.5 - expected) / np.sqrt(variance)))
    return expected / n, max(by_normal, float(pdtrc(matches - 1, expected)) if expected < 20 else 0.0)


def _chance_at_most(rows: np.ndarray, columns: np.ndarray, matches: int) -> float:
    """An upper bound of the probability of so many matches, or more, where answers are dealt anew.

    A set of j images, a_k of them of class k, matches with probability Π (c_k)_(a_k) / (n)_j, (c)_a the falling
    factorial; so the mean number of sets of j images that match, Markov's bound times C(matches, j), is the coefficient
    of x^j in Π_k Σ_a C(r_k, a) (c_k)_a x^a, over (n)_j, and no larger than the product at any x over x^j. The bound is
    the least over some j and x.

    rows, columns: (k,) images of each class, and named as it.
    """
    n = int(rows.sum())
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])  # their logarithms
    log_x = np.linspace(-2 * np.log(n + 1), 2 * np.log(n + 1), 80)
    log_product = np.zeros_like(log_x)
    for row, column in zip(rows, columns, strict=True):
        a = np.arange(min(row, column) + 1)
        terms = factorials[row] + factorials[column] - factorials[row - a] - factorials[column - a] - factorials[a]
        log_product += np.logaddexp.reduce(terms + log_x[:, None] * a, axis=1)
    j = np.unique(np.linspace(0, matches, 40).astype(int))
    sets = factorials[matches] - factorials[j] - factorials[matches - j] + factorials[n] - factorials[n - j]
    return float(np.exp(min(0.0, (log_product[:, None] - log_x[:, None] * j - sets).min())))
