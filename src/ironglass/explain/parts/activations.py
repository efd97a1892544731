"""The outputs of layers as the layers gave them, copied only where the network goes on to write over them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ironglass.engine.folding.fold import out_of_place_activations
from ironglass.explain.parts.layers import recorded_outputs
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Logits

Layers: TypeAlias = dict[str, nn.Module]


@dataclass(frozen=True)
class Pass:
    """One forward pass.

    outputs: of each layer, in the order in which they ran, at its last run.
    first: those before which nothing is differentiated; they are made to take a gradient, and the backward pass may end
        there.
    """

    logits: Logits
    outputs: dict[str, Tensor]
    first: list[Tensor]


_written: WeakKeyDictionary[nn.Module, dict[str, bool]] = WeakKeyDictionary()


def pass_through(classifier: Classifier, images: Images, layers: Layers) -> Pass:
    """The logits, and what each layer gives, untouched by what comes after it.

    Activations that can work beside their input are told to, where nobody reads it as they leave it. The first pass
    with a layer copies its output and learns whether the copy is written over all the same, as by `x += skip`; the next
    ones copy only where it was. Where one is written over that was not before, the pass is repeated with copies of all.
    """
    with out_of_place_activations(classifier):
        written = _written.setdefault(classifier.network, {})
        found = _run(classifier, images, layers, [name for name in layers if written.get(name, True)])
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

    with recorded_outputs(layers, hand) as outputs:
        logits = classifier(images)
    known, whole = _written[classifier.network], True
    for name, output in outputs.items():
        given, version = handed[name]
        written = given._version != version
        if name not in known:  # nor through `.data`, which no version counts
            written = written or not torch.equal(given, output)
        whole = whole and not (written and given is output)
        known[name] = known.get(name, False) or written
    return Pass(logits, outputs, first) if whole else None
