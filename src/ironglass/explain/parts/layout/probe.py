"""Probing of a layer's output by changes of the image, which tell rows, columns and channels apart."""

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
from ironglass.explain.parts.layout.response import BANDS, Kin, Response
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen

WITNESSES = 3
"""Of layers that share their axes, how many of the first are looked at: they see least of the image at each place."""


@dataclass
class Probed:
    """Observations from the passes of a few images."""

    kin: list[Kin]
    grids: list[tuple[int, int]]
    """Height and width of what convolutions give."""


def probe(classifier: Classifier, names: Iterable[str], like: Tensor) -> Probed:
    """The responses of the named layers that run and give a tensor, and of the first ones that share their axes.

    One pass of two images where the image's own axes come through; else one more of one and one of 2 BANDS, which end
    behind the last of the first layers.

    like: images of the size, type and device to probe with. Nothing random of the caller's is used up. Raises what the
        network raises for such images.
    """
    base, changed = bands(like)
    modules = {name: module for name, module in classifier.network.named_modules() if not _scripted(module)}
    devices = [like.device] if like.device.type == "cuda" else []
    with torch.random.fork_rng(devices), frozen(classifier), torch.inference_mode(False), torch.no_grad():
        torch.manual_seed(0)
        traced = _trace(classifier, modules, set(names), base)
        responses: dict[str, Response] = {}
        if traced.last[0]:
            layers = {name: modules[name] for of in traced.first.values() for name in of}
            responses = responses_of(classifier, layers, base, changed, traced.last)
    kin = [
        _kin_of_image(traced, asked) if root == traced.image else _kin(traced, traced.first[root], asked, responses)
        for root, asked in traced.asked.items()
    ]
    return Probed(kin, traced.grids)


@dataclass
class _Trace:
    """Trace of one pass of two images: the axes that layers share; those that share them have one root."""

    made: dict[str, Response]
    """What each layer gave, for two images."""
    asked: dict[int, list[str]]
    """By root, the layers asked for."""
    first: dict[int, list[str]]
    """By root, where that is not the image, the first layers of all."""
    image: int
    """The root of the image itself, -1 where it is not known."""
    order: tuple[int, ...]
    """Which of its axes (n, c, h, w) each of those shared with the image is."""
    last: tuple[str, int]
    """The last of the first layers and how often it runs; "" where there is none."""
    grids: list[tuple[int, int]]
    """Height and width of what convolutions give."""


def _trace(classifier: Classifier, modules: dict[str, nn.Module], names: set[str], base: Tensor) -> _Trace:
    runs: Counter[str] = Counter()

    def count(name: str, output: Tensor) -> Tensor:
        runs[name] += 1
        return output

    def enter(given: Any) -> None:
        runs.clear()  # a classifier may make a pass of its own first
        lineage.image = given if isinstance(given, Tensor) and given.ndim == 4 else None

    with Lineage() as lineage, recorded_outputs(modules, count) as outputs, entered(classifier.network, enter):
        classifier(base.repeat(2, 1, 1, 1))  # what is made of no image keeps another shape than what is
    families: dict[int, list[str]] = defaultdict(list)
    for name, output in outputs.items():
        families[lineage.kin(output)[0]].append(name)
    grids = [
        (output.shape[2], output.shape[3])
        for name, output in outputs.items()
        if isinstance(modules[name], nn.Conv2d) and output.ndim == 4
    ]
    made = {
        name: Response(tuple(output.shape), axes=lineage.kin(output)[1], new=lineage.new_axes(output))
        for name, output in outputs.items()
    }
    asked = {root: [name for name in of if name in names] for root, of in families.items()}
    asked = {root: some for root, some in asked.items() if some}
    image, order = lineage.kin(lineage.image) if lineage.image is not None else (-1, ())
    first = {root: _first(families[root], outputs) for root in asked if root != image}
    last = next((name for name in reversed(outputs) if any(name in of for of in first.values())), "")
    return _Trace(made, asked, first, image, order, (last, runs[last]), list(dict.fromkeys(grids)))


def _kin_of_image(traced: _Trace, asked: list[str]) -> Kin:
    """The layers asked for whose axes are the image's own."""
    batch, made = traced.order.index(0), traced.made
    return Kin({name: _like(made[name], made[name].axes[batch], 1) for name in asked}, asked, traced.order)


def _kin(traced: _Trace, first: list[str], asked: list[str], responses: dict[str, Response]) -> Kin:
    """The layers asked for with the first of those that share their axes, whose responses tell of all."""
    made = traced.made
    found = {name: replace(made[name], **_seen(responses[name])) for name in first if name in responses}
    one = next(iter(found.values()), Response(()))
    shared = None if one.batch is None else one.axes.index(one.batch)
    for name in asked:
        if name not in found:
            axis = None if shared is None else made[name].axes[shared]
            found[name] = _like(made[name], axis, one.groups)
    return Kin(found, asked, None)


def _seen(response: Response) -> dict[str, Any]:
    names = ("shape", "batch", "groups", "changes")
    return {name: getattr(response, name) for name in names}


def _like(made: Response, batch: int | None, groups: int) -> Response:
    """Output of a layer for one image, from its output for two. batch: the axis of images."""
    if batch is None:
        return made
    shape = tuple(side // 2 if axis == batch else side for axis, side in enumerate(made.shape))
    return replace(made, shape=shape, batch=batch, groups=groups)


def bands(like: Tensor) -> tuple[Tensor, Tensor]:
    """An image (1, c, h, w) of soft patches and noise, and copies (2 BANDS, c, h, w) with one band of others each."""
    channels, height, width = like.shape[1:]
    generator = torch.Generator().manual_seed(0)
    soft = torch.rand(2, channels, min(height, 8), min(width, 8), generator=generator)
    noise = torch.rand(2, channels, height, width, generator=generator)
    images = 0.7 * nn.functional.interpolate(soft, size=(height, width), mode="bilinear") + 0.3 * noise
    base, other = images.clamp(0, 1).to(like.device, like.dtype).split(1)
    changed = []
    for axis, length in ((2, height), (3, width)):
        at = torch.arange(length, device=like.device) * BANDS // length
        shape = [1, 1, 1, 1]
        shape[axis] = length
        changed += [torch.where((at == band).view(shape), other, base) for band in range(BANDS)]
    return base, torch.cat(changed)


def _scripted(module: nn.Module) -> bool:
    return isinstance(module, torch.jit.ScriptModule)


def _first(names: list[str], outputs: dict[str, Tensor]) -> list[str]:
    """The first few names of different tensors, in the order of running."""
    return list({id(outputs[name]): name for name in reversed(names)}.values())[::-1][:WITNESSES]
