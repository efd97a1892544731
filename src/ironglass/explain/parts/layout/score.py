"""Agreement of a layout with the changes where bands of the image change."""

from __future__ import annotations

import torch
from torch import Tensor

from ironglass.explain.parts.layout.axes import Layout
from ironglass.explain.parts.layout.response import BANDS, Response

LIKELY = 0.5
"""Least correlation, along rows and along columns, of a position's receptive part of the image with the position, for a
layout that the layer's type suggests."""
SURE = 0.8
"""Least correlation for a layout without such a hint."""
APART = 0.1
"""Least margin of the best layout over any other of the same axes."""
MIN_SPREAD = 0.05
"""Least spread of the receptive parts, in bands; below it all positions depend on the same part of the image."""


class Changes:
    """The changes of one response, summed over all but a candidate's spatial axes; sums are cached."""

    def __init__(self, response: Response) -> None:
        self._batch = response.batch or 0
        # the bands stand where the axis of images was
        changes = torch.zeros(0) if response.changes is None else response.changes
        self._all = changes.squeeze(1).movedim(0, self._batch)
        self._sums: dict[tuple[int, ...], Tensor] = {}

    def over(self, candidate: Layout) -> Tensor:
        """(2 BANDS, h, w)."""
        axes = tuple(sorted((self._batch, *candidate.space)))
        if axes not in self._sums:
            others = [axis for axis in range(self._all.ndim) if axis not in axes]
            summed = self._all.sum(others, keepdim=True) if others else self._all
            self._sums[axes] = summed.double()
        return candidate(self._sums[axes]).sum(1)


def score_of(candidate: Layout, changes: Changes) -> tuple[float, float]:
    """The smaller correlation along rows and columns, 0 where all positions depend on the same part of the image; and
    the smaller spread of these parts, in bands."""
    maps = changes.over(candidate)
    scores, spreads = [], []
    for bands, axis in ((maps[:BANDS], 0), (maps[BANDS:], 1)):
        length, total = bands.shape[1 + axis], bands.sum(0)
        if length == 1:
            continue
        mask = total > 1e-4 * total.max()
        parts = ((torch.arange(BANDS).double()[:, None, None] * bands).sum(0) / total.clamp_min(1e-300))[mask]
        spread = float(parts.std(unbiased=False)) if parts.numel() > 1 else 0.0
        coordinate = torch.arange(length).double().view((-1, 1) if axis == 0 else (1, -1)).expand_as(total)[mask]
        scores.append(_correlation(parts, coordinate) if spread > MIN_SPREAD else 0.0)
        spreads.append(spread)
    if len(scores) < 2:  # along a single axis chance correlations are likely
        return (scores[0] - APART if scores[0] >= SURE + APART else 0.0, spreads[0]) if scores else (0.0, 0.0)
    return min(scores), min(spreads)


def _correlation(first: Tensor, second: Tensor) -> float:
    first, second = first - first.mean(), second - second.mean()
    size = first.norm() * second.norm()
    return float(first @ second / size) if size > 1e-9 else 0.0
