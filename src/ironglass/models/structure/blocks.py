"""A network as stem, blocks and head, for transplants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from torch import nn

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.reading.layers import own_tensors

Depth: TypeAlias = int | Literal["head"]
"""How many blocks from the first; "head": everything but the last layer."""


@dataclass(frozen=True)
class Blocks:
    """Positions of a network's blocks among its layers.

    layers: names, in order, as `Classifier.layers` gives them.
    names: of the blocks, in order.
    starts: the index in `layers` of each block's first layer.
    head, last: those of the head, what follows the last block, and of the last layer that has weights.
    """

    layers: tuple[str, ...]
    names: tuple[str, ...]
    starts: tuple[int, ...]
    head: int
    last: int

    def __len__(self) -> int:
        return len(self.names)

    def end(self, depth: Depth) -> int:
        """The place in `layers` of the first layer that is not among the first blocks; before them lies the stem.

        Raises InputError for more blocks than there are.
        """
        if depth == "head":
            return self.last
        if not 0 <= depth <= len(self):
            raise InputError(f"blocks is {depth} and the network has {len(self)}: give 0 to {len(self)}, or head")
        return 0 if depth == 0 else [*self.starts, self.head][depth]

    def next_layer(self, depth: Depth) -> str | None:
        """The first layer after the first blocks; None after no block, where all layers come."""
        return self.layers[index] if (index := self.end(depth)) else None


def blocks_of(classifier: Classifier) -> Blocks:
    """The network's blocks: modules of several weighted layers that stand in a sequence, one behind the other.

    So MobileNetV2 has 17 (its inverted residuals), ResNet-18 8, SqueezeNet 8 (its fire modules), a ViT-B 12. A plain
    chain of layers has a block for each layer of weights (but the last), with the normalisation and activation that
    follow it. Raises InputError for a network with less than two such parts.
    """
    layers = classifier.layers()
    names, network = list(layers), classifier.network
    weighted = [index for index, layer in enumerate(layers.values()) if _is_linear(layer)]
    block_names = [name for name in _sequences(network, "") if any(_inside(layer, name) for layer in names)]
    indices = {name: [index for index, layer in enumerate(names) if _inside(layer, name)] for name in block_names}
    block_names = sorted(
        (name for name in block_names if weighted[-1] not in indices[name]), key=lambda name: indices[name][0]
    )
    if block_names:
        starts = [indices[name][0] for name in block_names]
        head = max(indices[block_names[-1]]) + 1
    else:
        starts, head = weighted[:-1], weighted[-1]
        block_names = [names[index] for index in starts]
    if not starts:
        raise InputError(f"{classifier.source or 'the network'} is a single layer: it has no blocks to transplant")
    return Blocks(tuple(names), tuple(block_names), tuple(starts), head, weighted[-1])


def _sequences(module: nn.Module, name: str) -> list[str]:
    """The blocks in a module, whose own name is `name`, from the outside in."""
    children = [(f"{name}.{child}" if name else child, inner) for child, inner in module.named_children()]
    paths = []
    for path, child in children:
        if inner := _sequences(child, path):
            paths += inner
        elif isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict) and _is_block(child):
            paths.append(path)
    return paths


def _is_block(module: nn.Module) -> bool:
    return sum(_is_linear(inner) for inner in module.modules()) > 1


def _is_linear(layer: nn.Module) -> bool:
    """Returns whether the layer maps channels to channels: its weights are a matrix, or more."""
    return any(tensor.ndim > 1 for tensor in own_tensors(layer))


def _inside(layer: str, name: str) -> bool:
    return layer == name or layer.startswith(f"{name}.")
