"""Candidate layouts of an output, and the one that its changes support."""

from __future__ import annotations

import itertools
import math

from ironglass.explain.parts.layout.axes import Layout
from ironglass.explain.parts.layout.grids import like_image
from ironglass.explain.parts.layout.response import Response
from ironglass.explain.parts.layout.score import APART, SURE, Changes, score_of

MANY_POSITIONS = 200
"""Number of positions above which the margin shrinks, as chance correlations do."""
RATIO = 1.3
"""Least factor by which correlation times spread must exceed that of a candidate with other axes."""
PREFIX = 16
"""Largest number of tokens besides those of the image (class, distillation, registers) that need not be declared."""


def possible_layouts(response: Response, grids: list[tuple[int, int]], aspect: float) -> list[Layout]:
    """Candidates: every two axes as rows and columns, and every axis as tokens on each grid that they can fill."""
    shape, batch = response.shape, response.batch or 0
    axes = [axis for axis in range(len(shape)) if axis != batch]
    pairs = itertools.permutations(axes, 2)
    layouts = [Layout(shape, batch, pair) for pair in pairs if like_image(shape[pair[0]], shape[pair[1]], aspect)]
    for axis, grid in itertools.product(axes, grids):
        tokens = grid[0] * grid[1]
        extra = shape[axis] - tokens
        if 0 <= extra <= PREFIX and extra < tokens and min(grid) > 1:
            starts = {0, tokens, tokens // 2} if extra else {0}
            layouts += [Layout(shape, batch, (axis,), grid, start, extra) for start in sorted(starts)]
    return layouts


def best_layout(candidates: list[Layout], changes: Changes) -> tuple[Layout | None, float]:
    """The candidate that the changes support, and its correlation; None where they do not single out one.

    Spread is largest along the axes that are the image's rows and columns: between candidates of different axes,
    correlation times spread decides; between those of the same axes, correlation.
    """
    scored = [(candidate, *score_of(candidate, changes)) for candidate in candidates]
    if not scored:
        return None, 0.0
    best, score, spread = max(scored, key=lambda entry: max(entry[1], 0) * entry[2])
    positions = math.prod(best.shape[axis] for axis in best.space)
    margin = APART / max(1, positions / MANY_POSITIONS)
    for other, other_score, other_spread in scored:
        if other.space == best.space and other != best and other_score > score:
            best, score, spread = other, other_score, other_spread
    for other, other_score, other_spread in scored:
        if _same_maps(other, best) or other_score <= 0:
            continue
        is_close = (
            other_score > score - margin
            if other.space == best.space
            else other_score * other_spread * RATIO > score * spread
        )
        if is_close:
            return None, 0.0
    return (best, score) if score >= SURE else (None, 0.0)


def _same_maps(first: Layout, second: Layout) -> bool:
    """Returns whether two layouts give the same maps: axes of length 1 may be exchanged."""
    if len(first.space) == 1 or len(second.space) == 1:
        return first == second
    long = [[axis for axis in layout.space if layout.shape[axis] > 1] for layout in (first, second)]
    sides = [[layout.shape[axis] for axis in layout.space] for layout in (first, second)]
    return long[0] == long[1] and sides[0] == sides[1]
