"""Response of a layer to changes of the image, alone and with the layers that share its axes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

BANDS = 4
"""Bands of the image that are changed one after another, from top to bottom and then from left to right."""


@dataclass(frozen=True)
class Response:
    """Output of one layer at its last run, for one image and for BANDS + BANDS changed ones."""

    shape: tuple[int, ...]
    """Of the output for one image."""
    batch: int | None = None
    """The axis along which images lie; None where no single one does."""
    groups: int = 1
    """Entries of that axis an image: 1, or more where the batch is one of windows."""
    changes: Tensor | None = None
    """|output − that of the unchanged image|, (2 BANDS, groups, ...) without the axis of images; None where it was not
    looked at."""
    axes: tuple[int, ...] = ()
    """Which of its axes each of those that its kin share is."""
    new: frozenset[int] = frozenset()
    """Axes whose entries a linear layer has replaced by another number of others."""


@dataclass
class Kin:
    """Layers whose outputs have the same axes, in whatever order."""

    responses: dict[str, Response]
    """Of those asked for and of the first ones, which alone have `changes`, but where the image itself is their kin."""
    names: list[str]
    """Those asked for."""
    of_image: tuple[int, ...] | None
    """Where the image itself is their kin, which of its axes (n, c, h, w) each of those shared is."""
