"""Occlusion without repeating what the patch does not change: exact, window by window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from ironglass.explain.graph import constants_of, run_node
from ironglass.explain.steps import Slide, pointwise, slide_of
from ironglass.explain.trace import trace_network
from ironglass.explain.windows import Region, Span, gathered, joined, patches, source_index
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Logits

# Bytes of the largest tensor of one chunk on the CPU, where larger ones get fresh memory from the system each time;
# about four live at a time.
LIMIT = 2**24

# How many times as many on other devices, which need large chunks to be busy.
ELSEWHERE = 8

# Finding where a pixel comes from takes as much memory as so many channels.
INDEX = 8

# From this share of a map on, a window costs as much as the map.
DENSE = 0.7

# How far the graph may be from the network, relative to the largest logit.
TOLERANCE = 1e-4

Spans = tuple[Span, Span]


@dataclass(frozen=True)
class Plan:
    """A network cut in two: the steps that are computed in windows, and the rest, computed on whole maps.

    traced: the network as a graph. steps: the nodes of the first part in order, with how a kernel slides for those
    where one does. spans: where the patch is felt in each, by rows and columns. rest: the second part, a function of
    the maps of `handed`. constants: what depends on no image. elements: of the largest tensor, a place.
    """

    traced: fx.GraphModule
    start: fx.Node
    steps: tuple[tuple[fx.Node, Slide | None], ...]
    spans: dict[fx.Node, Spans]
    rest: fx.GraphModule
    handed: tuple[fx.Node, ...]
    constants: dict[fx.Node, Any]
    elements: int


def plan_occlusion(classifier: Classifier, image: Images, rows: Tensor, columns: Tensor) -> Plan | None:
    """How to compute the logits of an occluded image; None where the network cannot be taken apart.

    image: (1, c, h, w). rows, columns: int64 (p, 2), first and last-plus-one pixel of the patch along each side.
    """
    traced = trace_network(classifier.network)
    if traced is None:
        return None
    start = next(node for node in traced.graph.nodes if node.op == "placeholder")
    try:
        constants = constants_of(traced)
        values: dict[fx.Node, Any] = {**constants, start: _normalised(classifier, image)}
        for node in traced.graph.nodes:
            if node not in values:
                values[node] = run_node(traced, node, values)
    except Exception:  # what the trace made of the network does not run
        return None
    sides = zip((rows, columns), image.shape[2:], strict=True)
    first, second = (Span(span[:, 0], span[:, 1], length) for span, length in sides)
    spans: dict[fx.Node, Spans] = {start: (first, second)}
    steps: list[tuple[fx.Node, Slide | None]] = []
    for node in traced.graph.nodes:
        inputs = [before for before in node.all_input_nodes if before not in constants]
        if node in spans or node.op == "output" or not inputs or any(before not in spans for before in inputs):
            continue
        slide = slide_of(traced, node)
        if slide is None and not pointwise(traced, node, values, constants):
            continue
        felt = _felt(slide, [spans[before] for before in inputs], values[node].shape[2:])
        if _share(felt) <= DENSE:
            spans[node] = felt
            steps.append((node, slide))
    rest, handed = _rest(traced, spans.keys())
    whole = [value for node, value in values.items() if node in handed or (node not in spans and node not in constants)]
    elements = [value.numel() for value in whole if isinstance(value, Tensor)]
    for node, slide in steps:
        high, wide = (region.size for region in _needed(slide, spans[node]))
        channels = [values[before].shape[1] for before in node.all_input_nodes if before in spans]
        height, width = (span.size for span in spans[node])
        elements += [high * wide * max(*channels, INDEX), height * width * values[node].shape[1]]
    return Plan(traced, start, tuple(steps), spans, rest, handed, constants, max(elements))


def occluded_logits(
    plan: Plan, classifier: Classifier, images: Images, filling: Images, places: Tensor, chunk: int
) -> Iterator[tuple[int, slice, Logits]]:
    """The logits of each image at each place: (position of the image, places, logits), chunk by chunk.

    filling: what shows where the patch is, like images. places: int64 (p, 2), positions in the plan's rows and
    columns. chunk: places at a time, fewer where they need more memory.
    """
    limit = LIMIT * (1 if images.device.type == "cpu" else ELSEWHERE)
    chunk = max(1, min(chunk, limit // (4 * plan.elements)))
    for begin in range(0, len(places), chunk):
        part = places[begin : begin + chunk]
        routes = _routes(plan, part)
        for i in range(len(images)):
            image, fill = (_normalised(classifier, every[i : i + 1]) for every in (images, filling))
            yield i, slice(begin, begin + len(part)), _logits(plan, routes, image, fill, part)


def agrees(classifier: Classifier, plan: Plan, image: Images, filling: Images, places: Tensor) -> bool:
    """Whether the plan and the network itself give the same logits at a few places: the first, a middle, the last."""
    few = places[[0, len(places) // 2, len(places) - 1]]
    top, bottom = plan.spans[plan.start][0].first, plan.spans[plan.start][0].last
    left, right = plan.spans[plan.start][1].first, plan.spans[plan.start][1].last
    occluded = image.repeat(len(few), 1, 1, 1)
    for one, (row, column) in zip(occluded, few.tolist(), strict=True):
        area = (slice(None), slice(int(top[row]), int(bottom[row])), slice(int(left[column]), int(right[column])))
        one[area] = filling[0][area]
    expected = classifier(occluded)
    try:
        found = torch.cat([logits for _, _, logits in occluded_logits(plan, classifier, image, filling, few, 3)])
    except RuntimeError:  # a size that the trace took for fixed
        return False
    if found.shape != expected.shape:
        return False
    return bool((found - expected).abs().amax() <= TOLERANCE * expected.abs().amax())  # not so for NaN


def _normalised(classifier: Classifier, images: Images) -> Tensor:
    found = (images - classifier.mean) / classifier.std
    return found.contiguous(memory_format=torch.channels_last)


def _felt(slide: Slide | None, before: list[Spans], size: tuple[int, int]) -> Spans:
    if slide is None:
        return joined([rows for rows, _ in before]), joined([columns for _, columns in before])
    rows, columns = (
        span.slid(slide.kernel[axis], slide.stride[axis], slide.dilation[axis], slide.padding[axis], size[axis])
        for axis, span in enumerate(before[0])
    )
    return rows, columns


def _needed(slide: Slide | None, spans: Spans) -> tuple[Region, Region]:
    """The part of its inputs that a step reads for its own windows."""
    rows, columns = spans
    if slide is None:
        return Region(rows.start, rows.size), Region(columns.start, columns.size)
    found = [
        Region(span.start * stride - padding, (span.size - 1) * stride + dilation * (kernel - 1) + 1)
        for span, kernel, stride, dilation, padding in zip(
            spans, slide.kernel, slide.stride, slide.dilation, slide.padding, strict=True
        )
    ]
    return found[0], found[1]


def _share(spans: Spans) -> float:
    rows, columns = spans
    return rows.size * columns.size / (rows.length * columns.length)


def _rest(traced: fx.GraphModule, windowed: Any) -> tuple[fx.GraphModule, tuple[fx.Node, ...]]:
    """The nodes that are not computed in windows as a function of those that are and that they read."""
    handed = tuple(
        node for node in traced.graph.nodes if node in windowed and any(u not in windowed for u in node.users)
    )
    graph = fx.Graph()
    copies = {node: graph.placeholder(node.name) for node in handed}
    for node in traced.graph.nodes:
        if node not in windowed:
            copies[node] = graph.node_copy(node, lambda before: copies[before])
    rest = fx.GraphModule(traced, graph)
    rest.graph.eliminate_dead_code()
    rest.recompile()
    return rest, handed


Routes = dict[tuple[fx.Node, fx.Node | None], Tensor | None]


def _routes(plan: Plan, places: Tensor) -> Routes:
    """For each step and input, and for each map that is handed over, where its pixels come from."""
    routes: Routes = {}
    for node, slide in plan.steps:
        needed = _needed(slide, plan.spans[node])
        for before in node.all_input_nodes:
            if before in plan.spans:
                routes[node, before] = source_index(plan.spans[before], needed, places)
    for node in plan.handed:
        rows, columns = (Region(torch.zeros_like(span.start), span.length) for span in plan.spans[node])
        routes[node, None] = source_index(plan.spans[node], (rows, columns), places)
    return routes


def _logits(plan: Plan, routes: Routes, image: Tensor, filling: Tensor, places: Tensor) -> Logits:
    maps: dict[fx.Node, Any] = {**plan.constants, plan.start: image}
    windows: dict[fx.Node, Any] = {
        **plan.constants,
        plan.start: patches(plan.spans[plan.start], image, filling, places),
    }
    for node, slide in plan.steps:
        maps[node] = run_node(plan.traced, node, maps)
        border = 0.0 if slide is None else slide.border
        read = {
            before: gathered(routes[node, before], maps[before], windows[before], border)
            if before in plan.spans
            else windows[before]
            for before in node.all_input_nodes
        }
        windows[node] = run_node(plan.traced, node, read) if slide is None else slide.apply(*read.values())
    whole = [gathered(routes[node, None], maps[node], windows[node], 0.0) for node in plan.handed]
    return plan.rest(*whole)
