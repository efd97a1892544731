"""How a layer's output answers to changes of the image: what tells its rows, columns and channels apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ironglass.explain.layers import watched
from ironglass.explain.lineage import Lineage
from ironglass.models.classifier import Classifier, frozen

BANDS = 4
"""Bands of the image that are changed one after another, from top to bottom and then from left to right."""
WITNESSES = 3
"""Of layers that share their axes, how many of the first, which see least of the image, are looked at beside those
asked for."""


@dataclass(frozen=True)
class Response:
    """What one layer gave at its last run, for one image and for BANDS + BANDS changed ones."""

    shape: tuple[int, ...]
    """Of the output for one image."""
    batch: int | None = None
    """The axis along which images lie; None where no single one does."""
    groups: int = 1
    """Entries of that axis an image: 1, or more where the batch is one of windows."""
    changes: Tensor = field(default_factory=lambda: torch.zeros(0))
    """|output − that of the unchanged image|, (2 BANDS, groups, ...) without the axis of images."""
    axes: tuple[int, ...] = ()
    """Which of its axes each of those that its kin share is."""
    new: frozenset[int] = frozenset()
    """Axes whose entries a linear layer has replaced by another number of others."""


@dataclass
class Kin:
    """Layers whose outputs have the same axes, in whatever order."""

    responses: dict[str, Response]
    """Of those asked for and of the first ones; without `changes` where the image itself is their kin."""
    names: list[str]
    """Those asked for."""
    of_image: tuple[int, ...] | None
    """Where the image itself is their kin, which of its axes (n, c, h, w) each of those shared is."""


@dataclass
class Probed:
    """What the passes of a few images showed."""

    kin: list[Kin]
    grids: list[tuple[int, int]]
    """Height and width of what convolutions give."""


def probe(classifier: Classifier, names: Iterable[str], like: Tensor) -> Probed:
    """The responses of the named layers that run and give a tensor, and of the first ones that share their axes.

    One pass of two images where the image's own axes come through, else one more of one and one of 2 BANDS. like:
    images of the size, type and device to probe with. Nothing random of the caller's is used up. Raises what the
    network raises for one such image.
    """
    base, changed = bands(like)
    modules = {name: module for name, module in classifier.network.named_modules() if not _scripted(module)}
    devices = [like.device] if like.device.type == "cuda" else []
    with torch.random.fork_rng(devices), frozen(classifier), torch.inference_mode(False), torch.no_grad():
        torch.manual_seed(0)
        with Lineage() as lineage, watched(modules, lambda _, output: output) as outputs:
            twice = base.repeat(2, 1, 1, 1)  # what is made of no image keeps another shape than what is
            lineage.image = twice
            classifier(twice)
        families: dict[int, list[str]] = defaultdict(list)
        about: dict[str, dict[str, Any]] = {}
        for name, output in outputs.items():
            root, axes = lineage.kin(output)
            families[root].append(name)
            about[name] = {"axes": axes, "new": lineage.new_axes(output)}
        grids = [
            (output.shape[2], output.shape[3])
            for name, output in outputs.items()
            if isinstance(modules[name], nn.Conv2d) and output.ndim == 4
        ]
        wanted = set(names)
        asked = [(of, [name for name in of if name in wanted]) for of in families.values()]
        asked = [(of, some) for of, some in asked if some]
        own, order = lineage.kin(twice)
        batch = {name: about[name]["axes"][order.index(0)] for name in families.get(own, ())}
        shapes = {name: _alone(outputs[name].shape, axis) for name, axis in batch.items()}
        chosen = {name for of, some in asked for name in (*_first(of, outputs), *some)} - shapes.keys()
        del lineage, outputs
        responses = {name: Response(shape, batch[name]) for name, shape in shapes.items()}
        if chosen:
            layers = {name: module for name, module in modules.items() if name in chosen}
            responses |= _responses(classifier, layers, base, changed)
    kin = []
    for of, some in asked:
        found = {name: responses[name] for name in of if name in responses}
        found = {name: replace(one, **about[name]) for name, one in found.items()}
        kin.append(Kin(found, [name for name in some if name in found], order if of[0] in shapes else None))
    return Probed(kin, list(dict.fromkeys(grids)))


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


def _alone(shape: torch.Size, batch: int) -> tuple[int, ...]:
    """The shape for one image."""
    return tuple(1 if axis == batch else side for axis, side in enumerate(shape))


def _scripted(module: nn.Module) -> bool:
    return isinstance(module, torch.jit.ScriptModule)


def _first(names: list[str], outputs: dict[str, Tensor]) -> list[str]:
    """The first few names of different tensors, in the order of running."""
    return list({id(outputs[name]): name for name in reversed(names)}.values())[::-1][:WITNESSES]


def _responses(
    classifier: Classifier, layers: dict[str, nn.Module], base: Tensor, changed: Tensor
) -> dict[str, Response]:
    """Copies are kept of the unchanged image's outputs only."""
    before: dict[str, Tensor] = {}
    found: dict[str, Response] = {}

    def keep(name: str, output: Tensor) -> Tensor:
        before[name] = output.clone()  # what follows may write over it
        return output

    def compare(name: str, output: Tensor) -> Tensor:
        if name in before:
            found[name] = _response(before[name], output)
        return output

    with watched(layers, keep):
        classifier(base)
    try:
        with watched(layers, compare):
            classifier(changed)
    except (RuntimeError, ValueError, AssertionError):  # too many for the memory, or for a network of a fixed batch
        parts: dict[str, list[Tensor]] = defaultdict(list)

        def collect(name: str, output: Tensor) -> Tensor:
            if name in before and output.shape == before[name].shape:
                parts[name].append((output - before[name]).abs().float().cpu())
            return output

        for one in changed.split(1):
            with watched(layers, collect):
                classifier(one)
        found = {name: _apart(before[name], parts[name]) for name in before}
    return found


def _response(before: Tensor, after: Tensor) -> Response:
    shape, count = tuple(before.shape), 2 * BANDS
    grown = [axis for axis, (old, new) in enumerate(zip(shape, after.shape, strict=False)) if old != new]
    if after.ndim != len(shape) or len(grown) != 1 or after.shape[grown[0]] != count * shape[grown[0]]:
        return Response(shape)
    axis = grown[0]
    entries = after.movedim(axis, 0).unflatten(0, (count, shape[axis]))
    changes = (entries - before.movedim(axis, 0)).abs().float()
    return Response(shape, axis, shape[axis], changes.nan_to_num(0, 0, 0).cpu())


def _apart(before: Tensor, changes: list[Any]) -> Response:
    """Of images that were passed one at a time; the first axis is taken for that of images where its length is 1."""
    shape = tuple(before.shape)
    if not shape or shape[0] != 1 or len(changes) != 2 * BANDS:
        return Response(shape)
    return Response(shape, 0, 1, torch.stack(changes).nan_to_num(0, 0, 0))
