"""Flipped labels found by `ironglass inspect` and by cleanlab (2.9.0), on the same images, features and labels.

    python bench/label_errors.py ../shared/data/fashion_mnist ../shared/data/cifar10 [--images 4000] [--seeds 10]

Needs cleanlab, which is not in the lock. Of each data set some images are drawn, 3 % of their labels flipped to another
class, and both name suspects; the seed draws images, flips and folds. cleanlab gets the out-of-sample probabilities
that it asks for twice: ours, and those of a plain logistic regression on the same standardised features in five folds,
as in its tutorial. Ours are the labels that `inspect` calls wrong, and these with those that it calls worth a look.
Prints recall and precision of each as it comes, and the differences of the longer list's to cleanlab's; then, cut to
the same number of names, the differences of hits as a share of the flips. Differences are ours less cleanlab's, paired
over the seeds, with 95 % intervals (Student's t).
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from cleanlab.filter import find_label_issues
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from ironglass.data.survey.survey import survey
from ironglass.measure.inspection.cross_validated import cross_validated
from ironglass.measure.inspection.label_errors import PLANTED, contradicted, flip_trial, label_suspects, worth_a_look
from ironglass.measure.inspection.patch_features import patch_features

LONGER = "ironglass, with those worth a look"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for path in options.data:
        table = survey(path).survey
        measured: dict[str, list[tuple[float, ...]]] = defaultdict(list)
        for seed in range(options.seeds):
            random = np.random.default_rng(seed)
            drawn = np.sort(random.permutation(len(table))[: options.images])
            labels = np.unique(table.labels[drawn], return_inverse=True)[1]
            features = patch_features(table.thumbs[drawn], table.tints[drawn], seed)
            for name, values in compared(features, labels, seed).items():
                measured[name].append(values)
        print(f"{path.name}: {options.images:,} images, {options.seeds} seeds")
        for name, values in measured.items():
            columns = np.array(values).T
            print(f"  {name}: " + ", ".join(with_interval(column) for column in columns), flush=True)


def compared(features: np.ndarray, labels: np.ndarray, seed: int) -> dict[str, tuple[float, ...]]:
    """Of each method the number named, recall and precision; and at equal numbers the differences of recall."""
    random, n, classes = np.random.default_rng([seed, 1]), len(labels), int(labels.max()) + 1
    flips = random.permutation(n)[: round(PLANTED * n)]
    changed = labels.copy()
    changed[flips] = (changed[flips] + random.integers(1, classes, len(flips))) % classes
    ours = cross_validated(features, changed, seed)
    standard = (features - features.mean(0)) / (features.std(0) + 1e-6)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    plain = cross_val_predict(LogisticRegression(max_iter=60), standard, changed, cv=folds, method="predict_proba")
    trial = flip_trial(features, changed, seed)
    first = label_suspects(ours, changed, trial.ceiling).positions
    further = worth_a_look(ours, changed, len(first)).positions if trial.look_helps else first[:0]
    named = {
        "ironglass": first,
        LONGER: np.concatenate([first, further]),
        "cleanlab, our probabilities": find_label_issues(changed, ours, return_indices_ranked_by="self_confidence"),
        "cleanlab, plain probabilities": find_label_issues(changed, plain, return_indices_ranked_by="self_confidence"),
    }
    hits = {name: np.isin(positions, flips) for name, positions in named.items()}
    counts = {name: (len(hit), hit.sum() / len(flips), hit.sum() / max(len(hit), 1)) for name, hit in hits.items()}
    rows: dict[str, tuple[float, ...]] = {f"{name} (named, recall, precision)": row for name, row in counts.items()}
    ranked = np.isin(contradicted(ours, changed).positions, flips)
    for name in ("cleanlab, our probabilities", "cleanlab, plain probabilities"):
        theirs = hits[name]
        rows[f"{LONGER} less {name}, as they come (recall, precision)"] = tuple(
            np.subtract(counts[LONGER], counts[name])[1:]
        )
        rows[f"ironglass less {name}, cut to the number that ironglass, cleanlab names (recall)"] = tuple(
            (ranked[:count].sum() - theirs[:count].sum()) / len(flips)
            for count in (min(len(first), len(theirs)), min(len(theirs), len(ranked)))
        )
    return rows


def with_interval(values: np.ndarray) -> str:
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0
    return f"{values.mean():.4g} ({values.mean() - half:.4g} to {values.mean() + half:.4g})"


if __name__ == "__main__":
    main()
