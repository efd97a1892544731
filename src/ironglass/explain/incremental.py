"""Occlusion without repeating what the patch does not change: exact, window by window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx

from ironglass.explain.cut import Plan, needed, normalised
from ironglass.explain.graph import run_node
from ironglass.explain.windows import Region, gathered, patches, source_index
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Logits

# Bytes of the largest tensor of one chunk on the CPU, where larger ones get fresh memory from the system each time;
# about four live at a time.
LIMIT = 2**24

# The same for the second part, whose layers read what the one before has just written (docs/experiments.md).
CACHED = 2**23

# How many times as many on other devices, which need large chunks to be busy.
ELSEWHERE = 8

# Images whose whole maps are held at a time.
GROUP = 4

# How far the graph may be from the network, relative to the largest logit.
TOLERANCE = 1e-4

Maps = dict[fx.Node, Any]
Routes = dict[tuple[fx.Node, fx.Node | None], Tensor | None]


def occluded_logits(
    plan: Plan, classifier: Classifier, images: Images, filling: Images, places: Tensor, chunk: int
) -> Iterator[tuple[int, slice, Logits]]:
    """The logits of each image at each place: (position of the image, places, logits), chunk by chunk.

    filling: what shows where the patch is, like images. places: int64 (p, 2), positions in the plan's rows and
    columns. chunk: places at a time, fewer where they need more memory.
    """
    times = 1 if images.device.type == "cpu" else ELSEWHERE
    chunk = _evenly(len(places), min(chunk, times * LIMIT // (4 * plan.elements)))
    some = times * CACHED // (4 * plan.whole)
    for first in range(0, len(images), GROUP):
        group = range(first, min(first + GROUP, len(images)))
        given = [[normalised(classifier, every[i : i + 1]) for every in (images, filling)] for i in group]
        maps = [_whole_maps(plan, image) for image, _ in given]
        for begin in range(0, len(places), chunk):
            part = places[begin : begin + chunk]
            routes = _routes(plan, part)
            for i, (image, fill), whole in zip(group, given, maps, strict=True):
                patched = patches(plan.spans[plan.start], image, fill, part)
                yield i, slice(begin, begin + len(part)), _logits(plan, routes, whole, patched, some)


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
    return torch.cat([plan.rest(*part) for part in zip(*parts, strict=True)])


def _whole_maps(plan: Plan, image: Tensor) -> Maps:
    """Of the image itself, what every step gives."""
    maps: Maps = {**plan.constants, plan.start: image}
    for node, _ in plan.steps:
        maps[node] = run_node(plan.traced, node, maps)
    return maps
