"""The layers of a network, by name or all that have maps, and their outputs in a forward pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ironglass.errors import InputError
from ironglass.models.exclusive import modules_of


def find_layers(network: nn.Module, names: Sequence[str] | None) -> dict[str, nn.Module]:
    """The named modules; without names every convolution, and of each block that attends the first norm.

    A block's first norm, and not its output, because of the last block's output only the class token may count. Raises
    InputError for a name that does not exist.
    """
    modules = dict(zip(_names_of(network), modules_of(network), strict=True))
    norms = set(first_norms(network))
    default = {name: module for name, module in modules.items() if isinstance(module, nn.Conv2d) or name in norms}
    if isinstance(network, torch.jit.ScriptModule):
        raise InputError("a TorchScript network does not let its layers be read: choose saliency, or occlusion")
    for name in names or ():
        if name not in modules:
            raise InputError(f"there is no layer {name!r}: choose from {', '.join(default)}")
    return {name: modules[name] for name in names} if names else default


def first_norms(network: nn.Module) -> list[str]:
    """Of each module that directly holds an attention, the first of its norms."""
    modules = tuple(map(id, modules_of(network)))
    cached = _first_norms.get(network)
    if cached is not None and cached[0] == modules:
        return cached[1]
    norm_names = []
    for name, block in network.named_modules():
        kinds = {child: type(module).__name__.lower() for child, module in block.named_children()}
        norms = [child for child, kind in kinds.items() if "norm" in kind]
        if norms and any("attention" in kind or "attn" in kind for kind in kinds.values()):
            norm_names.append(f"{name}.{norms[0]}" if name else norms[0])
    _first_norms[network] = modules, norm_names
    return norm_names


def _names_of(network: nn.Module) -> list[str]:
    """The names of all its modules, in the order of `modules_of`."""
    modules = tuple(map(id, modules_of(network)))
    cached = _names.get(network)
    if cached is None or cached[0] != modules:
        cached = _names[network] = modules, [name for name, _ in network.named_modules()]
    return cached[1]


_names: WeakKeyDictionary[nn.Module, tuple[tuple[int, ...], list[str]]] = WeakKeyDictionary()
_first_norms: WeakKeyDictionary[nn.Module, tuple[tuple[int, ...], list[str]]] = WeakKeyDictionary()


@contextmanager
def recorded_outputs(
    layers: dict[str, nn.Module], change: Callable[[str, Tensor], Tensor]
) -> Iterator[dict[str, Tensor]]:
    """Inside: each layer's output of its last run, in the order of running.

    change: function of a layer's name and output; the network continues with its result.
    """
    outputs: dict[str, Tensor] = {}

    def hook_of(name: str) -> Callable[..., Tensor | None]:
        def hook(_module: nn.Module, inputs: tuple, output: Tensor) -> Tensor | None:
            if not isinstance(output, Tensor):
                return None
            if any(output is value for value in inputs):  # an identity, whose input may be used elsewhere, too
                output = output.view_as(output)
            outputs.pop(name, None)
            outputs[name] = output
            return change(name, output)

        return hook

    handles = [module.register_forward_hook(hook_of(name)) for name, module in layers.items()]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def copied(_name: str, output: Tensor) -> Tensor:
    """A copy with which the network continues, so that an in-place activation cannot overwrite the recorded output."""
    return output.clone()


def check_ran(names: Iterable[str] | None, outputs: Collection[str]) -> None:
    """Raises InputError unless each of the names, or without names any layer, has given a tensor."""
    if missing := set(names or ()) - set(outputs):
        raise InputError(f"layer {min(missing)!r} does not run in a forward pass, or its output is no tensor")
    if not outputs:
        raise InputError("the network has no convolutional layer to explain: choose occlusion")
