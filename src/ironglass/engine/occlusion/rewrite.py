"""Simplification of a traced graph: batch-norm folded into convolutions, in-place operations replaced."""

from __future__ import annotations

import copy
import operator
from typing import Any, TypeGuard, TypeVar, cast

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from ironglass.engine.folding.fold_weights import scale_and_shift
from ironglass.engine.occlusion.fused_conv import Convolution, Scale
from ironglass.engine.occlusion.fx_nodes import constants_of, module_of

M = TypeVar("M", bound=nn.Module)


def simplify(traced: fx.GraphModule) -> None:
    """Rewrites the graph to an equivalent one of `Convolution`, `Scale` and unchanged other nodes.

    The network's own modules are replaced in the graph and never changed.
    """
    without_in_place(traced)
    _without_identities(traced)
    _fold(traced)
    _merge(traced)
    _overwrite(traced)
    traced.recompile()


IN_PLACE = {torch.relu_: torch.relu, F.relu_: F.relu}
IN_PLACE_METHODS = {"relu_": "relu", "sigmoid_": "sigmoid", "tanh_": "tanh", "clamp_": "clamp"}


def without_in_place(traced: fx.GraphModule) -> None:
    """Makes activations write to a new tensor, which later readers of the old one then read; without assertions."""
    for node in [node for node in traced.graph.nodes if node.target is torch._assert]:
        traced.graph.erase_node(node)
    traced.graph.eliminate_dead_code()
    for node in list(traced.graph.nodes):
        module = module_of(traced, node)
        if module is not None and getattr(module, "inplace", False):
            fresh: Any = copy.copy(module)
            fresh.inplace = False
            _replace(traced, node, fresh)
        elif node.op == "call_function" and node.kwargs.get("inplace"):
            node.kwargs = {**node.kwargs, "inplace": False}
        elif node.target in IN_PLACE:
            node.target = IN_PLACE[node.target]
        elif node.op == "call_method" and node.target in IN_PLACE_METHODS:
            node.target = IN_PLACE_METHODS[node.target]
        else:
            continue
        changed = node.all_input_nodes[0]
        later = {user for user in changed.users if user > node}
        changed.replace_all_uses_with(node, delete_user_cb=lambda user, later=later: user in later)


def _without_identities(traced: fx.GraphModule) -> None:
    for node in list(traced.graph.nodes):
        module = module_of(traced, node)
        idle = isinstance(module, nn.modules.dropout._DropoutNd) and not module.training
        if idle or isinstance(module, nn.Identity):
            node.replace_all_uses_with(node.all_input_nodes[0])
            traced.graph.erase_node(node)


FUSIBLE: dict[Any, str] = {
    nn.ReLU: "relu", nn.ReLU6: "relu6", torch.relu: "relu", F.relu: "relu", F.relu6: "relu6", "relu": "relu",
}  # fmt: skip
"""Names in ACTIVATIONS by module, function or method."""


def _merge(traced: fx.GraphModule) -> None:
    """Fuses activations into the convolution before them, which saves a pass over the map."""
    for node in list(traced.graph.nodes):
        if len(node.args) != 1 or len(node.all_input_nodes) != 1:
            continue
        before = node.all_input_nodes[0]
        name = FUSIBLE.get(type(module_of(traced, node)) if node.op == "call_module" else node.target)
        convolution = module_of(traced, before)
        if name is None or not isinstance(convolution, Convolution) or convolution.activation or len(before.users) > 1:
            continue
        _replace(traced, before, convolution.followed_by(name))
        node.replace_all_uses_with(before)
        traced.graph.erase_node(node)


def _overwrite(traced: fx.GraphModule) -> None:
    """Makes activations work in place where nothing else reads their input: allocation costs as much as they do."""
    for node in list(traced.graph.nodes):
        if not node.all_input_nodes:
            continue
        before = node.all_input_nodes[0]
        fresh = isinstance(module_of(traced, before), Convolution | Scale) or before.target in (operator.add, torch.add)
        module = module_of(traced, node)
        if len(before.users) > 1 or not fresh:
            continue
        if hasattr(module, "inplace"):
            module_copy: Any = copy.copy(module)
            module_copy.inplace = True
            _replace(traced, node, module_copy)
        elif node.target in (F.relu, F.relu6, F.silu, F.hardswish) and len(node.args) == 1:
            node.kwargs = {**node.kwargs, "inplace": True}


def _fold(traced: fx.GraphModule) -> None:
    constants = constants_of(traced)
    for node in list(traced.graph.nodes):
        if (batch_norm := _batch_norm(traced, node, constants)) is None:
            if (convolution := _convolution(traced, node, constants)) is not None:
                _replace(traced, node, convolution)
            continue
        factor, offset = batch_norm
        before = node.all_input_nodes[0]
        convolution = module_of(traced, before)
        if isinstance(convolution, Convolution) and len(before.users) == 1:
            weight = cast(Tensor, convolution.weight) * factor[:, None, None, None]
            bias = cast(Tensor | None, convolution.bias)
            bias = offset if bias is None else offset + bias * factor
            _replace(traced, before, Convolution(weight, bias, convolution.settings))
            node.replace_all_uses_with(before)
            traced.graph.erase_node(node)
        else:
            _replace(traced, node, Scale(factor, offset))
    traced.graph.eliminate_dead_code()


def _convolution(traced: fx.GraphModule, node: fx.Node, constants: dict[fx.Node, Any]) -> Convolution | None:
    module = module_of(traced, node)
    if module is not None and _is_a(nn.Conv2d, module) and module.padding_mode == "zeros":
        settings = {name: getattr(module, name) for name in ("stride", "padding", "dilation", "groups")}
        return Convolution(cast(Tensor, module.weight), cast(Tensor | None, module.bias), settings)
    if node.op != "call_function" or node.target not in (F.conv2d, torch.conv2d) or node in constants:
        return None
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    arguments = dict(zip(names, (None, None, None, 1, 0, 1, 1), strict=True))
    arguments |= dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
    values: dict[str, Any] = {
        name: constants.get(value, value) if isinstance(value, fx.Node) else value for name, value in arguments.items()
    }
    if isinstance(values["weight"], fx.Node) or isinstance(values["bias"], fx.Node):
        return None
    return Convolution(values["weight"], values["bias"], {name: arguments[name] for name in names[3:]})


BATCH_NORM = ("running_mean", "running_var", "weight", "bias", "eps")


def _batch_norm(traced: fx.GraphModule, node: fx.Node, constants: dict[fx.Node, Any]) -> tuple[Tensor, Tensor] | None:
    """The factor and offset of each channel, where a node is batch-norm with fixed statistics."""
    module = module_of(traced, node)
    if module is not None and _is_a(nn.BatchNorm2d, module) and not module.training:
        arguments: dict[str, Any] = {name: getattr(module, name) for name in BATCH_NORM}
    elif node.op == "call_function" and node.target is F.batch_norm and node not in constants:
        names = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
        arguments = {"weight": None, "bias": None, "training": False, "eps": 1e-5}
        arguments |= dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
        arguments = {
            name: constants.get(value, value) if isinstance(value, fx.Node) else value
            for name, value in arguments.items()
        }
        if arguments["training"] is not False:
            return None
    else:
        return None
    mean, var, weight, bias, eps = (arguments[name] for name in BATCH_NORM)
    if any(isinstance(value, fx.Node) for value in (mean, var, weight, bias)):
        return None
    if mean is None or var is None:  # the batch's own statistics: a patch anywhere changes every pixel
        return None
    factor, offset = scale_and_shift(mean, var, weight, bias, eps)
    return factor.to(mean.dtype), offset.to(mean.dtype)


def _is_a(kind: type[M], module: nn.Module) -> TypeGuard[M]:
    """Returns whether a module is of exactly this kind, since a subclass may compute anything; spectral norm is
    allowed."""
    return type(module) is kind or (parametrize.is_parametrized(module) and type(module).__bases__ == (kind,))


def _replace(traced: fx.GraphModule, node: fx.Node, module: nn.Module) -> None:
    name = f"replaced_{node.name}"
    traced.add_submodule(name, module)
    images = (
        node.all_input_nodes[0]
        if node.op == "call_module"
        else cast(fx.Node, node.args[0] if node.args else node.kwargs["input"])
    )
    node.op, node.target, node.args, node.kwargs = "call_module", name, (images,), {}
