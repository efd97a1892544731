"""Exact occluded logits that recompute only the windows of each feature map that a patch changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any, cast

import torch
from torch import Tensor, fx

from ironglass.engine.occlusion.fx_nodes import run_node
from ironglass.engine.occlusion.graph_network import TracedNetwork, affected_spans, normalised
from ironglass.engine.occlusion.plan import OcclusionPlan, plan_occlusion
from ironglass.engine.occlusion.windows import Pixels, Route, Span, fill_beyond, patch_route, route_of
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Logits

# Bytes of the largest tensor of one chunk on the CPU, where larger ones get fresh memory from the system each time;
# about four live at a time.
MAX_BYTES = 2**24

# The same for the dense part, whose layers read their input from the cache (docs/experiments.md).
MAX_DENSE_BYTES = 2**23

# Factor for other devices, which need large chunks for full occupancy.
GPU_CHUNK_FACTOR = 8

# Largest number of groups of positions along a side, by distance from the border, and least number of multiplications
# per pair of groups: with fewer, planning costs more than the smaller windows save (docs/experiments.md).
GROUPS, WORK_A_GROUP = 6, 10**10

# Largest number of positions whose routes are computed at once, fewer where they take more than MAX_BYTES; bytes per
# pixel of every stored route, and of the largest while it is computed.
MAX_ROUTES, ROUTE_BYTES, ROUTE_WORK_BYTES = 512, 12, 40

# Largest number of images at a time, and of bytes of their stored maps.
MAX_IMAGES, MAX_VALUES = 16, 2**27

Routes = dict[tuple[fx.Node | None, fx.Node], Route]
Plans = list[tuple[OcclusionPlan, Tensor]]
Chunk = tuple[int, Tensor, Tensor, Logits]


def plans_of(network: TracedNetwork, rows: Tensor, columns: Tensor, images: int) -> tuple[Plans, int]:
    """The plan and the position indices of each group of positions, and the number of images in a chunk.

    rows, columns: int64 (p, 2), first and last-plus-one pixel of the patch along each side. A position is a pair of
        them, and positions are numbered row by row.
    images: number of images.
    """
    affected = [affected_spans(network, spans, axis) for axis, spans in enumerate((rows, columns))]
    plan = plan_occlusion(network, *affected)
    map_values = sum(network.sizes[node].numel() for node in {before for _, before in plan.halo_reads})
    chunk_images = _evenly(images, min(MAX_IMAGES, MAX_VALUES // max(1, 4 * map_values)))
    group_count = math.isqrt(plan.work * len(rows) * len(columns) * chunk_images // WORK_A_GROUP)
    groups = [_by_distance(spans, max(1, min(GROUPS, group_count))) for spans in (rows, columns)]
    sides = [
        [(group, _at_positions(spans_by_node, group)) for group in groups_along]
        for groups_along, spans_by_node in zip(groups, affected, strict=True)
    ]
    plans = [
        (plan_occlusion(network, row_spans, column_spans), (row_index[:, None] * len(columns) + column_index).flatten())
        for (row_index, row_spans), (column_index, column_spans) in product(*sides)
    ]
    return plans, chunk_images


def occluded_logits(
    network: TracedNetwork, plans: Plans, classifier: Classifier, images: Images, fillings: Sequence[Images], chunk: int
) -> tuple[Logits, Iterator[Chunk]]:
    """The logits of the images, and an iterator over chunks (number of the filling, image indices, position indices,
    logits) of all occluded images, one filling after another: what surrounds a patch is computed once for all.

    fillings: images whose pixels replace those under the patch.
    chunk: largest number of occluded images at a time, fewer where they need more memory.
    """
    times = 1 if images.device.type == "cpu" else GPU_CHUNK_FACTOR
    chunk_sizes = [max(1, min(chunk, times * MAX_BYTES // (4 * plan.elements))) for plan, _ in plans]
    inputs = normalised(classifier, images)
    sources = Pixels(2 * len(inputs), inputs[:1].shape, 0, dtype=inputs.dtype, device=inputs.device)
    sources.put_images(0, inputs)
    maps = _pixel_buffers(network, plans, chunk_sizes, len(inputs), inputs.device)
    clean = torch.cat(
        [_per_image(1, _image_logits(network, maps, number, image)) for number, image in enumerate(inputs.split(1))]
    )
    return clean, _filled(classifier, fillings, plans, chunk_sizes, sources, maps, times)


def _filled(
    classifier: Classifier,
    fillings: Sequence[Images],
    plans: Plans,
    chunk_sizes: list[int],
    sources: Pixels,
    maps: dict[fx.Node, Pixels],
    times: int,
) -> Iterator[Chunk]:
    for number, filling in enumerate(fillings):
        sources.put_images(len(filling), normalised(classifier, filling))
        for image, position, logits in _chunks(plans, chunk_sizes, sources, maps, len(filling), times):
            yield number, image, position, logits


def _chunks(
    plans: Plans, chunk_sizes: list[int], sources: Pixels, maps: dict[fx.Node, Pixels], count: int, times: int
) -> Iterator[tuple[Tensor, Tensor, Logits]]:
    device = sources.rows.device
    for (plan, numbers), step in zip(plans, chunk_sizes, strict=True):
        dense_size = max(1, times * MAX_DENSE_BYTES // (4 * plan.dense_elements))
        sizes = (len(span.first) for span in plan.spans[plan.start])
        positions = torch.cartesian_prod(*(torch.arange(size, device=device) for size in sizes))
        areas = [math.prod(region.size for region in regions) for regions in plan.halo_reads.values()]
        routes_fit = times * MAX_BYTES // (ROUTE_BYTES * sum(areas) + ROUTE_WORK_BYTES * max(areas, default=0) + 1)
        routed = _evenly(len(numbers), min(MAX_ROUTES, routes_fit))
        for part, part_numbers in zip(positions.split(routed), numbers.split(routed), strict=True):
            entry, routes = patch_route(plan.spans[plan.start], part, count), _routes(plan, part, count)
            pairs = torch.arange(count * len(part), dtype=torch.int32, device=device)
            for pair in pairs.split(_evenly(len(pairs), step)):
                image, position = pair // len(part), pair % len(part)
                index = {key: route.of(image, position) for key, route in routes.items()}
                patched = sources.read(entry.of(image, position), 0.0)
                yield image.long(), part_numbers[position], _logits(plan, index, maps, patched, dense_size)


def _at_positions(affected: dict[fx.Node, Span], positions: Tensor) -> dict[fx.Node, Span]:
    """Spans of a subset of positions; nodes that share one span go on sharing it, so that nothing is read twice."""
    selected = {id(span): span.at(positions) for span in affected.values()}
    return {node: selected[id(span)] for node, span in affected.items()}


def _by_distance(spans: Tensor, groups: int) -> list[Tensor]:
    """The positions along a side, grouped by distance from the nearer border, where less of a map is affected."""
    position = torch.arange(len(spans), device=spans.device)
    group = torch.minimum(position, position.flip(0)) * 2 * groups // (len(spans) + 1)
    by_group = (torch.nonzero(group == number)[:, 0] for number in range(groups))
    return [positions for positions in by_group if len(positions)]


def _routes(plan: OcclusionPlan, positions: Tensor, images: int) -> Routes:
    """Routes by which a step, or the dense part, reads values around the windows of a node."""
    return {
        (node, before): route_of(plan.spans[before], regions, positions, images)
        for (node, before), regions in plan.halo_reads.items()
    }


def _evenly(count: int, most: int) -> int:
    """The size of equal parts of at most `most`: a small last part would be slow."""
    return -(-count // -(-count // max(1, most)))


def _logits(
    plan: OcclusionPlan, index: dict[Any, Tensor], maps: dict[fx.Node, Pixels], patched: Tensor, dense_size: int
) -> Logits:
    windows: dict[fx.Node, Any] = {**plan.constants, plan.start: patched}
    stored = {before for _, before in plan.halo_reads}

    def read(node: fx.Node | None, before: fx.Node, border: float) -> Any:
        halo_reads = index.get((node, before))
        return windows[before] if halo_reads is None else maps[before].read(halo_reads, border)

    if plan.start in stored:
        maps[plan.start].put_windows(patched)
    for node, slide in plan.steps:
        border = 0.0 if slide is None else slide.border
        inputs = {before: read(node, before, border) for before in node.all_input_nodes}
        windows[node] = run_node(plan.traced, node, inputs) if slide is None else slide.apply(*inputs.values())
        if node in plan.beyond and (halo_reads := index.get((node, node.all_input_nodes[0]))) is not None:
            fill_beyond(windows[node], halo_reads, plan.beyond[node])
        if node in stored:
            maps[node].put_windows(windows[node])
    dense_inputs = [read(None, node, 0.0) for node in plan.boundary_nodes]
    parts = (maps.split(_evenly(len(patched), dense_size)) for maps in dense_inputs)
    return torch.cat([_per_image(len(part[0]), _dense_logits(plan, part)) for part in zip(*parts, strict=True)])


def _per_image(count: int, logits: Logits) -> Logits:
    """Logits with an axis for `count` images, for a network that drops the axis of a single one."""
    return logits.unflatten(0, (count, -1)) if logits.ndim == 1 else logits


def _dense_logits(plan: OcclusionPlan, boundary_nodes: Iterable[Tensor]) -> Logits:
    values: dict[fx.Node, Any] = plan.constants | dict(zip(plan.boundary_nodes, boundary_nodes, strict=True))
    value = None
    for node, unused in plan.dense_steps:
        values[node] = value = run_node(plan.traced, node, values)
        for before in unused:
            del values[before]
    return cast(Logits, value)


def _pixel_buffers(
    network: TracedNetwork, plans: Plans, chunk_sizes: list[int], images: int, device: torch.device
) -> dict[fx.Node, Pixels]:
    """Buffers for the maps that are read around windows. chunk_sizes: windows at a time, by plan."""
    pixel_counts: dict[fx.Node, int] = {}
    for (plan, _), step in zip(plans, chunk_sizes, strict=True):
        for _, before in plan.halo_reads:
            area = math.prod(span.size for span in plan.spans[before])
            pixel_counts[before] = max(pixel_counts.get(before, 0), step * area)
    return {
        node: Pixels(images, network.sizes[node], pixels, dtype=network.dtypes[node], device=device)
        for node, pixels in pixel_counts.items()
    }


def _image_logits(network: TracedNetwork, maps: dict[fx.Node, Pixels], number: int, image: Tensor) -> Logits:
    """The logits of an unoccluded image; stores those of its maps that are read around windows."""
    values: dict[fx.Node, Any] = {**network.constants, network.start: image}
    value = None
    for node in network.traced.graph.nodes:
        if node not in values:
            values[node] = value = run_node(network.traced, node, values)
        if node in maps:
            maps[node].put_images(number, values[node])
    return cast(Logits, value)
