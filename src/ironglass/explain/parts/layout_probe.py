"""How a layer's output answers to changes of the image: what tells its rows, columns and channels apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ironglass.explain.parts.layers import watched
from ironglass.explain.parts.lineage import Lineage
from ironglass.models.classifier import Classifier, frozen

BANDS = 4
"""Bands of the image that are changed one after another, from top to bottom and then from left to right."""
WITNESSES = 3
"""Of layers that share their axes, how many of the first are looked at: they see least of the image at each place."""


@dataclass(frozen=True)
class Response:
    """What one layer gave at its last run, for one image and for BANDS + BANDS changed ones."""

    shape: tuple[int, ...]
    """Of the output for one image."""
    batch: int | None = None
    """The axis along which images lie; None where no single one does."""
    groups: int = 1
    """Entries of that axis an image: 1, or more where the batch is one of windows."""
    changes: Tensor | None = None
    """|output − that of the unchanged image|, (2 BANDS, groups, ...) without the axis of images; None where it was not
    looked at."""
    axes: tuple[int, ...] = ()
    """Which of its axes each of those that its kin share is."""
    new: frozenset[int] = frozenset()
    """Axes whose entries a linear layer has replaced by another number of others."""


@dataclass
class Kin:
    """Layers whose outputs have the same axes, in whatever order."""

    responses: dict[str, Response]
    """Of those asked for and of the first ones, which alone have `changes`, but where the image itself is their kin."""
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

    One pass of two images where the image's own axes come through; else one more of one and one of 2 BANDS, which end
    behind the last of the first layers. like: images of the size, type and device to probe with. Nothing random of the
    caller's is used up. Raises what the network raises for such images.
    """
    base, changed = bands(like)
    modules = {name: module for name, module in classifier.network.named_modules() if not _scripted(module)}
    devices = [like.device] if like.device.type == "cuda" else []
    with torch.random.fork_rng(devices), frozen(classifier), torch.inference_mode(False), torch.no_grad():
        torch.manual_seed(0)
        runs: Counter[str] = Counter()

        def count(name: str, output: Tensor) -> Tensor:
            runs[name] += 1
            return output

        def enter(given: Any) -> None:
            runs.clear()  # a classifier may make a pass of its own first
            lineage.image = given if isinstance(given, Tensor) and given.ndim == 4 else None

        with Lineage() as lineage, watched(modules, count) as outputs, _entered(classifier.network, enter):
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
        wanted = set(names)
        asked = {root: [name for name in of if name in wanted] for root, of in families.items()}
        asked = {root: some for root, some in asked.items() if some}
        image, order = lineage.kin(lineage.image) if lineage.image is not None else (-1, ())
        first = {root: _first(families[root], outputs) for root in asked if root != image}
        last = next((name for name in reversed(outputs) if any(name in of for of in first.values())), "")
        del lineage, outputs
        responses: dict[str, Response] = {}
        if last:
            layers = {name: modules[name] for of in first.values() for name in of}
            responses = _responses(classifier, layers, base, changed, (last, runs[last]))
    kin = []
    for root, some in asked.items():
        if root == image:
            found = {name: _like(made[name], made[name].axes[order.index(0)], 1) for name in some}
        else:
            found = {name: replace(made[name], **_seen(responses[name])) for name in first[root] if name in responses}
            one = next(iter(found.values()), Response(()))
            shared = None if one.batch is None else one.axes.index(one.batch)
            for name in some:
                if name not in found:
                    axis = None if shared is None else made[name].axes[shared]
                    found[name] = _like(made[name], axis, one.groups)
        kin.append(Kin(found, some, order if root == image else None))
    return Probed(kin, list(dict.fromkeys(grids)))


def _seen(response: Response) -> dict[str, Any]:
    names = ("shape", "batch", "groups", "changes")
    return {name: getattr(response, name) for name in names}


def _like(made: Response, batch: int | None, groups: int) -> Response:
    """What a layer gives for one image, from what it gave for two. batch: the axis of images."""
    if batch is None:
        return made
    shape = tuple(side // 2 if axis == batch else side for axis, side in enumerate(made.shape))
    return replace(made, shape=shape, batch=batch, groups=groups)


@contextmanager
def _entered(network: nn.Module, note: Callable[[Any], None]) -> Iterator[None]:
    """Inside, `note` is shown what the network is given before each of its passes."""
    handle = network.register_forward_pre_hook(lambda _module, inputs: note(inputs[0] if inputs else None))
    try:
        yield
    finally:
        handle.remove()


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


class _Enough(BaseException):
    """Ends a pass of which nothing more is wanted; no network takes it for an error of its own."""


def _responses(
    classifier: Classifier, layers: dict[str, nn.Module], base: Tensor, changed: Tensor, last: tuple[str, int]
) -> dict[str, Response]:
    """Copies are kept of the unchanged image's outputs only. last: the layer behind which nothing is wanted, and how
    often it runs."""
    before: dict[str, Tensor] = {}
    found: dict[str, Response] = {}
    parts: dict[str, list[Tensor]] = defaultdict(list)

    def keep(name: str, output: Tensor) -> None:
        before[name] = output.clone()  # what follows may write over it

    def compare(name: str, output: Tensor) -> None:
        if name in before:
            found[name] = _response(before[name], output)

    def collect(name: str, output: Tensor) -> None:
        if name in before and output.shape == before[name].shape:
            parts[name].append((output - before[name]).abs().float().cpu())

    def passed(images: Tensor, note: Callable[[str, Tensor], None]) -> None:
        runs: Counter[str] = Counter()

        def change(name: str, output: Tensor) -> Tensor:
            note(name, output)
            runs[name] += 1
            if runs[last[0]] == last[1]:
                raise _Enough
            return output

        try:
            with watched(layers, change), _entered(classifier.network, lambda _: runs.clear()):
                classifier(images)
        except _Enough:
            pass

    passed(base, keep)
    try:
        passed(changed, compare)
    except (RuntimeError, ValueError, AssertionError):  # too many for the memory, or for a network of a fixed batch
        for one in changed.split(1):
            passed(one, collect)
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
