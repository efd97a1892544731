"""Response of a layer to changes of the image, alone and with the layers that share its axes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

BANDS = 4
"""Number of bands of the image that are changed in turn, from top to bottom and then from left to right."""


@dataclass(frozen=True)
class Response:
    """Output of one layer at its last run, for one image and for BANDS + BANDS changed ones."""

    shape: tuple[int, ...]
    """Shape of the output for one image."""
    batch: int | None = None
    """The axis of images; None where it is not unique."""
    groups: int = 1
    """Entries of that axis an image: 1, or more where the batch is one of windows."""
    changes: Tensor | None = None
    """|output − output of the unchanged image|, (2 BANDS, groups, ...) without the axis of images; None where it was
    not measured."""
    axes: tuple[int, ...] = ()
    """Index of its axis for each axis that its group shares."""
    new: frozenset[int] = frozenset()
    """Axes that a linear layer has mapped to another length."""


@dataclass
class LayerGroup:
    """Layers whose outputs have the same axes, in whatever order."""

    responses: dict[str, Response]
    """Responses of the requested layers and of the first ones, which alone have `changes`."""
    names: list[str]
    """Requested layers."""
    image_axes: tuple[int, ...] | None
    """Index of the image's axis (n, c, h, w) for each shared axis; None where the image is not of the group."""
