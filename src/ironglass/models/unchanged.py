"""Checks of a network's tensors, and restoration of its buffers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ironglass.errors import InputError


def check_tensors(network: nn.Module) -> None:
    """Raises InputError for what is no module, for weights without values, and for some through which no gradient can
    pass."""
    if not isinstance(network, nn.Module):
        raise InputError(f"network is of type {type(network).__name__}: give an nn.Module")
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        if is_lazy(tensor):
            continue
        if tensor.is_meta:
            raise InputError(
                f"the network's {name!r} has no values (it is on the device meta): give it some by to_empty and"
                " load_state_dict"
            )
        if tensor.is_inference():
            raise InputError(
                f"the network's {name!r} was made inside torch.inference_mode(), and no gradient passes by it: make the"
                " network outside, or by torch.no_grad()"
            )


@contextmanager
def preserve_buffers(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Inside, the modules may change their buffers, as batch-norm that is always in training mode does, or a counter of
    passes; on leaving they are as before. One that has become of another shape stays, for its owner knows the new one.
    """
    saved = [
        (module, name, buffer, buffer.detach().clone())
        for module in modules
        for name, buffer in module._buffers.items()
        if buffer is not None and _is_plain(buffer)
    ]
    try:
        yield
    finally:
        with torch.inference_mode(False), torch.no_grad():
            for module, name, buffer, values in saved:
                current = dict(module._buffers.items()).get(name)
                if (
                    current is not buffer
                    and current is not None
                    and current.shape == values.shape
                    and current.dtype == values.dtype
                ):
                    module._buffers[name] = buffer
                if buffer.shape == values.shape and not torch.equal(buffer, values):
                    buffer.copy_(values)


def _is_plain(buffer: Tensor) -> bool:
    return not (is_lazy(buffer) or buffer.is_meta or buffer.is_inference()) and (
        buffer.layout is torch.strided and not buffer.is_quantized
    )
