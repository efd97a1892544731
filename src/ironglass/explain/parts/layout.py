"""Which axes of a layer's output are rows and columns of the image, and which are channels."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ironglass.errors import InputError, Notice
from ironglass.explain.parts.layers import check_ran, find_layers
from ironglass.explain.parts.layout_probe import BANDS, Kin, Response, probe
from ironglass.models.classifier import Classifier
from ironglass.models.exclusive import modules_of

LIKELY = 0.5
"""Correlation, along rows and along columns, of the part of the image that a place sees with where the place lies, from
which a layout that the layer's type speaks for counts as seen. Where nothing moves along with the image it is by
chance."""
SURE = 0.8
"""The same for a layout that nothing else speaks for."""
APART = 0.1
"""How much more the best layout must have than any other of the same axes."""
MANY = 200
"""Places above which it may be less, as chance is."""
RATIO = 1.3
"""How many times as much correlation times spread it must have as one of other axes."""
MOVED = 0.05
"""Spread of the parts seen, in bands, below which all places see the image alike and none is told apart."""
CLEAR = 0.25
"""Spread from which a layout that nothing moves along with is contradicted."""
PREFIX = 16
"""Tokens beside those of the image (class, distillation, registers) of which a network need not tell."""
ASPECT = 2.0
"""How far the shape of rows and columns may be from the image's, as a factor, where the image's own axes do not come
through."""

SPATIAL = (nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d, nn.BatchNorm2d, nn.Upsample, nn.Dropout2d)
SPATIAL += (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.PixelShuffle, nn.LPPool2d, nn.ZeroPad2d, nn.ReflectionPad2d)
"""Layers that work on (n, c, h, w) alone. A hint only: their rows need not be those of the image."""


@dataclass(frozen=True)
class Layout:
    """How an output becomes maps, (n, c, h, w).

    batch: the axis of images. space: that of rows and that of columns; or one axis of tokens, laid out on `grid` (h, w)
    row by row once `extra` of them from position `start` on are left out. What other axes there are, are channels.
    shape: the output's for one image.
    """

    shape: tuple[int, ...]
    batch: int
    space: tuple[int, ...]
    grid: tuple[int, int] = (0, 0)
    start: int = 0
    extra: int = 0

    def __call__(self, output: Tensor) -> Tensor:
        """Maps of an output, or of its gradient, which lies alike; a view of it where that can be."""
        if self.space == (2, 3) and self.batch == 0 and len(self.shape) == 4:
            return output
        channels = [axis for axis in range(len(self.shape)) if axis != self.batch and axis not in self.space]
        maps = output.permute(self.batch, *channels, *self.space)
        if len(channels) != 1:
            maps = maps.flatten(1, len(channels)) if channels else maps.unsqueeze(1)
        if len(self.space) == 2:
            return maps
        end = maps.shape[2] - self.extra
        if self.extra and self.start in (0, end):
            maps = maps[:, :, self.extra :] if self.start == 0 else maps[:, :, :end]
        elif self.extra:
            maps = torch.cat((maps[:, :, : self.start], maps[:, :, self.start + self.extra :]), 2)
        return maps.unflatten(2, self.grid)

    @property
    def single(self) -> bool:
        """Whether there is one place only."""
        return self.grid == (1, 1) if len(self.space) == 1 else all(self.shape[axis] == 1 for axis in self.space)

    def check(self, name: str, output: Tensor, n: int) -> None:
        """Raises InputError where an output for `n` images has not the shape that was seen."""
        expected = (*self.shape[: self.batch], n, *self.shape[self.batch + 1 :])
        if output.shape != expected:
            raise InputError(
                f"layer {name!r} gives {tuple(output.shape)} for {n} images, and for others of this size "
                f"{expected}: where its places lie cannot be told; choose another layer"
            )


class Unlaid(str):
    """Why a layer's output cannot be laid out as maps."""

    over_no_image = False
    """Whether the output has nothing to do with the image, as a position embedding's."""


Found = dict[str, Layout | Unlaid]
_known: WeakKeyDictionary[nn.Module, tuple[tuple, dict[tuple, Found]]] = WeakKeyDictionary()


def layouts_of(classifier: Classifier, layers: dict[str, nn.Module], images: Tensor) -> Found:
    """The layout of each layer that runs and gives a tensor, or why there is none.

    Not read off the layer's type. Where only convolutions and the like lie between the image and the layer, its axes
    are the image's. Elsewhere they are seen: bands of an image are changed one after another, and the axes along which
    the change of the output moves with the band are rows and columns. Layers between which every place stays where it
    is share what is seen of the first of them. Once for each size of images. images: of the size, type and device in
    question, (n, c, h, w).
    """
    network = classifier.network
    modules = tuple(map(id, modules_of(network)))
    before, by_size = _known.get(network, ((), {}))
    if before != modules:  # a layer was exchanged since
        by_size = {}
        _known[network] = (modules, by_size)
    known = by_size.setdefault((tuple(images.shape[1:]), images.dtype, images.device), {})
    if missing := layers.keys() - known.keys():
        size = (images.shape[2], images.shape[3])
        probed = probe(classifier, missing, images[:1])
        wide, stated = size[1] / size[0], declared(network, size)
        grids = [grid for grid in dict.fromkeys([*probed.grids, *_regular(size)]) if _like_image(*grid, wide)]
        named = dict(network.named_modules())
        for kin in probed.kin:
            hints = {name: _hint(one, named[name], stated) for name, one in kin.responses.items()}
            known |= decide(kin, hints, grids, wide)
    return {name: known[name] for name in layers if name in known}


def laid_layers(
    classifier: Classifier, names: Sequence[str] | None, images: Tensor
) -> tuple[dict[str, nn.Module], dict[str, Layout]]:
    """The named layers with their layouts; without names all that are usual, run, and lie over the image.

    A Notice names those of the usual ones that may lie over the image and cannot be laid out. Raises InputError for a
    named layer that does not exist, does not run, or cannot be laid out, and where no layer can.
    """
    layers = find_layers(classifier.network, names)
    found = layouts_of(classifier, layers, images)
    check_ran(names, found)
    unlaid = {name: why for name, why in found.items() if isinstance(why, Unlaid)}
    for name in names or ():
        if name in unlaid:
            raise refused(name, unlaid[name])
    laid = {name: layout for name, layout in found.items() if isinstance(layout, Layout)}
    if not laid:
        raise refused(*next(iter(unlaid.items())))
    if left_out := {name: why for name, why in unlaid.items() if not why.over_no_image}:
        name, why = next(iter(left_out.items()))
        more = f", and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        warnings.warn(Notice(f"left out of the layers explained: {name!r}, which {why}{more}"), stacklevel=4)
    return {name: layers[name] for name in laid}, laid


def refused(name: str, why: Unlaid) -> InputError:
    """The refusal of a layer by name."""
    return InputError(f"layer {name!r} {why}: this needs maps, (n, c, h, w); choose another layer, or occlusion")


def declared(network: nn.Module, size: tuple[int, int]) -> tuple[tuple[int, int], int] | None:
    """The grid and number of prefix tokens that a transformer of timm states, for images of `size`."""
    patches: Any = getattr(network, "patch_embed", None)
    prefix = getattr(network, "num_prefix_tokens", None)
    if getattr(patches, "grid_size", None) is None or not isinstance(prefix, int):
        return None
    grid = patches.dynamic_feat_size(size) if hasattr(patches, "dynamic_feat_size") else patches.grid_size
    return (int(grid[0]), int(grid[1])), prefix


def decide(kin: Kin, hints: dict[str, Layout | None], grids: list[tuple[int, int]], wide: float) -> Found:
    """The layout of each layer asked for among those that share their axes, or why there is none.

    hints: what the layers' types say. grids: (h, w) that tokens may lie on. wide: the image's width over its height.
    """
    if kin.of_image is not None:
        rows, columns = kin.of_image.index(2), kin.of_image.index(3)
        return {name: _of_image(kin.responses[name], (rows, columns)) for name in kin.names}
    seen = {name: one for name, one in kin.responses.items() if one.changes is not None and not _no_maps(one)}
    shared = _shared(seen, hints, grids, wide)
    moved = any(one.changes is not None and one.changes.any() for one in seen.values())
    found: Found = {}
    for name in kin.names:
        response = kin.responses[name]
        found[name] = _no_maps(response) or _own(response, hints[name], shared, moved)
    return found


def _of_image(response: Response, space: tuple[int, ...]) -> Layout | Unlaid:
    """space: which of the shared axes are rows and columns."""
    own = tuple(response.axes[axis] for axis in space)
    if response.new & set(own):
        return Unlaid(f"gives {response.shape} for one image, of which an axis mixes places of the image")
    return Layout(response.shape, response.batch or 0, own)


def _no_maps(response: Response) -> Unlaid | None:
    shape = response.shape
    if response.batch is None:
        why = Unlaid(f"gives {shape} whatever the number of images, and so does not lie over the image")
        why.over_no_image = True
        return why
    if response.groups > 1:
        return Unlaid(f"gives {shape} for one image: its batch is one of windows or parts, not of images")
    return Unlaid(f"gives {shape} for one image, which has no places") if len(shape) < 3 else None


def _shared(
    responses: dict[str, Response], hints: dict[str, Layout | None], grids: list[tuple[int, int]], wide: float
) -> Layout | None:
    """The layout that is seen most clearly in one of the layers; else what the network states of its tokens, unless
    that is contradicted."""
    best: tuple[float, Layout | None] = (0.0, None)
    stated: Layout | None = None
    contradicted = False
    for name, response in responses.items():
        changes, hint = Changes(response), hints[name]
        own, spread = _score(hint, changes) if hint is not None else (0.0, 0.0)
        if hint is not None and (own >= SURE + APART or hint.single):
            return _in_common(hint, response)
        seen, score = _seen(_candidates(response, grids, wide), changes)
        if hint is not None and own >= LIKELY and (seen is None or own >= score - 2 * APART):
            seen, score = hint, own
        if seen is not None and score > best[0]:
            best = score, _in_common(seen, response)
        if hint is not None and stated is None:
            stated = _in_common(hint, response)
        if hint is not None and own < LIKELY:
            contradicted = contradicted or spread >= CLEAR or len(hint.space) == 2
    return best[1] if best[1] is not None or contradicted else stated


def _in_common(layout: Layout, response: Response) -> Layout:
    """The layout of one response, in the order of the axes that its kin share."""
    order = response.axes
    space = tuple(order.index(axis) for axis in layout.space)
    shape = tuple(response.shape[axis] for axis in order)
    return replace(layout, shape=shape, batch=order.index(layout.batch), space=space)


def _seen(candidates: list[Layout], changes: Changes) -> tuple[Layout | None, float]:
    """The candidate that the changes speak for, and its correlation; None where they do not single out one.

    Parts of the image are seen furthest apart along the axes that are its rows and columns: between candidates of
    different axes, correlation times spread decides, between those of the same axes correlation.
    """
    scored = [(candidate, *_score(candidate, changes)) for candidate in candidates]
    if not scored:
        return None, 0.0
    seen, score, spread = max(scored, key=lambda one: max(one[1], 0) * one[2])
    places = math.prod(seen.shape[axis] for axis in seen.space)
    margin = APART / max(1, places / MANY)
    for other, its, moved in scored:
        if other.space == seen.space and other != seen and its > score:
            seen, score, spread = other, its, moved
    for other, its, moved in scored:
        if _same(other, seen) or its <= 0:
            continue
        near = its > score - margin if other.space == seen.space else its * moved * RATIO > score * spread
        if near:
            return None, 0.0
    return (seen, score) if score >= SURE else (None, 0.0)


def _own(response: Response, hint: Layout | None, shared: Layout | None, moved: bool) -> Layout | Unlaid:
    """What the layout of its kin makes of one layer's output. shared: in the order of the axes that they share. moved:
    whether anything of them changes with the image."""
    shape, text = response.shape, f"gives {response.shape} for one image"
    if shared is not None and response.batch == response.axes[shared.batch]:
        space = tuple(response.axes[axis] for axis in shared.space)
        fits = len(space) == 2 or shape[space[0]] == shared.shape[shared.space[0]]
        if response.new & set(space):
            return Unlaid(f"{text}, of which an axis mixes places of the image")
        if fits:
            return replace(shared, shape=shape, batch=response.batch or 0, space=space)
    if hint is not None and hint.single:
        return hint
    if not moved:
        why = Unlaid(f"{text}, and the same for any image")
        why.over_no_image = True
        return why
    return Unlaid(f"{text}, of which no axes can be seen to follow the image’s rows and columns")


def _hint(response: Response, module: nn.Module, stated: tuple[tuple[int, int], int] | None) -> Layout | None:
    """What the layer's type, or the network's own statement on its tokens, makes of the output."""
    shape, batch = response.shape, response.batch
    if isinstance(module, SPATIAL) and len(shape) == 4 and batch == 0:
        return Layout(shape, 0, (2, 3))
    if stated is not None and len(shape) == 3 and batch == 0:
        (height, width), prefix = stated
        if shape[1] - height * width in (0, prefix):
            return Layout(shape, 0, (1,), (height, width), 0, shape[1] - height * width)
    return None


def _candidates(response: Response, grids: list[tuple[int, int]], wide: float) -> list[Layout]:
    """Every two axes as rows and columns, and every axis as tokens on each grid that they can fill."""
    shape, batch = response.shape, response.batch or 0
    axes = [axis for axis in range(len(shape)) if axis != batch]
    pairs = itertools.permutations(axes, 2)
    found = [Layout(shape, batch, pair) for pair in pairs if _like_image(shape[pair[0]], shape[pair[1]], wide)]
    for axis, grid in itertools.product(axes, grids):
        tokens = grid[0] * grid[1]
        extra = shape[axis] - tokens
        if 0 <= extra <= PREFIX and extra < tokens and min(grid) > 1:
            starts = {0, tokens, tokens // 2} if extra else {0}
            found += [Layout(shape, batch, (axis,), grid, start, extra) for start in sorted(starts)]
    return found


def _score(candidate: Layout, changes: Changes) -> tuple[float, float]:
    """The lesser correlation along rows and columns of more than one, 0 where all places see the same part of the
    image; and the lesser spread of the parts seen, in bands."""
    maps = changes.over(candidate)
    scores, spreads = [], []
    for bands, axis in ((maps[:BANDS], 0), (maps[BANDS:], 1)):
        length, total = bands.shape[1 + axis], bands.sum(0)
        if length == 1:
            continue
        seen = total > 1e-4 * total.max()
        parts = ((torch.arange(BANDS).double()[:, None, None] * bands).sum(0) / total.clamp_min(1e-300))[seen]
        spread = float(parts.std(unbiased=False)) if parts.numel() > 1 else 0.0
        place = torch.arange(length).double().view((-1, 1) if axis == 0 else (1, -1)).expand_as(total)[seen]
        scores.append(_correlation(parts, place) if spread > MOVED else 0.0)
        spreads.append(spread)
    if len(scores) < 2:  # along one axis alone much can look alike by chance
        return (scores[0] - APART if scores[0] >= SURE + APART else 0.0, spreads[0]) if scores else (0.0, 0.0)
    return min(scores), min(spreads)


class Changes:
    """The changes of one response, summed over all axes but those of a candidate's places; each sum is made once."""

    def __init__(self, response: Response) -> None:
        self._batch = response.batch or 0
        # the bands stand where the axis of images was
        changes = torch.zeros(0) if response.changes is None else response.changes
        self._all = changes.squeeze(1).movedim(0, self._batch)
        self._sums: dict[tuple[int, ...], Tensor] = {}

    def over(self, candidate: Layout) -> Tensor:
        """(2 BANDS, h, w)."""
        kept = tuple(sorted((self._batch, *candidate.space)))
        if kept not in self._sums:
            others = [axis for axis in range(self._all.ndim) if axis not in kept]
            summed = self._all.sum(others, keepdim=True) if others else self._all
            self._sums[kept] = summed.double()
        return candidate(self._sums[kept]).sum(1)


def _correlation(first: Tensor, second: Tensor) -> float:
    first, second = first - first.mean(), second - second.mean()
    size = first.norm() * second.norm()
    return float(first @ second / size) if size > 1e-9 else 0.0


def _same(first: Layout, second: Layout) -> bool:
    """Whether two layouts give the same maps: axes of length 1 may change places."""
    if len(first.space) == 1 or len(second.space) == 1:
        return first == second
    long = [[axis for axis in one.space if one.shape[axis] > 1] for one in (first, second)]
    sides = [[one.shape[axis] for axis in one.space] for one in (first, second)]
    return long[0] == long[1] and sides[0] == sides[1]


def _regular(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Grids of square patches over an image."""
    height, width = size
    sides = range(1, min(height, width) + 1)
    down = [(height // side, width // side) for side in sides]
    return [*down, *((-(-height // side), -(-width // side)) for side in sides)]


def _like_image(height: int, width: int, wide: float) -> bool:
    """Whether a grid has about the shape of the image, whose width over its height is `wide`."""
    return min(height, width) > 0 and 1 / ASPECT <= width / height / wide <= ASPECT
