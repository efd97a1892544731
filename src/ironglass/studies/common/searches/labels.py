"""The search for labels that may be wrong."""

from __future__ import annotations

import numpy as np

from ironglass.data.survey.survey import Survey
from ironglass.measure.inspection.cross_validated import FOLDS, cross_validated
from ironglass.measure.inspection.label_errors import (
    LARGEST,
    Suspects,
    Trial,
    flip_trial,
    label_suspects,
    worth_a_look,
)
from ironglass.measure.inspection.patch_features import patch_features, principal_directions
from ironglass.measure.statistics import counted_rate
from ironglass.results.codec import from_dict
from ironglass.results.inspection import LabelErrors, LabelSuspect
from ironglass.results.numbers import Rate
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.searches.tables import image_ref

OF_PATCHES = "responses to patches of the images themselves, without a trained network"
OF_MODEL = (
    "what the last linear layer of the model reads; where it learnt from these labels, wrong ones that it knows by "
    "heart stay hidden"
)
LEAST = 100
"""Images from which labels are judged by each other."""


def search_labels(
    table: Survey,
    seed: int,
    options: RunOptions,
    model_features: np.ndarray | None = None,
    *,
    quick: bool = False,
) -> LabelErrors | None:
    """Finds labels that cross-validated probabilities contradict; None where there are too few or too many images.

    model_features: (n, d), from which the probabilities are, in place of responses to the images' own patches.
    quick: one partition into folds, and no list of labels worth a look.
    """
    sizes = np.bincount(table.labels)
    if not LEAST <= len(table) <= LARGEST or sizes[sizes > 0].min() < 2 * FOLDS:
        return None
    options.progress("judging labels", 0, FOLDS, "")
    present, labels = np.unique(table.labels, return_inverse=True)
    if model_features is None:
        features = patch_features(table.thumbs, table.tints, seed)
    else:
        drawn = np.random.default_rng([seed, 5]).permutation(len(table))[:5000]
        mean, basis = principal_directions(model_features[np.sort(drawn)], len(table))
        features = (model_features - mean) @ basis
    repeats = 1 if quick else None
    trial = flip_trial(features, labels, seed, repeats=repeats)
    probabilities = cross_validated(
        features,
        labels,
        seed,
        lambda done, of: options.progress("judging labels", done, of, ""),
        repeats=repeats,
    )
    suspects = label_suspects(probabilities, labels, trial.ceiling)
    further_too = trial.look_helps and not quick
    further = worth_a_look(probabilities, labels, len(suspects.positions)) if further_too else suspects[:0]
    return LabelErrors(
        features=OF_PATCHES if model_features is None else OF_MODEL,
        folds=FOLDS,
        accuracy=_rate(int((probabilities.argmax(1) == labels).sum()), len(table)),
        suspects=_rows(table, suspects, present),
        rule=_rule(trial),
        caught=_rate(trial.caught, trial.flipped),
        wrongly_named=_rate(trial.named, trial.left_alone),
        worth_a_look=_rows(table, further, present),
        caught_with_look=_rate(trial.caught_with_look, trial.flipped),
        flips_with_look=_rate(trial.caught_with_look, trial.with_look) if trial.with_look else None,
    )


def _rows(table: Survey, suspects: Suspects, present: np.ndarray) -> tuple[LabelSuspect, ...]:
    """present: classes that have images, in the order of the suggested ones."""
    rows = zip(suspects.positions.tolist(), suspects.suggested.tolist(), suspects.score.tolist(), strict=True)
    return tuple(
        LabelSuspect(image=image_ref(table, i), suggested=table.classes[present[other]], score=round(score, 6))
        for i, other, score in rows
    )


def _rate(count: int, of: int) -> Rate:
    return from_dict(Rate, {**counted_rate(count, of)}, file="the search for wrong labels")


def _rule(trial: Trial) -> str:
    method = "Confident learning on cross-validated probabilities"
    if trial.ceiling is None:
        return (
            f"{method} cannot tell wrong labels from right ones here: of {trial.flipped:,} labels that were flipped on "
            "purpose too few were named, or too many others with them; so none is named."
        )
    return (
        f"{method}: another class is more probable, and the label's probability is at most {trial.ceiling:g}. With 3 % "
        f"of the labels flipped on purpose, this named {trial.caught:,} of {trial.flipped:,} flipped labels and "
        f"{trial.named:,} of the {trial.left_alone:,} others, some of which may be wrong, too."
    )
