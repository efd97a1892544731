"""Layouts that an output could have, and the one of them that its changes speak for."""

from __future__ import annotations

import itertools
import math

from ironglass.explain.parts.layout.axes import Layout
from ironglass.explain.parts.layout.grids import like_image
from ironglass.explain.parts.layout.response import Response
from ironglass.explain.parts.layout.score import APART, SURE, Changes, score_of

MANY_POSITIONS = 200
"""Places above which it may be less, as chance is."""
RATIO = 1.3
"""How many times as much correlation times spread it must have as one of other axes."""
PREFIX = 16
"""Tokens beside those of the image (class, distillation, registers) of which a network need not tell."""


def possible_layouts(response: Response, grids: list[tuple[int, int]], wide: float) -> list[Layout]:
    """Every two axes as rows and columns, and every axis as tokens on each grid that they can fill."""
    shape, batch = response.shape, response.batch or 0
    axes = [axis for axis in range(len(shape)) if axis != batch]
    pairs = itertools.permutations(axes, 2)
    found = [Layout(shape, batch, pair) for pair in pairs if like_image(shape[pair[0]], shape[pair[1]], wide)]
    for axis, grid in itertools.product(axes, grids):
        tokens = grid[0] * grid[1]
        extra = shape[axis] - tokens
        if 0 <= extra <= PREFIX and extra < tokens and min(grid) > 1:
            starts = {0, tokens, tokens // 2} if extra else {0}
            found += [Layout(shape, batch, (axis,), grid, start, extra) for start in sorted(starts)]
    return found


def seen_best(candidates: list[Layout], changes: Changes) -> tuple[Layout | None, float]:
    """The candidate that the changes speak for, and its correlation; None where they do not single out one.

    Parts of the image are seen furthest apart along the axes that are its rows and columns: between candidates of
    different axes, correlation times spread decides, between those of the same axes correlation.
    """
    scored = [(candidate, *score_of(candidate, changes)) for candidate in candidates]
    if not scored:
        return None, 0.0
    seen, score, spread = max(scored, key=lambda one: max(one[1], 0) * one[2])
    places = math.prod(seen.shape[axis] for axis in seen.space)
    margin = APART / max(1, places / MANY_POSITIONS)
    for other, its, moved in scored:
        if other.space == seen.space and other != seen and its > score:
            seen, score, spread = other, its, moved
    for other, its, moved in scored:
        if _same(other, seen) or its <= 0:
            continue
        near = its > score - margin if other.space == seen.space else its * moved * RATIO > score * spread
        if near:
            return None, 0.0
    return (seen, score) if score >= SURE else (None, 0.0)


def _same(first: Layout, second: Layout) -> bool:
    """Returns whether two layouts give the same maps: axes of length 1 may change places."""
    if len(first.space) == 1 or len(second.space) == 1:
        return first == second
    long = [[axis for axis in one.space if one.shape[axis] > 1] for one in (first, second)]
    sides = [[one.shape[axis] for axis in one.space] for one in (first, second)]
    return long[0] == long[1] and sides[0] == sides[1]
