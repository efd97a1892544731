"""Choice of the images that a cleaner data set leaves out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ironglass.data.survey.survey import Survey

ORDER = ("test", "validation", "train")
"""Splits in the order in which an image of them is kept: what is reported on stays as it is, if it can."""


def images_to_leave_out(
    survey: Survey, groups: Sequence[np.ndarray], *, reason: str, name: Callable[[int], str]
) -> dict[int, str]:
    """Of each group of images of one picture all but one, by position, with the reason.

    The first of the test images is kept, else of the validation images, else of the training images. Where labels
    differ, none is kept within a split, since one label at least is wrong; an image of a split that is reported on is
    kept for the label that it has where only training images contradict it.

    reason: the kind of the group. name: words for an image, by its position.
    """
    reasons: dict[int, str] = {}
    for group in groups:
        rank = [ORDER.index(survey.splits[survey.split[i]]) for i in group]
        order = [int(group[k]) for k in np.argsort(rank, kind="stable")]
        first = order[0]
        peers = [i for i in order if survey.split[i] == survey.split[first]]
        if len({int(survey.labels[i]) for i in peers}) > 1:
            reasons |= dict.fromkeys(order, f"{reason} under two labels")
            continue
        reasons |= {i: f"{reason} of {name(first)}{_other_label(survey, i, first)}" for i in order[1:]}
    return reasons


def _other_label(survey: Survey, i: int, first: int) -> str:
    return "" if survey.labels[i] == survey.labels[first] else " under another label"


def merged(parts: Sequence[Mapping[int, str]]) -> dict[int, str]:
    """Reasons by position, the first part's where several have one."""
    reasons: dict[int, str] = {}
    for part in parts:
        reasons = {**part, **reasons}
    return dict(sorted(reasons.items()))
