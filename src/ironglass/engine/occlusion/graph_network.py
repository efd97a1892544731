"""A traced network, read for occlusion: steps that could be computed in windows, and spans that a patch affects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx

from ironglass.engine.occlusion.fused_conv import Convolution
from ironglass.engine.occlusion.fx_nodes import constants_of, module_of, run_node
from ironglass.engine.occlusion.local_ops import Slide, pointwise, slide_of
from ironglass.engine.occlusion.trace import trace_network
from ironglass.engine.occlusion.windows import Span, joined
from ironglass.models.classifier import Classifier
from ironglass.types import Images

# Least ratio of output to input channels for a convolution to be computed with its halo.
WIDER = 2


@dataclass(frozen=True)
class TracedNetwork:
    """A network as a graph.

    start: the placeholder of the images.
    constants: nodes that do not depend on the images, with their values.
    sizes, dtypes: of the nodes' tensors for one image.
    steps: the nodes that can be computed in windows, in order, with their sliding kernel if they have one.
    widened: steps that are computed on the whole region that the next step reads, see `_widened`.
    """

    traced: fx.GraphModule
    start: fx.Node
    constants: dict[fx.Node, Any]
    sizes: dict[fx.Node, torch.Size]
    dtypes: dict[fx.Node, torch.dtype]
    steps: tuple[tuple[fx.Node, Slide | None], ...]
    widened: dict[fx.Node, fx.Node]


def read_graph(classifier: Classifier, image: Images) -> TracedNetwork | None:
    """The network as a graph; None where it cannot be read. image: (1, c, h, w)."""
    if not classifier.is_plain:  # the graph would give the network's own outputs
        return None
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
    except Exception:  # the traced graph does not run
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
    sizes, dtypes = (
        {node: getattr(value, attribute) for node, value in tensors.items()} for attribute in ("shape", "dtype")
    )
    return TracedNetwork(traced, start, constants, sizes, dtypes, tuple(steps.items()), _widened(traced, steps))


def affected_spans(network: TracedNetwork, spans: Tensor, axis: int) -> dict[fx.Node, Span]:
    """Span that a patch affects, along one side of each step's map.

    spans: int64 (p, 2), first and last-plus-one pixel of the patch. axis: 0 for rows and 1 for columns.
    """
    affected = {network.start: Span(spans[:, 0], spans[:, 1], network.sizes[network.start][2 + axis])}
    for node, slide in network.steps:
        before = [affected[source] for source in node.all_input_nodes if source in affected]
        if slide is None:
            affected[node] = joined(before)
        else:
            kernel, stride, dilation = slide.kernel[axis], slide.stride[axis], slide.dilation[axis]
            length = network.sizes[node][2 + axis]
            affected[node] = before[0].slid(kernel, stride, dilation, slide.padding[axis], length)
    return affected


def normalised(classifier: Classifier, images: Images) -> Tensor:
    """Normalised images, channels last."""
    maps = (images - classifier.mean) / classifier.std
    return maps.contiguous(memory_format=torch.channels_last)


def _widened(traced: fx.GraphModule, steps: dict[fx.Node, Slide | None]) -> dict[fx.Node, fx.Node]:
    """1 × 1 convolutions to many more channels, as before a depthwise one, with the sliding step that is their only
    reader: computing the halo from few channels costs less than copying many from the surrounding map.
    """
    widened = {}
    for node, slide in steps.items():
        module = module_of(traced, node)
        if slide is None or not isinstance(module, Convolution) or len(node.users) != 1:
            continue
        out, into = cast(Tensor, module.weight).shape[:2]
        single = (slide.kernel, slide.stride, slide.padding) == ((1, 1), (1, 1), (0, 0))
        (reader,) = node.users
        if single and out >= WIDER * into * module.settings["groups"] and steps.get(reader) is not None:
            widened[node] = reader
    return widened
