"""Class activation maps: sums of a layer's channels, weighted by gradients, all layers from one pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, nn

from ironglass.engine.folding.fold import FoldedOffset, offsets_of
from ironglass.errors import Notice
from ironglass.explain.parts.activations import pass_through
from ironglass.explain.parts.gradient import chunk_size, score_of
from ironglass.explain.parts.layers import check_ran
from ironglass.explain.parts.layout import Layout, layers_with_layouts
from ironglass.models.backward import differentiate
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.exclusive import exclusive
from ironglass.models.reading.forward_pass import at_least_float32
from ironglass.types import Images, Labels, Maps

Combine: TypeAlias = Callable[[Tensor, Tensor, FoldedOffset | None], Tensor]
"""Function of a layer's output (n, c, h, w), the gradient of the score with respect to it, and, inside `folded`, the
offset by which the output differs from the layer's own: its map (n, h, w)."""


def by_channel(weigh: Callable[[Tensor, Tensor], Tensor]) -> Combine:
    """The sum of the channels by one weight each: `weigh(output, gradient)`, (n, c).

    Inside `folded` the weights must be linear in the gradient and independent of the output.
    """

    def combine(output: Tensor, gradient: Tensor, offset: FoldedOffset | None) -> Tensor:
        weights = weigh(output, gradient)
        maps = torch.bmm(weights[:, None], output.flatten(2)).unflatten(2, output.shape[2:])[:, 0]
        return maps if offset is None else maps - (weights @ offset.shift)[:, None, None]

    return combine


def class_activation_maps(
    classifier: Classifier,
    images: Images,
    targets: Labels,
    names: tuple[str, ...] | None,
    combine: Combine,
    within: Callable[[Classifier], AbstractContextManager[Classifier]] = eval_without_grad,
) -> dict[str, Maps]:
    """Each layer's `combine` of its output and gradient, by one forward and one backward pass: (n, 1, h', w').

    within: `eval_without_grad`, or `folded` where `combine` takes account of the offset.
    """
    with exclusive(classifier.network):
        layers, layouts = layers_with_layouts(classifier, names, images)
        # each layer's own output comes on top of what autograd keeps
        size = chunk_size(classifier, images[:1], len(images))
        with within(classifier), torch.no_grad():
            images, targets = images.detach(), targets.to(images.device)
            chunks = zip(images.split(size), targets.split(size), strict=True)
            parts = [_maps_of(classifier, *chunk, layers, layouts, combine) for chunk in chunks]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _maps_of(
    classifier: Classifier,
    images: Images,
    targets: Labels,
    layers: dict[str, nn.Module],
    layouts: dict[str, Layout],
    combine: Combine,
) -> dict[str, Maps]:
    """`class_activation_maps` of one chunk of images that fits into memory."""
    outputs: dict[str, Tensor] = {}
    maps: dict[str, Tensor] = {}
    offsets: dict[nn.Conv2d, FoldedOffset] = {}

    def note(name: str, gradient: Tensor | None) -> None:
        if gradient is not None:
            gradient = at_least_float32(layouts[name](gradient))
            maps[name] = combine(outputs[name], gradient, offsets.get(cast(Any, layers[name])))[:, None]

    with torch.inference_mode(False), torch.enable_grad():
        done = pass_through(classifier, images.clone(), layers)  # clones are out of inference mode
        offsets |= offsets_of(classifier)
        check_ran(layers, done.outputs)
        for name, output in done.outputs.items():
            layouts[name].check(name, output, len(images))
            outputs[name] = at_least_float32(layouts[name](output.detach()))
            # combined at once, so that no more than one layer's gradient is held
            output.register_hook(partial(note, name))
        differentiate(score_of(done.logits, targets.clone()), done.first)
    if cut_off := [name for name in outputs if name not in maps]:
        names = ", ".join(cut_off[:3]) + (f" and {len(cut_off) - 3} more" if len(cut_off) > 3 else "")
        text = (
            f"no gradient of the logits reaches {names}: it is cut off, or the logits do not depend on it; its map is 0"
        )
        warnings.warn(Notice(text), stacklevel=2)
    return {
        name: maps[name] if name in maps else output.new_zeros(len(output), 1, *output.shape[2:])
        for name, output in outputs.items()
    }
