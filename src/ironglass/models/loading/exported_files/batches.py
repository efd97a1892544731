"""Batches of the sizes that an exported network accepts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class InputSpec:
    """Batch and image sizes that a file's network accepts; None for any."""

    batch: int | None = None
    """The one size of batch."""
    least: int = 1
    """Images of a batch, at least."""
    shape: tuple[int | None, int | None, int | None] = (None, None, None)
    """Channels, height and width."""


class FixedBatches(nn.Module):
    """Adapter from a network with fixed batch sizes to any batch size: splits the batch, and pads the last part."""

    def __init__(self, network: nn.Module, spec: InputSpec) -> None:
        super().__init__()
        self.network, self.spec = network, spec

    def forward(self, images: Tensor) -> Any:
        """The outputs of all images."""
        n, spec = len(images), self.spec
        if spec.batch is None and n >= spec.least:
            return self.network(images)
        size = spec.batch or spec.least
        outputs = []
        for part in images.split(size):
            padded = torch.cat((part, part[-1:].expand(size - len(part), *part.shape[1:])))
            outputs.append(_first_rows(self.network(padded), len(part), size))
        return _concatenated(outputs)


def _first_rows(outputs: Any, count: int, size: int) -> Any:
    """The first rows of every tensor that has one for each image."""
    if isinstance(outputs, Tensor):
        return outputs[:count] if outputs.ndim and len(outputs) == size else outputs
    if isinstance(outputs, dict):
        return {name: _first_rows(value, count, size) for name, value in outputs.items()}
    return tuple(_first_rows(value, count, size) for value in outputs) if isinstance(outputs, tuple | list) else outputs


def _concatenated(chunks: list[Any]) -> Any:
    first = chunks[0]
    if isinstance(first, Tensor):
        return torch.cat(chunks) if first.ndim else first
    if isinstance(first, dict):
        return {name: _concatenated([chunk[name] for chunk in chunks]) for name in first}
    return (
        tuple(_concatenated(list(entries)) for entries in zip(*chunks, strict=True))
        if isinstance(first, tuple)
        else first
    )
