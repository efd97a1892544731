"""How a network is cut for occlusion: what is computed in windows, where in the image, and what on whole maps."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx

from ironglass.explain.convolution import Convolution
from ironglass.explain.graph import constants_of, module_of, run_node
from ironglass.explain.steps import Slide, pointwise, slide_of
from ironglass.explain.trace import trace_network
from ironglass.explain.windows import Region, Span, alike, joined
from ironglass.models.classifier import Classifier
from ironglass.types import Images

# Finding where a pixel comes from takes as much memory as so many channels.
INDEX = 8

# From this share of a map on, a window costs as much as the map.
DENSE = 0.7

Spans = tuple[Span, Span]
Regions = tuple[Region, Region]


@dataclass(frozen=True)
class Apart:
    """A network as a graph.

    start: what stands for the images. constants: what depends on no image. sizes, dtypes: of the tensors that nodes
    give for one image. steps: the nodes that could be computed in windows, in order, with how a kernel slides for those
    where one does.
    """

    traced: fx.GraphModule
    start: fx.Node
    constants: dict[fx.Node, Any]
    sizes: dict[fx.Node, torch.Size]
    dtypes: dict[fx.Node, torch.dtype]
    steps: tuple[tuple[fx.Node, Slide | None], ...]


@dataclass(frozen=True)
class Plan:
    """A network cut in two: the steps that are computed in windows, and the rest, computed on whole maps.

    steps: the nodes of the first part in order, with how a kernel slides for those where one does. spans: where the
    patch is felt in each, by rows and columns. handed: those that the second part reads. around: what is read not of
    the windows alone but of the maps around them: by which step, or by the second part, of which node, and what of its
    map. rest: the nodes of the second part in order, each with those that nobody reads after it. elements: of the
    largest tensor, a place; whole: of the largest of the second part. work: multiplications of convolutions, a place.
    """

    traced: fx.GraphModule
    start: fx.Node
    constants: dict[fx.Node, Any]
    steps: tuple[tuple[fx.Node, Slide | None], ...]
    spans: dict[fx.Node, Spans]
    handed: tuple[fx.Node, ...]
    around: dict[tuple[fx.Node | None, fx.Node], Regions]
    rest: tuple[tuple[fx.Node, tuple[fx.Node, ...]], ...]
    elements: int
    whole: int
    work: int


def take_apart(classifier: Classifier, image: Images) -> Apart | None:
    """The network as a graph; None where it cannot be taken apart. image: (1, c, h, w)."""
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
    steps: dict[fx.Node, Slide | None] = {}
    for node in traced.graph.nodes:
        inputs = [before for before in node.all_input_nodes if before not in constants]
        if node is start or node.op == "output" or not inputs or not steps.keys() | {start} >= {*inputs}:
            continue
        slide = slide_of(traced, node)
        if slide is not None or pointwise(traced, node, values, constants):
            steps[node] = slide
    tensors = {node: value for node, value in values.items() if isinstance(value, Tensor)}
    sizes, dtypes = ({node: getattr(value, of) for node, value in tensors.items()} for of in ("shape", "dtype"))
    return Apart(traced, start, constants, sizes, dtypes, tuple(steps.items()))


def felt_along(apart: Apart, spans: Tensor, axis: int) -> dict[fx.Node, Span]:
    """Where a patch is felt along one side of each step's map.

    spans: int64 (p, 2), first and last-plus-one pixel of the patch. axis: 0 for rows and 1 for columns.
    """
    felt = {apart.start: Span(spans[:, 0], spans[:, 1], apart.sizes[apart.start][2 + axis])}
    for node, slide in apart.steps:
        before = [felt[one] for one in node.all_input_nodes if one in felt]
        if slide is None:
            felt[node] = joined(before)
        else:
            kernel, stride, dilation = slide.kernel[axis], slide.stride[axis], slide.dilation[axis]
            length = apart.sizes[node][2 + axis]
            felt[node] = before[0].slid(kernel, stride, dilation, slide.padding[axis], length)
    return felt


def plan_occlusion(apart: Apart, rows: dict[fx.Node, Span], columns: dict[fx.Node, Span]) -> Plan:
    """How to compute the logits of an image with a patch at some rows and columns; they are from `felt_along`."""
    spans = {apart.start: (rows[apart.start], columns[apart.start])}
    steps: list[tuple[fx.Node, Slide | None]] = []
    for node, slide in apart.steps:
        felt = rows[node], columns[node]
        read = (before in spans for before in node.all_input_nodes if before not in apart.constants)
        if all(read) and _share(felt) <= DENSE:
            spans[node] = felt
            steps.append((node, slide))
    rest, handed = _rest(apart.traced, spans.keys(), apart.constants.keys())
    sizes = [apart.sizes[node].numel() for node in (*rest, *handed) if node in apart.sizes]
    largest = max(sizes)
    work = sum(_weights(apart, node) * apart.sizes[node][2:].numel() for node in rest if node in apart.sizes)
    for node, slide in steps:
        high, wide = (region.size for region in needed(slide, spans[node]))
        channels = [apart.sizes[before][1] for before in node.all_input_nodes if before in spans]
        height, width = (span.size for span in spans[node])
        sizes += [high * wide * max(*channels, INDEX), height * width * apart.sizes[node][1]]
    return Plan(
        apart.traced,
        apart.start,
        apart.constants,
        tuple(steps),
        spans,
        handed,
        _around(steps, handed, spans),
        tuple(rest.items()),
        max(sizes),
        largest,
        work + sum(_weights(apart, node) * math.prod(span.size for span in spans[node]) for node, _ in steps),
    )


def normalised(classifier: Classifier, images: Images) -> Tensor:
    """What the network is given, channels last."""
    found = (images - classifier.mean) / classifier.std
    return found.contiguous(memory_format=torch.channels_last)


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
    steps: list[tuple[fx.Node, Slide | None]], handed: tuple[fx.Node, ...], spans: dict[fx.Node, Spans]
) -> dict[tuple[fx.Node | None, fx.Node], Regions]:
    read: dict[tuple[fx.Node | None, fx.Node], Regions] = {}
    for node, slide in steps:
        read |= {(node, before): needed(slide, spans[node]) for before in node.all_input_nodes if before in spans}
    for node in handed:
        rows, columns = (Region(torch.zeros_like(span.start), span.length) for span in spans[node])
        read[None, node] = rows, columns
    return {(node, before): regions for (node, before), regions in read.items() if not alike(spans[before], regions)}


def _share(spans: Spans) -> float:
    rows, columns = spans
    return rows.size * columns.size / (rows.length * columns.length)


def _weights(apart: Apart, node: fx.Node) -> int:
    """Of a convolution: how many multiplications a pixel takes."""
    module = module_of(apart.traced, node)
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
