"""Occlusion without repeating what the patch does not change: exact, window by window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any, cast

import torch
from torch import Tensor, fx

from ironglass.explain.cut import Apart, Plan, felt_along, needed, normalised, plan_occlusion
from ironglass.explain.graph import run_node
from ironglass.explain.windows import Region, Span, gathered, patches, source_index
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Logits

# Bytes of the largest tensor of one chunk on the CPU, where larger ones get fresh memory from the system each time;
# about four live at a time.
LIMIT = 2**24

# The same for the second part, whose layers read what the one before has just written (docs/experiments.md).
CACHED = 3 * 2**22

# How many times as many on other devices, which need large chunks to be busy.
ELSEWHERE = 8

# Groups of places along a side, by how far they are from the border, and places that each must have: the windows of
# fewer are slower, place by place, than what they save (docs/experiments.md).
GROUPS, FEW = 3, 8

Maps = dict[fx.Node, Any]
Routes = dict[tuple[fx.Node, fx.Node | None], Tensor | None]
Plans = list[tuple[Plan, Tensor]]


def plans_of(apart: Apart, rows: Tensor, columns: Tensor) -> Plans:
    """For groups of places, that is of pairs of a row and a column, row by row: how to compute theirs, and their
    positions. rows, columns: int64 (p, 2), first and last-plus-one pixel of the patch along each side."""
    felt = [felt_along(apart, spans, axis) for axis, spans in enumerate((rows, columns))]
    sides = [
        [(group, _at(found, group)) for group in _by_distance(spans)]
        for found, spans in zip(felt, (rows, columns), strict=True)
    ]
    return [
        (plan_occlusion(apart, high, wide), (down[:, None] * len(columns) + across).flatten())
        for (down, high), (across, wide) in product(*sides)
    ]


def occluded_logits(
    apart: Apart, plans: Plans, classifier: Classifier, images: Images, filling: Images, chunk: int
) -> Iterator[tuple[int, Tensor, Logits]]:
    """The logits of each image at each place: (position of the image, positions of the places, logits), by chunks.

    filling: what shows where the patch is, like images. chunk: places at a time, fewer where they need more memory.
    """
    times = 1 if images.device.type == "cpu" else ELSEWHERE
    given = [[normalised(classifier, every[i : i + 1]) for every in (images, filling)] for i in range(len(images))]
    maps = [_whole_maps(apart, [plan for plan, _ in plans], image) for image, _ in given]
    for plan, numbers in plans:
        some = times * CACHED // (4 * plan.whole)
        step = _evenly(len(numbers), min(chunk, times * LIMIT // (4 * plan.elements)))
        sizes = (len(span.first) for span in plan.spans[plan.start])
        places = torch.cartesian_prod(*(torch.arange(size, device=images.device) for size in sizes))
        for part, which in zip(places.split(step), numbers.split(step), strict=True):
            routes = _routes(plan, part)
            for i, ((image, fill), whole) in enumerate(zip(given, maps, strict=True)):
                patched = patches(plan.spans[plan.start], image, fill, part)
                yield i, which, _logits(plan, routes, whole, patched, some)


def _at(felt: dict[fx.Node, Span], positions: Tensor) -> dict[fx.Node, Span]:
    """Of some of the places; spans that were one remain one, so that nothing is read twice."""
    known = {id(span): span.at(positions) for span in felt.values()}
    return {node: known[id(span)] for node, span in felt.items()}


def _by_distance(spans: Tensor) -> list[Tensor]:
    """The positions along a side in groups, those near the border apart: there less of a map feels the patch, on
    either side alike."""
    position = torch.arange(len(spans), device=spans.device)
    distance = torch.minimum(position, position.flip(0))
    groups = max(1, min(GROUPS, len(spans) // FEW))
    group = distance * 2 * groups // (len(spans) + 1)
    found = (torch.nonzero(group == number)[:, 0] for number in range(groups))
    return [positions for positions in found if len(positions)]


def _routes(plan: Plan, places: Tensor) -> Routes:
    """For each step and input, and for each map that is handed over, where its pixels come from."""
    routes: Routes = {}
    for node, slide in plan.steps:
        read = needed(slide, plan.spans[node])
        for before in node.all_input_nodes:
            if before in plan.spans:
                routes[node, before] = source_index(plan.spans[before], read, places)
    for node in plan.handed:
        rows, columns = (Region(torch.zeros_like(span.start), span.length) for span in plan.spans[node])
        routes[node, None] = source_index(plan.spans[node], (rows, columns), places)
    return routes


def _evenly(count: int, most: int) -> int:
    """The size of equally large parts of at most `most`: convolutions of a few maps are slow."""
    return -(-count // -(-count // max(1, most)))


def _logits(plan: Plan, routes: Routes, maps: Maps, patched: Tensor, some: int) -> Logits:
    windows: Maps = {**plan.constants, plan.start: patched}
    for node, slide in plan.steps:
        border = 0.0 if slide is None else slide.border
        read = {
            before: gathered(routes[node, before], maps[before], windows[before], border)
            if before in plan.spans
            else windows[before]
            for before in node.all_input_nodes
        }
        windows[node] = run_node(plan.traced, node, read) if slide is None else slide.apply(*read.values())
    whole = [gathered(routes[node, None], maps[node], windows[node], 0.0) for node in plan.handed]
    parts = (maps.split(_evenly(len(patched), some)) for maps in whole)
    return torch.cat([_rest(plan, part) for part in zip(*parts, strict=True)])


def _rest(plan: Plan, handed: Iterable[Tensor]) -> Logits:
    values: Maps = plan.constants | dict(zip(plan.handed, handed, strict=True))
    found = None
    for node, forgotten in plan.rest:
        values[node] = found = run_node(plan.traced, node, values)
        for before in forgotten:
            del values[before]
    return cast(Logits, found)


def _whole_maps(apart: Apart, plans: list[Plan], image: Tensor) -> Maps:
    """Of the image itself, what every step gives."""
    steps = {node for plan in plans for node, _ in plan.steps}
    maps: Maps = {**apart.constants, apart.start: image}
    for node in apart.traced.graph.nodes:
        if node in steps:
            maps[node] = run_node(apart.traced, node, maps)
    return maps
