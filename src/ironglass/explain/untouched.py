"""The outputs of layers as the layers gave them, copied only where the network goes on to write over them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ironglass.explain.layers import watched
from ironglass.models.classifier import Classifier
from ironglass.models.folded import beside
from ironglass.types import Images, Logits

Layers: TypeAlias = dict[str, nn.Module]


@dataclass(frozen=True)
class Pass:
    """One forward pass. outputs: of each layer, in the order in which they ran, at its last run. first: those before
    which nothing is differentiated; they are made to take a gradient, and the backward pass may end there."""

    logits: Logits
    outputs: dict[str, Tensor]
    first: list[Tensor]


_written: WeakKeyDictionary[nn.Module, frozenset[str]] = WeakKeyDictionary()


def pass_through(classifier: Classifier, images: Images, layers: Layers) -> Pass:
    """The logits, and what each layer gives, untouched by what comes after it.

    Activations that can work beside their input are told to, where nobody reads it as they leave it. The first pass
    copies every output and learns which copies are written over all the same, as by `x += skip`; the next ones copy
    only those. Where one turns out to be written over that was not the last time, the pass is repeated with copies of
    all.
    """
    with beside(classifier):
        known = _written.get(classifier.network)
        found = _run(classifier, images, layers, layers.keys() if known is None else known)
        return found or cast(Pass, _run(classifier, images, layers, layers.keys()))


def _run(classifier: Classifier, images: Images, layers: Layers, names: Collection[str]) -> Pass | None:
    """names: whose output is copied. None where another was written over."""
    handed: dict[str, tuple[Tensor, int]] = {}
    first: list[Tensor] = []

    def hand(name: str, output: Tensor) -> Tensor:
        leaf = not output.requires_grad  # which autograd lets nobody write over
        if leaf:
            first.append(output.requires_grad_())
        given = output.clone() if leaf or name in names else output
        handed[name] = given, given._version
        return given

    with watched(layers, hand) as outputs:
        logits = classifier(images)
    written = {name for name in outputs if handed[name][0]._version != handed[name][1]}
    if classifier.network not in _written:  # nor through `.data`, which no version counts
        written |= {name for name in outputs if not torch.equal(handed[name][0], outputs[name])}
    _written[classifier.network] = _written.get(classifier.network, frozenset()) | written
    if any(handed[name][0] is outputs[name] for name in written):
        return None
    return Pass(logits, outputs, first)
