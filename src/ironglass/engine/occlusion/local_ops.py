"""Nodes of a traced network that can be computed in a window of their map."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from ironglass.engine.kernels.winograd import pair
from ironglass.engine.occlusion.fused_conv import Convolution, Scale
from ironglass.engine.occlusion.fx_nodes import module_of

Pair: TypeAlias = tuple[int, int]

POINTWISE_MODULES = (
    Scale,
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus,
    nn.Sigmoid, nn.LogSigmoid, nn.Tanh, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Softsign,
)  # fmt: skip
POINTWISE_FUNCTIONS = {
    torch.relu, F.relu, F.relu6, F.leaky_relu, F.elu, F.selu, F.celu, F.gelu, F.silu, F.mish, F.softplus, F.logsigmoid,
    F.sigmoid, torch.sigmoid, F.tanh, torch.tanh, F.hardtanh, F.hardsigmoid, F.hardswish, F.softsign, torch.clamp,
    torch.abs, torch.exp, torch.neg, operator.neg, operator.add, operator.sub, operator.mul, operator.truediv,
    operator.iadd, operator.isub, operator.imul, torch.add, torch.sub, torch.mul, torch.div, torch.maximum,
    torch.minimum, F.dropout, F.dropout2d,
}  # fmt: skip
POINTWISE_METHODS = {"relu", "sigmoid", "tanh", "clamp", "abs", "neg", "add", "sub", "mul", "div", "contiguous"}
STACKING = {torch.cat, torch.concat, torch.concatenate}


@dataclass(frozen=True)
class Slide:
    """A kernel that slides over a map; all pairs are (vertical, horizontal).

    padding: before the first row and column.
    border: padding value.
    apply: the operation on an already padded map.
    """

    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: Pair
    border: float
    apply: Callable[[Tensor], Tensor]


def slide_of(traced: fx.GraphModule, node: fx.Node) -> Slide | None:
    """The sliding kernel of a convolution or pooling node; None for others and for special borders."""
    module = module_of(traced, node)
    if isinstance(module, Convolution):
        return _convolution(module)
    if type(module) in (nn.MaxPool2d, nn.AvgPool2d):
        settings = dict(vars(module))
    elif node.op == "call_function" and node.target in (F.max_pool2d, torch.max_pool2d, F.avg_pool2d):
        names = ["input", "kernel_size", "stride", "padding"]
        names += (
            ["ceil_mode", "count_include_pad", "divisor_override"]
            if node.target is F.avg_pool2d
            else ["dilation", "ceil_mode"]
        )
        settings = dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
    else:
        return None
    if any(isinstance(value, fx.Node) for name, value in settings.items() if name != "input"):
        return None
    kernel, padding, dilation = (
        pair(settings.get(name, default)) for name, default in (("kernel_size", 1), ("padding", 0), ("dilation", 1))
    )
    stride = pair(settings.get("stride") or kernel)
    if type(module) is nn.MaxPool2d or node.target in (F.max_pool2d, torch.max_pool2d):
        if settings.get("return_indices"):
            return None
        return Slide(
            kernel, stride, dilation, padding, -torch.inf, lambda maps: F.max_pool2d(maps, kernel, stride, 0, dilation)
        )
    if settings.get("ceil_mode") or (any(padding) and not settings.get("count_include_pad", True)):
        return None  # the divisor depends on the position
    divisor: Any = settings.get("divisor_override")
    return Slide(
        kernel,
        stride,
        (1, 1),
        padding,
        0.0,
        lambda maps: F.avg_pool2d(maps, kernel, stride, 0, divisor_override=divisor),
    )


def pointwise(
    traced: fx.GraphModule, node: fx.Node, values: dict[fx.Node, Any], constants: Collection[fx.Node]
) -> bool:
    """Returns whether each pixel of a node's output depends on the same pixel of its inputs only, equally everywhere.

    values: of every node, for one image.
    constants: the nodes that do not depend on it.

    Concatenation along the channels counts, too.
    """
    output = values[node]
    if not (isinstance(output, Tensor) and output.ndim == 4 and output.is_floating_point()):
        return False
    for before in node.all_input_nodes:
        value = values[before]
        if before in constants:
            compatible = not isinstance(value, Tensor) or value.numel() == 1 or value.shape[-2:] == (1, 1)
        else:
            compatible = isinstance(value, Tensor) and value.ndim == 4 and value.shape[2:] == output.shape[2:]
        if not compatible:
            return False
    if node.op == "call_module":
        return isinstance(module_of(traced, node), POINTWISE_MODULES)
    if node.op == "call_method":
        return node.target in POINTWISE_METHODS
    if node.target in STACKING:
        return (node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)) in (1, -3)
    if node.target in (F.dropout, F.dropout2d):
        return (node.args[2] if len(node.args) > 2 else node.kwargs.get("training", True)) is False
    return node.target in POINTWISE_FUNCTIONS


def _convolution(module: Convolution) -> Slide:
    settings = module.settings
    _, _, *kernel = cast(Tensor, module.weight).shape
    stride, dilation = pair(settings["stride"]), pair(settings["dilation"])
    padding = settings["padding"]
    if padding == "same":
        padding = tuple(spacing * (length - 1) // 2 for spacing, length in zip(dilation, kernel, strict=True))
    offset = (0, 0) if padding == "valid" else pair(padding)
    return Slide((kernel[0], kernel[1]), stride, dilation, offset, 0.0, module.slide)
