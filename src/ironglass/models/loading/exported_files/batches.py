"""Batches of the sizes that an exported network takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Takes:
    """Batch sizes that a file's network takes; None where any will do."""

    batch: int | None = None
    """The one size of batch."""
    least: int = 1
    """Images of a batch, at least."""
    shape: tuple[int | None, int | None, int | None] = (None, None, None)
    """Channels, height and width."""


class Parts(nn.Module):
    """A network that takes batches of some sizes only, as one that takes any: in parts, the last filled up."""

    def __init__(self, network: nn.Module, takes: Takes) -> None:
        super().__init__()
        self.network, self.takes = network, takes

    def forward(self, images: Tensor) -> Any:
        """The outputs of all images."""
        n, takes = len(images), self.takes
        if takes.batch is None and n >= takes.least:
            return self.network(images)
        size = takes.batch or takes.least
        found = []
        for part in images.split(size):
            filled = torch.cat((part, part[-1:].expand(size - len(part), *part.shape[1:])))
            found.append(_first(self.network(filled), len(part), size))
        return _joined(found)


def _first(found: Any, count: int, size: int) -> Any:
    """The first rows of every tensor that has one for each image."""
    if isinstance(found, Tensor):
        return found[:count] if found.ndim and len(found) == size else found
    if isinstance(found, dict):
        return {name: _first(value, count, size) for name, value in found.items()}
    return tuple(_first(value, count, size) for value in found) if isinstance(found, tuple | list) else found


def _joined(found: list[Any]) -> Any:
    first = found[0]
    if isinstance(first, Tensor):
        return torch.cat(found) if first.ndim else first
    if isinstance(first, dict):
        return {name: _joined([one[name] for one in found]) for name in first}
    return tuple(_joined(list(ones)) for ones in zip(*found, strict=True)) if isinstance(first, tuple) else first
