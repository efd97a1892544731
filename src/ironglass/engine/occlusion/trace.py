"""Tracing of a network to a graph, where the graph can be trusted to be equivalent."""

from __future__ import annotations

import random
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from ironglass.engine.occlusion.rewrite import simplify, without_in_place

# torch.fx replaces `nn.Module.__call__` for all threads while it traces; two traces at once would not restore it.
_one_at_a_time = threading.Lock()


class _Tracer(fx.Tracer):
    """Traces calls of its own thread only: modules run by other threads meanwhile are called as usual."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


def trace_network(network: nn.Module) -> fx.GraphModule | None:
    """The network, in evaluation mode, as a simplified graph; None where it may not be equivalent, see
    `traced_graph`."""
    traced = _trace(network)
    if traced is not None:
        simplify(traced)
    return traced


def traced_graph(network: nn.Module) -> fx.GraphModule | None:
    """The network, in evaluation mode, as a graph of its own operations, activations out of place; None where it may
    not be equivalent.

    None for control flow that depends on the values, for hooks, and where tracing draws random numbers, which the
    graph would repeat for ever. Other omissions of the trace only show in a comparison with the network itself.
    """
    traced = _trace(network)
    if traced is not None:
        without_in_place(traced)
    return traced


def _trace(network: nn.Module) -> fx.GraphModule | None:
    if any(module._forward_hooks or module._forward_pre_hooks for module in network.modules()):
        return None
    states = _random_states()
    try:
        with _one_at_a_time, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = _Tracer().trace(network)
            traced = fx.GraphModule(network, graph)
    except Exception:  # a network's own code is run on stand-ins for tensors, and may fail in any way
        traced = None
    if _random_states() != states:
        _restore(states)
        return None
    if traced is None or len([node for node in traced.graph.nodes if node.op == "placeholder"]) != 1:
        return None
    return traced


def _random_states() -> tuple[Any, ...]:
    kind, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    states = (torch.get_rng_state(), *devices)
    return (
        random.getstate(),
        (kind, np.asarray(keys).tobytes(), *rest),
        tuple(state.numpy().tobytes() for state in states),
    )


def _restore(states: tuple[Any, ...]) -> None:
    python, (kind, keys, *rest), (processor, *devices) = states
    random.setstate(python)
    np.random.set_state((kind, np.frombuffer(keys, np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(torch.frombuffer(bytearray(processor), dtype=torch.uint8))
    if devices:
        torch.cuda.set_rng_state_all([torch.frombuffer(bytearray(state), dtype=torch.uint8) for state in devices])
