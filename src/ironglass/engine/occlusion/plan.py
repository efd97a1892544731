"""Partition of a network for occlusion: steps in windows, and steps on whole maps."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx

from ironglass.engine.occlusion.fused_conv import Convolution
from ironglass.engine.occlusion.fx_nodes import module_of
from ironglass.engine.occlusion.graph_network import TracedNetwork
from ironglass.engine.occlusion.local_ops import Slide
from ironglass.engine.occlusion.windows import Region, Span, alike

# Finding where a pixel comes from takes as much memory as so many channels.
INDEX = 8

# From this share of a map on, a window costs as much as the map.
DENSE = 0.7

Spans = tuple[Span, Span]
Regions = tuple[Region, Region]


@dataclass(frozen=True)
class OcclusionPlan:
    """A network cut in two: the steps that are computed in windows, and the rest, computed on whole maps.

    steps: the nodes of the first part in order, with how a kernel slides for those where one does.
    spans: where the patch is felt in each, by rows and columns.
    boundary_nodes: nodes of the first part that the second reads.
    halo_reads: regions of whole maps that are read around windows, by step (None for the second part) and node.
    beyond: the steps that are computed on all that the next one reads, and what they have there beyond the border.
    rest: the nodes of the second part in order, each with those that nobody reads after it.
    elements: of the largest tensor, a position.
    whole: of the largest of the second part.
    work: multiplications of convolutions, a position.
    """

    traced: fx.GraphModule
    start: fx.Node
    constants: dict[fx.Node, Any]
    steps: tuple[tuple[fx.Node, Slide | None], ...]
    spans: dict[fx.Node, Spans]
    boundary_nodes: tuple[fx.Node, ...]
    halo_reads: dict[tuple[fx.Node | None, fx.Node], Regions]
    beyond: dict[fx.Node, float]
    rest: tuple[tuple[fx.Node, tuple[fx.Node, ...]], ...]
    elements: int
    whole: int
    work: int


def plan_occlusion(network: TracedNetwork, rows: dict[fx.Node, Span], columns: dict[fx.Node, Span]) -> OcclusionPlan:
    """Plans how to compute the logits of an image with a patch at some rows and columns; they are from `felt_along`."""
    spans = {network.start: (rows[network.start], columns[network.start])}
    steps: list[tuple[fx.Node, Slide | None]] = []
    for node, slide in network.steps:
        last = network.widened.get(node, node)
        felt = rows[last], columns[last]
        read = (before in spans for before in node.all_input_nodes if before not in network.constants)
        if all(read) and _share(felt) <= DENSE:
            spans[node] = rows[node], columns[node]
            steps.append((node, slide))
    rest, boundary_nodes = _rest(network.traced, spans.keys(), network.constants.keys())
    sizes = [network.sizes[node].numel() for node in (*rest, *boundary_nodes) if node in network.sizes]
    largest = max(sizes)
    work = sum(_weights(network, node) * network.sizes[node][2:].numel() for node in rest if node in network.sizes)
    slides, beyond = dict(steps), dict[fx.Node, float]()
    reads = {node: needed(slide, spans[node]) for node, slide in steps}
    for node, reader in network.widened.items():
        if node in slides:
            reads[node], beyond[node] = reads[reader], cast(Slide, slides[reader]).border
    for node, _ in steps:
        high, wide = (region.size for region in reads[node])
        channels = [network.sizes[before][1] for before in node.all_input_nodes if before in spans]
        height, width = (span.size for span in spans[node])
        sizes += [high * wide * max(*channels, INDEX), height * width * network.sizes[node][1]]
    return OcclusionPlan(
        network.traced,
        network.start,
        network.constants,
        tuple(steps),
        spans,
        boundary_nodes,
        _around(reads, boundary_nodes, spans, beyond),
        beyond,
        tuple(rest.items()),
        max(sizes),
        largest,
        work + sum(_weights(network, node) * _computed(spans[node], reads[node], node in beyond) for node, _ in steps),
    )


def needed(slide: Slide | None, spans: Spans) -> Regions:
    """The part of its inputs that a step reads for its own windows."""
    rows, columns = spans
    if slide is None:
        return Region(rows.start, rows.size), Region(columns.start, columns.size)
    found = [
        Region(span.start, span.size)
        if (kernel, stride, padding) == (1, 1, 0)
        else Region(span.start * stride - padding, (span.size - 1) * stride + dilation * (kernel - 1) + 1)
        for span, kernel, stride, dilation, padding in zip(
            spans, slide.kernel, slide.stride, slide.dilation, slide.padding, strict=True
        )
    ]
    return found[0], found[1]


def _around(
    reads: dict[fx.Node, Regions],
    boundary_nodes: tuple[fx.Node, ...],
    spans: dict[fx.Node, Spans],
    beyond: Collection[fx.Node],
) -> dict[tuple[fx.Node | None, fx.Node], Regions]:
    read: dict[tuple[fx.Node | None, fx.Node], Regions] = {}
    for node, regions in reads.items():
        befores = [before for before in node.all_input_nodes if before in spans and before not in beyond]
        read |= {(node, before): regions for before in befores}
    for node in boundary_nodes:
        rows, columns = (Region(torch.zeros_like(span.start), span.length) for span in spans[node])
        read[None, node] = rows, columns
    return {(node, before): regions for (node, before), regions in read.items() if not alike(spans[before], regions)}


def _share(spans: Spans) -> float:
    rows, columns = spans
    return rows.size * columns.size / (rows.length * columns.length)


def _computed(spans: Spans, regions: Regions, widened: bool) -> int:
    """Pixels of a step, a place."""
    return math.prod(part.size for part in (regions if widened else spans))


def _weights(network: TracedNetwork, node: fx.Node) -> int:
    """Of a convolution: how many multiplications a pixel takes."""
    module = module_of(network.traced, node)
    return cast(Tensor, module.weight).numel() if isinstance(module, Convolution) else 0


def _rest(
    traced: fx.GraphModule, windowed: Collection[fx.Node], constants: Collection[fx.Node]
) -> tuple[dict[fx.Node, tuple[fx.Node, ...]], tuple[fx.Node, ...]]:
    """The nodes that are not computed in windows, each with those that may be forgotten after it, and what they read
    of those that are."""
    *_, output = traced.graph.nodes
    rest: dict[fx.Node, tuple[fx.Node, ...]] = {}
    read, forgotten = {output}, set[fx.Node]()
    for node in reversed(traced.graph.nodes):
        if node in read and node not in windowed and node not in constants:
            inputs = {before for before in node.all_input_nodes if before not in constants}
            rest[node] = tuple(inputs - forgotten)
            forgotten |= inputs
            read |= inputs
    return dict(reversed(rest.items())), tuple(node for node in traced.graph.nodes if node in read & set(windowed))
