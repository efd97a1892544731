"""The request to a network's builder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """Request to a builder. `classes` is None where the weights' own are meant."""

    name: str
    classes: tuple[str, ...] | None
    size: tuple[int, int] | None
    channels: int
    pretrained: bool
    weighted: bool
    """True if weights will be loaded, and perhaps class names with them."""
    options: dict[str, Any]
