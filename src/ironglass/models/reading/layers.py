"""A network's layers, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.exclusive import exclusive
from ironglass.models.reading.read_network import ReadNetwork


def layers_in_order(classifier: ReadNetwork) -> dict[str, nn.Module]:
    """The network's layers by name, in the order in which a forward pass of a grey image enters them.

    Those are its innermost modules and those that have weights or statistics of their own, as timm's batch-norm, which
    holds its activation. A module that runs twice stands at its first place; one that never runs is left out, and so
    is what the network itself owns, as a transformer's class token.
    """
    order: dict[str, nn.Module] = {}
    with exclusive(classifier.network):  # before there are hooks, which would be in the way of others
        handles = [
            module.register_forward_pre_hook(lambda module, _in, name=name: order.setdefault(name, module) and None)
            for name, module in classifier.network.named_modules()
            if name and "parametrizations" not in name and (is_innermost(module) or list(own_tensors(module)))
        ]
        try:
            with eval_without_grad(classifier), torch.no_grad():
                size = (2, classifier.channels, *classifier.input_size)
                classifier(torch.full(size, 0.5, device=classifier.device))
        finally:
            for handle in handles:
                handle.remove()
    return order


def is_innermost(module: nn.Module) -> bool:
    """Returns whether no other layer lies in it; a weight that is parametrised (spectral norm, say) does not make it an
    outer one."""
    return not {name for name, _ in module.named_children()} - {"parametrizations"}


def own_tensors(layer: nn.Module) -> Iterator[Tensor]:
    """Parameters and buffers of a layer, without those of layers that lie in it."""
    inner = is_innermost(layer)
    yield from layer.parameters(recurse=inner)
    yield from layer.buffers(recurse=inner)
