"""Agreement of answers with the truth beyond what chance alone would give."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from ironglass.measure.statistics import Rate

TABLES = 2000
"""Tables that are drawn to learn what chance gives."""
MOST_CLASSES = 20
"""Classes up to which tables are drawn; of more, the number of matches is nearly normal, or nearly Poisson's."""
SEED = 0


def answer_table(labels: np.ndarray, predictions: np.ndarray, k: int) -> np.ndarray:
    """Images by true class (row) and answer (column), int (k + 1, k + 1); the last column has those without an answer,
    -1, and the last row is empty."""
    answers = np.where(predictions < 0, k, predictions)
    return np.bincount(labels * (k + 1) + answers, minlength=(k + 1) ** 2).reshape(k + 1, k + 1)


def kappa(table: np.ndarray) -> Rate:
    """Cohen's kappa (1960, Educ. Psychol. Meas. 20:37): 0 where answers match the truth as often as by chance, 1 where
    always; with its 95 % interval (Fleiss, Cohen & Everitt 1969, Psychol. Bull. 72:323).

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
    half = NormalDist().inv_cdf(0.975) * np.sqrt(max(variance, 0.0) / n) / (1 - chance)
    return Rate(value=value, low=float(max(value - half, -1.0)), high=float(min(value + half, 1.0)), n=n)


def chance_of_matches(table: np.ndarray) -> tuple[float, float]:
    """The share of matches that chance gives, and the probability that it gives as many as there are.

    Chance keeps how often each class occurs and how often it is named, and deals the answers anew: a network that
    always answers alike, or draws its answers, or learned from shuffled labels, has matches of that kind. The
    probability is exact for two classes (Fisher), of `TABLES` draws up to `MOST_CLASSES`, else approximate.
    """
    from scipy import stats  # late: it takes seconds to import

    n, matches = int(table.sum()), int(np.trace(table))
    rows, columns = table.sum(1), table.sum(0)
    expected = float(rows @ columns) / n
    used = np.flatnonzero(rows + columns)
    if np.count_nonzero(rows) < 2 or np.count_nonzero(columns) < 2:
        return expected / n, 1.0
    if len(used) == 2:
        one = used[0]
        return expected / n, float(stats.hypergeom.sf(table[one, one] - 1, n, rows[one], columns[one]))
    if len(used) <= MOST_CLASSES:
        tables = stats.random_table(rows[used], columns[used], seed=SEED).rvs(TABLES)
        drawn = np.trace(tables, axis1=1, axis2=2)
        return expected / n, float((1 + (drawn >= matches).sum()) / (1 + TABLES))
    products = rows * columns
    variance = ((products * (n - rows) * (n - columns)).sum() + products.sum() ** 2 - (products**2).sum()) / (
        n**2 * (n - 1)
    )
    by_normal = float(stats.norm.sf(matches - 0.5, expected, np.sqrt(variance)))
    return expected / n, max(by_normal, float(stats.poisson.sf(matches - 1, expected)) if expected < 20 else 0.0)
