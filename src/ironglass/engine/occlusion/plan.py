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
from ironglass.engine.occlusion.windows import Region, Span, same_regions

# Memory of a pixel's index, in channels.
INDEX = 8

# Share of a map above which a window costs as much as the map.
DENSE = 0.7

Spans = tuple[Span, Span]
Regions = tuple[Region, Region]


@dataclass(frozen=True)
class OcclusionPlan:
    """Partition of a network into steps computed in windows and a dense part computed on whole maps.

    steps: windowed nodes in order, with their sliding kernel if they have one.
    spans: affected span of each node, by rows and columns.
    boundary_nodes: windowed nodes that the dense part reads.
    halo_reads: regions of full maps that are read around windows, by step (None for the dense part) and node.
    beyond: steps computed on the whole region that the next one reads, with their padding value beyond the border.
    dense_steps: nodes of the dense part in order, each with those that no later node reads.
    elements: of the largest tensor, per position.
    dense_elements: of the largest tensor of the dense part, per position.
    work: multiplications of convolutions, per position.
    """

    traced: fx.GraphModule
    start: fx.Node
    constants: dict[fx.Node, Any]
    steps: tuple[tuple[fx.Node, Slide | None], ...]
    spans: dict[fx.Node, Spans]
    boundary_nodes: tuple[fx.Node, ...]
    halo_reads: dict[tuple[fx.Node | None, fx.Node], Regions]
    beyond: dict[fx.Node, float]
    dense_steps: tuple[tuple[fx.Node, tuple[fx.Node, ...]], ...]
    elements: int
    dense_elements: int
    work: int


def plan_occlusion(network: TracedNetwork, rows: dict[fx.Node, Span], columns: dict[fx.Node, Span]) -> OcclusionPlan:
    """The plan for logits of an image with a patch at some rows and columns, which are from `affected_spans`."""
    spans = {network.start: (rows[network.start], columns[network.start])}
    steps: list[tuple[fx.Node, Slide | None]] = []
    for node, slide in network.steps:
        last = network.widened.get(node, node)
        affected = rows[last], columns[last]
        computed = (before in spans for before in node.all_input_nodes if before not in network.constants)
        if all(computed) and _share(affected) <= DENSE:
            spans[node] = rows[node], columns[node]
            steps.append((node, slide))
    dense_steps, boundary_nodes = _dense_steps(network.traced, spans.keys(), network.constants.keys())
    sizes = [network.sizes[node].numel() for node in (*dense_steps, *boundary_nodes) if node in network.sizes]
    largest = max(sizes)
    work = sum(
        _weights(network, node) * network.sizes[node][2:].numel() for node in dense_steps if node in network.sizes
    )
    slides, beyond = dict(steps), dict[fx.Node, float]()
    regions_read = {node: read_regions(slide, spans[node]) for node, slide in steps}
    for node, reader in network.widened.items():
        if node in slides:
            regions_read[node], beyond[node] = regions_read[reader], cast(Slide, slides[reader]).border
    for node, _ in steps:
        height_, width_ = (region.size for region in regions_read[node])
        channels = [network.sizes[before][1] for before in node.all_input_nodes if before in spans]
        height, width = (span.size for span in spans[node])
        sizes += [height_ * width_ * max(*channels, INDEX), height * width * network.sizes[node][1]]
    return OcclusionPlan(
        network.traced,
        network.start,
        network.constants,
        tuple(steps),
        spans,
        boundary_nodes,
        _halo_reads(regions_read, boundary_nodes, spans, beyond),
        beyond,
        tuple(dense_steps.items()),
        max(sizes),
        largest,
        work
        + sum(
            _weights(network, node) * _computed(spans[node], regions_read[node], node in beyond) for node, _ in steps
        ),
    )


def read_regions(slide: Slide | None, spans: Spans) -> Regions:
    """The regions of its inputs that a step reads for its windows."""
    rows, columns = spans
    if slide is None:
        return Region(rows.start, rows.size), Region(columns.start, columns.size)
    regions = [
        Region(span.start, span.size)
        if (kernel, stride, padding) == (1, 1, 0)
        else Region(span.start * stride - padding, (span.size - 1) * stride + dilation * (kernel - 1) + 1)
        for span, kernel, stride, dilation, padding in zip(
            spans, slide.kernel, slide.stride, slide.dilation, slide.padding, strict=True
        )
    ]
    return regions[0], regions[1]


def _halo_reads(
    regions_read: dict[fx.Node, Regions],
    boundary_nodes: tuple[fx.Node, ...],
    spans: dict[fx.Node, Spans],
    beyond: Collection[fx.Node],
) -> dict[tuple[fx.Node | None, fx.Node], Regions]:
    halo_reads: dict[tuple[fx.Node | None, fx.Node], Regions] = {}
    for node, regions in regions_read.items():
        befores = [before for before in node.all_input_nodes if before in spans and before not in beyond]
        halo_reads |= {(node, before): regions for before in befores}
    for node in boundary_nodes:
        rows, columns = (Region(torch.zeros_like(span.start), span.length) for span in spans[node])
        halo_reads[None, node] = rows, columns
    return {
        (node, before): regions
        for (node, before), regions in halo_reads.items()
        if not same_regions(spans[before], regions)
    }


def _share(spans: Spans) -> float:
    rows, columns = spans
    return rows.size * columns.size / (rows.length * columns.length)


def _computed(spans: Spans, regions: Regions, widened: bool) -> int:
    """Pixels of a step's window, per position."""
    return math.prod(part.size for part in (regions if widened else spans))


def _weights(network: TracedNetwork, node: fx.Node) -> int:
    """Multiplications of a convolution per pixel; 0 for other nodes."""
    module = module_of(network.traced, node)
    return cast(Tensor, module.weight).numel() if isinstance(module, Convolution) else 0


def _dense_steps(
    traced: fx.GraphModule, windowed: Collection[fx.Node], constants: Collection[fx.Node]
) -> tuple[dict[fx.Node, tuple[fx.Node, ...]], tuple[fx.Node, ...]]:
    """The nodes of the dense part, each with those that may be freed after it, and the windowed nodes that it reads."""
    *_, output = traced.graph.nodes
    dense_steps: dict[fx.Node, tuple[fx.Node, ...]] = {}
    inputs_read, unused = {output}, set[fx.Node]()
    for node in reversed(traced.graph.nodes):
        if node in inputs_read and node not in windowed and node not in constants:
            inputs = {before for before in node.all_input_nodes if before not in constants}
            dense_steps[node] = tuple(inputs - unused)
            unused |= inputs
            inputs_read |= inputs
    return dict(reversed(dense_steps.items())), tuple(
        node for node in traced.graph.nodes if node in inputs_read & set(windowed)
    )
