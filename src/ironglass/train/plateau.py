"""Early stopping of a stage whose training loss no longer falls."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field

from ironglass.fields import dataclass


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Plateau:
    """Ends a stage when its training loss has not fallen below its mark by the share `least` for `patience` epochs.

    The mark is the loss of the last epoch that fell so far, so that a slow but steady fall goes on.
    """

    patience: int = Field(default=3, gt=0)
    least: float = Field(default=0.01, ge=0, lt=1)


def has_flattened(losses: Sequence[float], plateau: Plateau) -> bool:
    """Returns whether the last `patience` epochs of a stage brought no sufficient fall of the loss."""
    mark, waited = math.inf, 0
    for loss in losses:
        if math.isinf(mark) or loss < mark - plateau.least * abs(mark):
            mark, waited = loss, 0
        else:
            waited += 1
    return waited >= plateau.patience
