"""How a network is cut for occlusion: what is computed in windows, where in the image, and what on whole maps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from ironglass.explain.graph import constants_of, run_node
from ironglass.explain.steps import Slide, pointwise, slide_of
from ironglass.explain.trace import trace_network
from ironglass.explain.windows import Region, Span, joined
from ironglass.models.classifier import Classifier
from ironglass.types import Images

# Finding where a pixel comes from takes as much memory as so many channels.
INDEX = 8

# From this share of a map on, a window costs as much as the map.
DENSE = 0.7

Spans = tuple[Span, Span]


@dataclass(frozen=True)
class Plan:
    """A network cut in two: the steps that are computed in windows, and the rest, computed on whole maps.

    traced: the network as a graph. steps: the nodes of the first part in order, with how a kernel slides for those
    where one does. spans: where the patch is felt in each, by rows and columns. rest: the second part, a function of
    the maps of `handed`. constants: what depends on no image. elements: of the largest tensor, a place; whole: of
    the largest of the second part.
    """

    traced: fx.GraphModule
    start: fx.Node
    steps: tuple[tuple[fx.Node, Slide | None], ...]
    spans: dict[fx.Node, Spans]
    rest: fx.GraphModule
    handed: tuple[fx.Node, ...]
    constants: dict[fx.Node, Any]
    elements: int
    whole: int


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
        values: dict[fx.Node, Any] = {**constants, start: normalised(classifier, image)}
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
    largest = max(elements)
    for node, slide in steps:
        high, wide = (region.size for region in needed(slide, spans[node]))
        channels = [values[before].shape[1] for before in node.all_input_nodes if before in spans]
        height, width = (span.size for span in spans[node])
        elements += [high * wide * max(*channels, INDEX), height * width * values[node].shape[1]]
    return Plan(traced, start, tuple(steps), spans, rest, handed, constants, max(elements), largest)


def normalised(classifier: Classifier, images: Images) -> Tensor:
    """What the network is given, channels last."""
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


def needed(slide: Slide | None, spans: Spans) -> tuple[Region, Region]:
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


def _rest(traced: fx.GraphModule, windowed: Collection[fx.Node]) -> tuple[fx.GraphModule, tuple[fx.Node, ...]]:
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
