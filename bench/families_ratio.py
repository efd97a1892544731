"""Ratios of a row that bench/families.py measured: the fastest peer's time over ours."""

from __future__ import annotations

import math
import statistics
from typing import Any


def medians(row: dict[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
    """Median seconds of our contenders and of the peers' that ran."""
    seconds = {name: statistics.median(taken) for name, taken in row["seconds"].items()}
    ours = {name: taken for name, taken in seconds.items() if name.startswith("ironglass")}
    return ours, {name: taken for name, taken in seconds.items() if name not in ours}


def ratio(row: dict[str, Any], name: str = "ironglass") -> float:
    """The fastest peer's time over ours; nan where either did not run."""
    ours, peers = medians(row)
    return min(peers.values()) / ours[name] if peers and name in ours else math.nan
