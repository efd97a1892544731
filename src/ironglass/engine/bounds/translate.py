"""Translation of a traced network to operations that can be bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_arg

from ironglass.engine.bounds.functions import FUNCTIONS, IN_PLACE, METHODS, MODULES
from ironglass.engine.bounds.makers import Read
from ironglass.engine.occlusion.fx_nodes import run_node
from ironglass.errors import InputError

UNCOVERED = "bounds do not cover"


class Translation:
    """Steps of a graph, made node by node on the values of one image of zeros, which show every shape.

    samples: the value of each step, (1, ...).
    """

    def __init__(self, traced: fx.GraphModule, first: Any, sample: Tensor, step: Callable[..., Any]) -> None:
        self._traced, self._step = traced, step
        self._steps: list[Any] = [first]
        self.samples: list[Tensor] = [sample]
        self._positions: dict[fx.Node, int] = {}
        self._constants: dict[fx.Node, Any] = {}

    def steps(self) -> list[Any]:
        """All steps, the logits' last. Raises InputError for an operation that is not covered."""
        for node in self._traced.graph.nodes:
            if node.op == "placeholder":
                self._positions[node] = 1
            elif node.op == "output":
                return self._until(node)
            elif not any(before in self._positions for before in node.all_input_nodes):
                self._constants[node] = run_node(self._traced, node, self._constants)
            else:
                self._translate(node)
        raise AssertionError("a graph ends in its output")

    def _until(self, node: fx.Node) -> list[Any]:
        """The steps up to the one that the network returns."""
        returned = node.args[0]
        position = self._positions.get(returned) if isinstance(returned, fx.Node) else None
        if position is None:
            raise InputError(f"{UNCOVERED} a network that returns no single tensor")
        del self._steps[position:], self.samples[position:]
        return self._steps

    def _translate(self, node: fx.Node) -> None:
        sources: list[int] = []

        def value(argument: fx.Node) -> Any:
            if argument not in self._positions:
                return self._constants[argument]
            position = self._positions[argument]
            sources.append(position)
            return Read(self.samples[position - 1], position)

        args, kwargs = cast(Any, map_arg((node.args, node.kwargs), value))
        translate, name = self._translator(node)
        try:
            built = None if translate is None else translate(*args, **kwargs)
        except (TypeError, AttributeError):  # arguments that the maker does not take
            built = None
        if built is None:
            raise InputError(f"{UNCOVERED} {name}")
        if not hasattr(built, "forward"):  # a size, or the value itself
            if isinstance(built, Read):
                self._positions[node] = built.position
            else:
                self._constants[node] = built
            return
        inputs = tuple(sources)
        self._steps.append(self._step(built, inputs))
        self.samples.append(built.forward([self.samples[position - 1] for position in inputs]))
        self._positions[node] = len(self._steps)
        if node.target in IN_PLACE and isinstance(args[0], Read):
            self._positions[cast(fx.Node, node.args[0])] = len(self._steps)

    def _translator(self, node: fx.Node) -> tuple[Callable[..., Any] | None, str]:
        """The function that makes a node's operation, or None, and the node's name in messages."""
        match node.op, node.target:
            case "call_module", str(target):
                module = self._traced.get_submodule(target)
                kind = _plain_type(module)
                translate = MODULES.get(kind)
                name = f"{type(module).__name__} ({target})"
                return None if translate is None else lambda *inputs: translate(module, *inputs), name
            case "call_method", str(target):
                return METHODS.get(target), f"Tensor.{target} ({node.name})"
            case _, target:
                return FUNCTIONS.get(target), f"{getattr(target, '__name__', target)} ({node.name})"


def _plain_type(module: nn.Module) -> type:
    """The module's class; of a parametrised one (spectral norm) that which it was built of."""
    if torch.nn.utils.parametrize.is_parametrized(module):
        return type(module).__bases__[0]
    return type(module)
