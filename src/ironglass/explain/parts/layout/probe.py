"""Probing of a layer's output by changes of the image, which distinguish rows, columns and channels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ironglass.explain.parts.layers import recorded_outputs
from ironglass.explain.parts.layout.lineage import Lineage
from ironglass.explain.parts.layout.passes import entered, responses_of
from ironglass.explain.parts.layout.response import BANDS, LayerGroup, Response
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad

WITNESSES = 3
"""Number of first layers of a group that are measured: their receptive fields are smallest."""


@dataclass
class Probed:
    """Observations from the passes of a few images."""

    groups: list[LayerGroup]
    grids: list[tuple[int, int]]
    """Height and width of the outputs of convolutions."""


def probe(classifier: Classifier, names: Iterable[str], reference: Tensor) -> Probed:
    """The responses of the named layers that run and give a tensor, and of the first layers of their groups.

    One pass of two images where the image's own axes are traced; else also one of one image and one of 2 BANDS, which
    end after the last of the first layers.

    reference: images of the size, type and device to probe with. The caller's random state is unchanged. Raises what
        the network raises for such images.
    """
    base, changed = bands(reference)
    modules = {name: module for name, module in classifier.network.named_modules() if not _scripted(module)}
    devices = [reference.device] if reference.device.type == "cuda" else []
    with torch.random.fork_rng(devices), eval_without_grad(classifier), torch.inference_mode(False), torch.no_grad():
        torch.manual_seed(0)
        traced = _trace(classifier, modules, set(names), base)
        responses: dict[str, Response] = {}
        if traced.last[0]:
            layers = {name: modules[name] for names_ in traced.first.values() for name in names_}
            responses = responses_of(classifier, layers, base, changed, traced.last)
    groups = [
        _image_group(traced, requested)
        if root == traced.image
        else _group(traced, traced.first[root], requested, responses)
        for root, requested in traced.requested.items()
    ]
    return Probed(groups, traced.grids)


@dataclass
class _Trace:
    """Trace of one pass of two images. Layers that share their axes have one root."""

    pair_outputs: dict[str, Response]
    """Output of each layer for two images."""
    requested: dict[int, list[str]]
    """Requested layers by root."""
    first: dict[int, list[str]]
    """First layers by root, without the image's."""
    image: int
    """Root of the image itself; -1 where it is not traced."""
    order: tuple[int, ...]
    """Index of the image's axis (n, c, h, w) for each axis shared with it."""
    last: tuple[str, int]
    """The last of the first layers and its number of runs; "" where there is none."""
    grids: list[tuple[int, int]]
    """Height and width of what convolutions give."""


def _trace(classifier: Classifier, modules: dict[str, nn.Module], names: set[str], base: Tensor) -> _Trace:
    runs: Counter[str] = Counter()

    def count(name: str, output: Tensor) -> Tensor:
        runs[name] += 1
        return output

    def enter(inputs: Any) -> None:
        runs.clear()  # the classifier may run a pass of its own first
        lineage.image = inputs if isinstance(inputs, Tensor) and inputs.ndim == 4 else None

    with Lineage() as lineage, recorded_outputs(modules, count) as outputs, entered(classifier.network, enter):
        classifier(base.repeat(2, 1, 1, 1))  # outputs that do not depend on the image keep their batch size
    families: dict[int, list[str]] = defaultdict(list)
    for name, output in outputs.items():
        families[lineage.root_of(output)[0]].append(name)
    grids = [
        (output.shape[2], output.shape[3])
        for name, output in outputs.items()
        if isinstance(modules[name], nn.Conv2d) and output.ndim == 4
    ]
    pair_outputs = {
        name: Response(tuple(output.shape), axes=lineage.root_of(output)[1], new=lineage.new_axes(output))
        for name, output in outputs.items()
    }
    requested = {root: [name for name in layer_names if name in names] for root, layer_names in families.items()}
    requested = {root: names_of for root, names_of in requested.items() if names_of}
    image, order = lineage.root_of(lineage.image) if lineage.image is not None else (-1, ())
    first = {root: _first(families[root], outputs) for root in requested if root != image}
    last = next((name for name in reversed(outputs) if any(name in layer_names for layer_names in first.values())), "")
    return _Trace(pair_outputs, requested, first, image, order, (last, runs[last]), list(dict.fromkeys(grids)))


def _image_group(traced: _Trace, requested: list[str]) -> LayerGroup:
    """The group of requested layers whose axes are the image's own."""
    batch, pair_outputs = traced.order.index(0), traced.pair_outputs
    return LayerGroup(
        {name: _like(pair_outputs[name], pair_outputs[name].axes[batch], 1) for name in requested},
        requested,
        traced.order,
    )


def _group(traced: _Trace, first: list[str], requested: list[str], responses: dict[str, Response]) -> LayerGroup:
    """The group of requested layers, with the measured responses of its first layers."""
    pair_outputs = traced.pair_outputs
    own_responses = {
        name: replace(pair_outputs[name], **_measured(responses[name])) for name in first if name in responses
    }
    first_response = next(iter(own_responses.values()), Response(()))
    batch_axis = None if first_response.batch is None else first_response.axes.index(first_response.batch)
    for name in requested:
        if name not in own_responses:
            axis = None if batch_axis is None else pair_outputs[name].axes[batch_axis]
            own_responses[name] = _like(pair_outputs[name], axis, first_response.groups)
    return LayerGroup(own_responses, requested, None)


def _measured(response: Response) -> dict[str, Any]:
    names = ("shape", "batch", "groups", "changes")
    return {name: getattr(response, name) for name in names}


def _like(pair_outputs: Response, batch: int | None, groups: int) -> Response:
    """Output of a layer for one image, from its output for two. batch: the axis of images."""
    if batch is None:
        return pair_outputs
    shape = tuple(side // 2 if axis == batch else side for axis, side in enumerate(pair_outputs.shape))
    return replace(pair_outputs, shape=shape, batch=batch, groups=groups)


def bands(reference: Tensor) -> tuple[Tensor, Tensor]:
    """An image (1, c, h, w) of soft patches and noise, and copies (2 BANDS, c, h, w) with one band replaced in each."""
    channels, height, width = reference.shape[1:]
    generator = torch.Generator().manual_seed(0)
    soft = torch.rand(2, channels, min(height, 8), min(width, 8), generator=generator)
    noise = torch.rand(2, channels, height, width, generator=generator)
    images = 0.7 * nn.functional.interpolate(soft, size=(height, width), mode="bilinear") + 0.3 * noise
    base, other = images.clamp(0, 1).to(reference.device, reference.dtype).split(1)
    changed = []
    for axis, length in ((2, height), (3, width)):
        band_of = torch.arange(length, device=reference.device) * BANDS // length
        shape = [1, 1, 1, 1]
        shape[axis] = length
        changed += [torch.where((band_of == band).view(shape), other, base) for band in range(BANDS)]
    return base, torch.cat(changed)


def _scripted(module: nn.Module) -> bool:
    return isinstance(module, torch.jit.ScriptModule)


def _first(names: list[str], outputs: dict[str, Tensor]) -> list[str]:
    """The first few names of different tensors, in the order of running."""
    return list({id(outputs[name]): name for name in reversed(names)}.values())[::-1][:WITNESSES]
