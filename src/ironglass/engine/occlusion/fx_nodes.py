"""Reading and running the nodes of a traced network one by one."""

from __future__ import annotations

from typing import Any, cast

from torch import fx, nn
from torch.fx.node import map_arg


def run_node(traced: fx.GraphModule, node: fx.Node, values: dict[fx.Node, Any]) -> Any:
    """Runs one node on the values of the nodes before it."""
    args, kwargs = cast(Any, map_arg((node.args, node.kwargs), lambda argument: values[argument]))
    match node.op, node.target:
        case "call_module", str(target):
            return traced.get_submodule(target)(*args, **kwargs)
        case "call_method", str(target):
            return getattr(args[0], target)(*args[1:], **kwargs)
        case "get_attr", str(target):
            owner, _, name = target.rpartition(".")
            return getattr(traced.get_submodule(owner), name)
        case "output", _:
            return args[0]
        case _, target:
            return cast(Any, target)(*args, **kwargs)


def constants_of(traced: fx.GraphModule) -> dict[fx.Node, Any]:
    """The values that do not depend on the images."""
    values: dict[fx.Node, Any] = {}
    for node in traced.graph.nodes:
        if node.op not in ("placeholder", "output") and all(before in values for before in node.all_input_nodes):
            values[node] = run_node(traced, node, values)
    return values


def module_of(traced: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """The module that a node calls."""
    return traced.get_submodule(cast(str, node.target)) if node.op == "call_module" else None
