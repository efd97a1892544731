"""The search for near-duplicates."""

from __future__ import annotations

import numpy as np

from ironglass.data.survey.survey import Survey
from ironglass.measure.inspection.near_duplicates import LARGEST, NearPairs, near_duplicates
from ironglass.studies.common.options import RunOptions


def search_near(table: Survey, seed: int, options: RunOptions) -> NearPairs | None:
    """Finds near-duplicates, one image of each group of equal pixels; None where there are too few or too many."""
    if not 1 < len(table) <= LARGEST:
        return None
    _, first = np.unique(np.array(table.digests), return_index=True)
    first = np.sort(first[table.contrast[first] > 2])
    if len(first) < 2:
        return None
    pairs = near_duplicates(
        table.thumbs[first],
        table.tints[first],
        seed,
        lambda done, of: options.progress("comparing images", done, of, ""),
    )
    return NearPairs(
        first[pairs.first],
        first[pairs.second],
        pairs.similarity,
        pairs.mirrored,
        pairs.certain,
        pairs.proposed,
        pairs.threshold,
    )
