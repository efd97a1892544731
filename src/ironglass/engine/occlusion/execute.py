"""Occlusion without repeating what the patch does not change: exact, window by window."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any, cast

import torch
from torch import Tensor, fx

from ironglass.engine.occlusion.fx_nodes import run_node
from ironglass.engine.occlusion.graph_network import TracedNetwork, felt_along, normalised
from ironglass.engine.occlusion.plan import OcclusionPlan, plan_occlusion
from ironglass.engine.occlusion.windows import Pixels, Route, Span, fill_beyond, patch_route, route_of
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Logits

# Bytes of the largest tensor of one chunk on the CPU, where larger ones get fresh memory from the system each time;
# about four live at a time.
LIMIT = 2**24

# The same for the second part, whose layers read what the one before has just written (docs/experiments.md).
CACHED = 2**23

# How many times as many on other devices, which need large chunks to be busy.
GPU_CHUNK_FACTOR = 8

# Groups of places along a side, by how far they are from the border, and multiplications that each pair of groups must
# have: what smaller windows save of fewer is lost in planning (docs/experiments.md).
GROUPS, WORK_A_GROUP = 6, 10**10

# Places whose routes are found at a time, fewer where those take more than LIMIT, and bytes that a pixel of one takes:
# of every route that is held, and of the largest while it is found.
ROUTED, ROUTE, FINDING = 512, 12, 40

# Images at a time, and bytes of those of their maps that are held.
TOGETHER, MAX_VALUES = 16, 2**27

Routes = dict[tuple[fx.Node | None, fx.Node], Route]
Plans = list[tuple[OcclusionPlan, Tensor]]
Chunk = tuple[Tensor, Tensor, Logits]


def plans_of(network: TracedNetwork, rows: Tensor, columns: Tensor, images: int) -> tuple[Plans, int]:
    """Plans so many images at all positions: the number of images in a chunk and, for groups of positions, that is of
    pairs of a row and a column, row by row, their plan and positions.

    rows, columns: int64 (p, 2), first and last-plus-one pixel of the patch along each side.
    """
    felt = [felt_along(network, spans, axis) for axis, spans in enumerate((rows, columns))]
    plan = plan_occlusion(network, *felt)
    held = sum(network.sizes[node].numel() for node in {before for _, before in plan.halo_reads})
    together = _evenly(images, min(TOGETHER, MAX_VALUES // max(1, 4 * held)))
    busy = math.isqrt(plan.work * len(rows) * len(columns) * together // WORK_A_GROUP)
    groups = [_by_distance(spans, max(1, min(GROUPS, busy))) for spans in (rows, columns)]
    sides = [[(group, _at(found, group)) for group in some] for some, found in zip(groups, felt, strict=True)]
    plans = [
        (plan_occlusion(network, high, wide), (down[:, None] * len(columns) + across).flatten())
        for (down, high), (across, wide) in product(*sides)
    ]
    return plans, together


def occluded_logits(
    network: TracedNetwork, plans: Plans, classifier: Classifier, images: Images, filling: Images, chunk: int
) -> tuple[Logits, Iterator[Chunk]]:
    """The logits of the images, and of each image at each place: (positions of the images, of the places, logits), by
    chunks.

    filling: what shows where the patch is, like images. chunk: occluded images at a time, fewer where they need more
    memory.
    """
    times = 1 if images.device.type == "cpu" else GPU_CHUNK_FACTOR
    most = [max(1, min(chunk, times * LIMIT // (4 * plan.elements))) for plan, _ in plans]
    given, fill = (normalised(classifier, every) for every in (images, filling))
    sources = Pixels(2 * len(given), given[:1].shape, 0, dtype=given.dtype, device=given.device)
    sources.whole(0, torch.cat((given, fill)))
    maps = _room(network, plans, most, len(given), given.device)
    clean = torch.cat([_of(1, _whole(network, maps, number, image)) for number, image in enumerate(given.split(1))])
    return clean, _chunks(plans, most, sources, maps, len(given), times)


def _chunks(
    plans: Plans, most: list[int], sources: Pixels, maps: dict[fx.Node, Pixels], count: int, times: int
) -> Iterator[Chunk]:
    device = sources.rows.device
    for (plan, numbers), step in zip(plans, most, strict=True):
        some = max(1, times * CACHED // (4 * plan.whole))
        sizes = (len(span.first) for span in plan.spans[plan.start])
        positions = torch.cartesian_prod(*(torch.arange(size, device=device) for size in sizes))
        areas = [math.prod(region.size for region in regions) for regions in plan.halo_reads.values()]
        routes_fit = times * LIMIT // (ROUTE * sum(areas) + FINDING * max(areas, default=0) + 1)
        routed = _evenly(len(numbers), min(ROUTED, routes_fit))
        for part, which in zip(positions.split(routed), numbers.split(routed), strict=True):
            entry, routes = patch_route(plan.spans[plan.start], part, count), _routes(plan, part, count)
            pairs = torch.arange(count * len(part), dtype=torch.int32, device=device)
            for pair in pairs.split(_evenly(len(pairs), step)):
                image, position = pair // len(part), pair % len(part)
                index = {key: route.of(image, position) for key, route in routes.items()}
                patched = sources.read(entry.of(image, position), 0.0)
                yield image.long(), which[position], _logits(plan, index, maps, patched, some)


def _at(felt: dict[fx.Node, Span], positions: Tensor) -> dict[fx.Node, Span]:
    """Of some of the places; spans that were one remain one, so that nothing is read twice."""
    known = {id(span): span.at(positions) for span in felt.values()}
    return {node: known[id(span)] for node, span in felt.items()}


def _by_distance(spans: Tensor, groups: int) -> list[Tensor]:
    """The positions along a side in groups, those near the border apart: there less of a map feels the patch, on
    either side alike."""
    position = torch.arange(len(spans), device=spans.device)
    group = torch.minimum(position, position.flip(0)) * 2 * groups // (len(spans) + 1)
    found = (torch.nonzero(group == number)[:, 0] for number in range(groups))
    return [positions for positions in found if len(positions)]


def _routes(plan: OcclusionPlan, positions: Tensor, images: int) -> Routes:
    """Routes by which values around windows are read: by a step, or the second part, of the node before."""
    return {
        (node, before): route_of(plan.spans[before], read, positions, images)
        for (node, before), read in plan.halo_reads.items()
    }


def _evenly(count: int, most: int) -> int:
    """The size of equally large parts of at most `most`: convolutions of a few maps are slow."""
    return -(-count // -(-count // max(1, most)))


def _logits(
    plan: OcclusionPlan, index: dict[Any, Tensor], maps: dict[fx.Node, Pixels], patched: Tensor, some: int
) -> Logits:
    windows: dict[fx.Node, Any] = {**plan.constants, plan.start: patched}
    kept = {before for _, before in plan.halo_reads}

    def read(node: fx.Node | None, before: fx.Node, border: float) -> Any:
        halo_reads = index.get((node, before))
        return windows[before] if halo_reads is None else maps[before].read(halo_reads, border)

    if plan.start in kept:
        maps[plan.start].put(patched)
    for node, slide in plan.steps:
        border = 0.0 if slide is None else slide.border
        given = {before: read(node, before, border) for before in node.all_input_nodes}
        windows[node] = run_node(plan.traced, node, given) if slide is None else slide.apply(*given.values())
        if node in plan.beyond and (halo_reads := index.get((node, node.all_input_nodes[0]))) is not None:
            fill_beyond(windows[node], halo_reads, plan.beyond[node])
        if node in kept:
            maps[node].put(windows[node])
    whole = [read(None, node, 0.0) for node in plan.boundary_nodes]
    parts = (maps.split(_evenly(len(patched), some)) for maps in whole)
    return torch.cat([_of(len(part[0]), _rest(plan, part)) for part in zip(*parts, strict=True)])


def _of(count: int, logits: Logits) -> Logits:
    """The logits of so many images, where a network drops the axis of a single one."""
    return logits.unflatten(0, (count, -1)) if logits.ndim == 1 else logits


def _rest(plan: OcclusionPlan, boundary_nodes: Iterable[Tensor]) -> Logits:
    values: dict[fx.Node, Any] = plan.constants | dict(zip(plan.boundary_nodes, boundary_nodes, strict=True))
    found = None
    for node, forgotten in plan.rest:
        values[node] = found = run_node(plan.traced, node, values)
        for before in forgotten:
            del values[before]
    return cast(Logits, found)


def _room(
    network: TracedNetwork, plans: Plans, most: list[int], images: int, device: torch.device
) -> dict[fx.Node, Pixels]:
    """Room for what is read around windows. most: windows at a time, of each plan."""
    room: dict[fx.Node, int] = {}
    for (plan, _), step in zip(plans, most, strict=True):
        for _, before in plan.halo_reads:
            area = math.prod(span.size for span in plan.spans[before])
            room[before] = max(room.get(before, 0), step * area)
    return {
        node: Pixels(images, network.sizes[node], pixels, dtype=network.dtypes[node], device=device)
        for node, pixels in room.items()
    }


def _whole(network: TracedNetwork, maps: dict[fx.Node, Pixels], number: int, image: Tensor) -> Logits:
    """The logits of an image itself; its maps that are read around windows are put where they belong."""
    values: dict[fx.Node, Any] = {**network.constants, network.start: image}
    found = None
    for node in network.traced.graph.nodes:
        if node not in values:
            values[node] = found = run_node(network.traced, node, values)
        if node in maps:
            maps[node].whole(number, values[node])
    return cast(Logits, found)
