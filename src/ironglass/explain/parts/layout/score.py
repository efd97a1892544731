"""Agreement of a layout with the changes where bands of the image change."""

from __future__ import annotations

import torch
from torch import Tensor

from ironglass.explain.parts.layout.axes import Layout
from ironglass.explain.parts.layout.response import BANDS, Response

LIKELY = 0.5
"""Correlation, along rows and along columns, of the part of the image that a place sees with where the place lies, from
which a layout that the layer's type speaks for counts as seen. Where nothing moves along with the image it is by
chance."""
SURE = 0.8
"""The same for a layout that nothing else speaks for."""
APART = 0.1
"""How much more the best layout must have than any other of the same axes."""
MOVED = 0.05
"""Spread of the parts seen, in bands, below which all places see the image alike and none is told apart."""


class Changes:
    """The changes of one response, summed over all axes but those of a candidate's places; each sum is made once."""

    def __init__(self, response: Response) -> None:
        self._batch = response.batch or 0
        # the bands stand where the axis of images was
        changes = torch.zeros(0) if response.changes is None else response.changes
        self._all = changes.squeeze(1).movedim(0, self._batch)
        self._sums: dict[tuple[int, ...], Tensor] = {}

    def over(self, candidate: Layout) -> Tensor:
        """(2 BANDS, h, w)."""
        kept = tuple(sorted((self._batch, *candidate.space)))
        if kept not in self._sums:
            others = [axis for axis in range(self._all.ndim) if axis not in kept]
            summed = self._all.sum(others, keepdim=True) if others else self._all
            self._sums[kept] = summed.double()
        return candidate(self._sums[kept]).sum(1)


def score_of(candidate: Layout, changes: Changes) -> tuple[float, float]:
    """The lesser correlation along rows and columns of more than one, 0 where all places see the same part of the
    image; and the lesser spread of the parts seen, in bands."""
    maps = changes.over(candidate)
    scores, spreads = [], []
    for bands, axis in ((maps[:BANDS], 0), (maps[BANDS:], 1)):
        length, total = bands.shape[1 + axis], bands.sum(0)
        if length == 1:
            continue
        seen = total > 1e-4 * total.max()
        parts = ((torch.arange(BANDS).double()[:, None, None] * bands).sum(0) / total.clamp_min(1e-300))[seen]
        spread = float(parts.std(unbiased=False)) if parts.numel() > 1 else 0.0
        place = torch.arange(length).double().view((-1, 1) if axis == 0 else (1, -1)).expand_as(total)[seen]
        scores.append(_correlation(parts, place) if spread > MOVED else 0.0)
        spreads.append(spread)
    if len(scores) < 2:  # along one axis alone much can look alike by chance
        return (scores[0] - APART if scores[0] >= SURE + APART else 0.0, spreads[0]) if scores else (0.0, 0.0)
    return min(scores), min(spreads)


def _correlation(first: Tensor, second: Tensor) -> float:
    first, second = first - first.mean(), second - second.mean()
    size = first.norm() * second.norm()
    return float(first @ second / size) if size > 1e-9 else 0.0
