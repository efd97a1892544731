"""Line styles of charts, told apart without colour."""

from __future__ import annotations

from typing import Any

from ironglass.report.kit.palette import BLUE, GREEN, MAGENTA, ORANGE

LINES: tuple[dict[str, Any], ...] = tuple(
    {"color": colour, "marker": marker, "linestyle": dashes}
    for colour, marker, dashes in (
        (BLUE, "o", "-"),
        (ORANGE, "s", (0, (5, 2))),
        (GREEN, "^", (0, (1.5, 1.5))),
        (MAGENTA, "D", (0, (6, 2, 1.5, 2))),
        (BLUE, "v", (0, (3, 1.5))),
        (ORANGE, "p", (0, (1.5, 1.5))),
        (GREEN, "P", (0, (5, 2))),
        (MAGENTA, "h", "-"),
    )
)
"""Told apart by colour, also where red and green look alike, and by mark and dash without any; then from the start."""
