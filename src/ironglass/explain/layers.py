"""The outputs of a network's layers as maps, those of transformers too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier


def find_layers(network: nn.Module, names: Sequence[str] | None) -> dict[str, nn.Module]:
    """The named modules; without names every convolution, and in a vision transformer of timm each block's first norm.

    A block's first norm, and not its output, because of the last block's output only the class token counts. Raises
    InputError for a name that does not exist.
    """
    known = dict(network.named_modules())
    usual: dict[str, nn.Module] = {name: module for name, module in known.items() if isinstance(module, nn.Conv2d)}
    if _patches(network) is not None and hasattr(network, "num_prefix_tokens"):
        usual |= {name: module for name, module in known.items() if re.fullmatch(r"blocks\.\d+\.norm1", name)}
    for name in names or ():
        if name not in known:
            raise InputError(f"there is no layer {name!r}: choose from {', '.join(usual)}")
    return {name: known[name] for name in names} if names else usual


@contextmanager
def watched(layers: dict[str, nn.Module], change: Callable[[str, Tensor], Tensor]) -> Iterator[dict[str, Tensor]]:
    """Inside, what each layer gives at its last run, in the order of running.

    change: makes of a layer's name and its output what the network goes on with.
    """
    outputs: dict[str, Tensor] = {}

    def hook_of(name: str) -> Callable[..., Tensor | None]:
        def hook(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor | None:
            if not isinstance(output, Tensor):
                return None
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
    """A copy for the network to go on with: an in-place activation would overwrite the output itself."""
    return output.clone()


def check_ran(names: Sequence[str] | None, outputs: dict[str, Tensor]) -> None:
    """Raises InputError unless each of the names, or without names any layer, has given a tensor."""
    if missing := set(names or ()) - outputs.keys():
        raise InputError(f"layer {min(missing)!r} does not run in a forward pass, or its output is no tensor")
    if not outputs:
        raise InputError("the network has no convolutional layer to explain: choose occlusion")


def as_maps(classifier: Classifier, name: str, output: Tensor, n: int, size: tuple[int, int]) -> Tensor:
    """The output of layer `name`, or its gradient, as (n, c, h, w), for `n` images of `size` pixels.

    Channels are put first where a network of timm, a LayerNorm or a Linear keeps them last. Tokens (n, t, c) are laid
    on the grid of timm's patch embedding, without the class token and its like. Raises InputError for other shapes.
    """
    return layout_of(classifier, name, output, n, size)(output)


def layout_of(
    classifier: Classifier, name: str, output: Tensor, n: int, size: tuple[int, int]
) -> Callable[[Tensor], Tensor]:
    """What `as_maps` does to this output, for its gradient too, which lies as it does."""
    given = tuple(output.shape)
    if len(output) == n and output.ndim == 4:
        return _channels_first if _channels_last(classifier.network, name) else _as_it_is
    if len(output) != n or output.ndim != 3:
        raise InputError(f"layer {name!r} gives {given} for {n} images: this needs maps, (n, c, h, w)")
    patches: Any = _patches(classifier.network)
    if patches is None:
        raise InputError(
            f"layer {name!r} gives tokens, {given}, and the network does not say how they lie in the image, as timm's "
            "do by patch_embed.grid_size: choose a convolution, or occlusion"
        )
    grid = patches.dynamic_feat_size(size) if hasattr(patches, "dynamic_feat_size") else patches.grid_size
    height, width = (int(side) for side in grid)
    extra = output.shape[1] - height * width
    if extra not in (0, getattr(classifier.network, "num_prefix_tokens", 0)):
        raise InputError(f"layer {name!r} gives {given}: its tokens do not fill the {height}×{width} patches")
    return lambda tokens: tokens[:, extra:].mT.unflatten(2, (height, width))


def _as_it_is(maps: Tensor) -> Tensor:
    return maps


def _channels_first(maps: Tensor) -> Tensor:
    return maps.permute(0, 3, 1, 2)


def _patches(network: nn.Module) -> nn.Module | None:
    patches = getattr(network, "patch_embed", None)
    return patches if getattr(patches, "grid_size", None) is not None else None


def _channels_last(network: nn.Module, name: str) -> bool:
    module = network.get_submodule(name)
    if isinstance(module, nn.Conv2d):
        return False
    if isinstance(module, nn.LayerNorm | nn.Linear):
        return not type(module).__name__.lower().endswith("2d")  # timm's LayerNorm2d turns to and fro by itself
    parts = name.split(".")
    around = [network.get_submodule(".".join(parts[:depth])) for depth in range(len(parts), -1, -1)]
    formats = (getattr(outer, "output_fmt", None) for outer in around)
    return next((written for written in formats if written is not None), None) == "NHWC"
