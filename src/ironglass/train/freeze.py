"""Freezing of layers."""

from __future__ import annotations

import re

from torch import nn

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.reading.layers import own_tensors

HEAD = "head"
_SHARE = re.compile(r"(\d{1,2}) ?%")


def learning_parameters(
    classifier: Classifier, trainable_from: str | None
) -> tuple[list[nn.Module], list[nn.Parameter]]:
    """The modules that are held, whatever lies wholly before `trainable_from`, and the parameters that learn.

    trainable_from: a layer's name, or of any network "head", the last layer that has parameters, and "70%", what comes
    after the first 70 % of the layers that have any. What belongs to no layer, as a transformer's class token and
    positions, comes before all of them. Raises InputError where no layer has that name.
    """
    if trainable_from is None:
        return [], list(classifier.parameters())
    layers = classifier.layers()
    first = _first(layers, trainable_from)
    if first is None:
        raise InputError(
            f"no layer is named {trainable_from!r}: give {HEAD}, a share as 70%, or one of {', '.join(layers)}"
        )
    if first == 0:
        return [], list(classifier.parameters())
    names = list(layers)
    of_learning = {id(tensor) for name in names[first:] for tensor in own_tensors(layers[name])}
    of_held = {
        id(tensor) for name in names[:first] for tensor in own_tensors(layers[name])
    }  # of shared ones, the first
    learning = [parameter for parameter in classifier.parameters() if id(parameter) in of_learning - of_held]
    return _held(classifier.network, {*names[:first]}, {*names[first:]}), learning


def _held(network: nn.Module, before: set[str], after: set[str]) -> list[nn.Module]:
    """The layers before, modules that hold no others, and what lies in one of these and is no layer."""
    held, whole = [], set()
    for name, module in network.named_modules():  # which names what holds others before them
        inside = {layer for layer in before | after if layer == name or layer.startswith(f"{name}.")}
        parent = name.rpartition(".")[0]
        if name and (inside <= before if inside else parent in whole):
            whole.add(name)
        if name in before | whole:
            held.append(module)
    return held


def _first(layers: dict[str, nn.Module], trainable_from: str) -> int | None:
    """The place of the first layer that learns; None where none does."""
    inside = [name == trainable_from or name.startswith(f"{trainable_from}.") for name in layers]
    if any(inside):  # a layer's own name goes first: many networks call one "head"
        return inside.index(True)
    weighted = [index for index, layer in enumerate(layers.values()) if list(layer.parameters())]
    if trainable_from == HEAD and weighted:
        return weighted[-1]
    if share := _SHARE.fullmatch(trainable_from):
        return weighted[int(share[1]) * len(weighted) // 100]
    return None
