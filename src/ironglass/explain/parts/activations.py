"""Recorded outputs of layers, copied only where the network overwrites them in place."""

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

    outputs: by layer, of its last run, in the order of running.
    first: outputs without a differentiable input; they are made to require a gradient, and the backward pass may end
        there.
    """

    logits: Logits
    outputs: dict[str, Tensor]
    first: list[Tensor]


_overwritten: WeakKeyDictionary[nn.Module, dict[str, bool]] = WeakKeyDictionary()


def pass_through(classifier: Classifier, images: Images, layers: Layers) -> Pass:
    """The logits and each layer's output, before any in-place operation on it.

    In-place activations are switched to out-of-place ones where that leaves the logits unchanged. The first pass with a
    layer copies its output and records whether the copy is still overwritten, as by `x += skip`; later passes copy only
    such outputs. If another output is overwritten, the pass is repeated with copies of all.
    """
    with out_of_place_activations(classifier):
        overwritten = _overwritten.setdefault(classifier.network, {})
        result = _run(classifier, images, layers, [name for name in layers if overwritten.get(name, True)])
        return result or cast(Pass, _run(classifier, images, layers, layers.keys()))


def _run(classifier: Classifier, images: Images, layers: Layers, names: Collection[str]) -> Pass | None:
    """One pass that copies the outputs of the layers `names`; None if another layer's output was overwritten."""
    returned: dict[str, tuple[Tensor, int]] = {}
    first: list[Tensor] = []

    def pass_on(name: str, output: Tensor) -> Tensor:
        leaf = not output.requires_grad  # autograd forbids in-place writes to it
        if leaf:
            first.append(output.requires_grad_())
        passed_on = output.clone() if leaf or name in names else output
        returned[name] = passed_on, passed_on._version
        return passed_on

    with recorded_outputs(layers, pass_on) as outputs:
        logits = classifier(images)
    overwritten, intact = _overwritten[classifier.network], True
    for name, output in outputs.items():
        passed_on, version = returned[name]
        changed = passed_on._version != version
        if name not in overwritten:  # the version does not count writes through `.data`
            changed = changed or not torch.equal(passed_on, output)
        intact = intact and not (changed and passed_on is output)
        overwritten[name] = overwritten.get(name, False) or changed
    return Pass(logits, outputs, first) if intact else None
