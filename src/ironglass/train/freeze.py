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
    """The frozen modules, which lie wholly before `trainable_from`, and the trained parameters.

    trainable_from: a layer's name; "head" for the last layer with parameters; "70%" for the layers after the first 70 %
        of those with parameters. Parameters of no layer, as a transformer's class token and position embeddings, count
        as before all layers. Raises InputError where no layer has that name.
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
    of_trained = {id(tensor) for name in names[first:] for tensor in own_tensors(layers[name])}
    of_frozen = {
        id(tensor) for name in names[:first] for tensor in own_tensors(layers[name])
    }  # of shared ones, the first
    learning = [parameter for parameter in classifier.parameters() if id(parameter) in of_trained - of_frozen]
    return _frozen_modules(classifier.network, {*names[:first]}, {*names[first:]}), learning


def _frozen_modules(network: nn.Module, before: set[str], after: set[str]) -> list[nn.Module]:
    """The layers before, and modules that lie within or contain only such layers."""
    modules, frozen_names = [], set()
    for name, module in network.named_modules():  # which names what holds others before them
        inside = {layer for layer in before | after if layer == name or layer.startswith(f"{name}.")}
        parent = name.rpartition(".")[0]
        if name and (inside <= before if inside else parent in frozen_names):
            frozen_names.add(name)
        if name in before | frozen_names:
            modules.append(module)
    return modules


def _first(layers: dict[str, nn.Module], trainable_from: str) -> int | None:
    """Index of the first trained layer; None where no layer is."""
    inside = [name == trainable_from or name.startswith(f"{trainable_from}.") for name in layers]
    if any(inside):  # a layer's own name goes first: many networks call one "head"
        return inside.index(True)
    weighted = [index for index, layer in enumerate(layers.values()) if list(layer.parameters())]
    if trainable_from == HEAD and weighted:
        return weighted[-1]
    if share := _SHARE.fullmatch(trainable_from):
        return weighted[int(share[1]) * len(weighted) // 100]
    return None
