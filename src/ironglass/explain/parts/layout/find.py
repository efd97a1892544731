"""The layouts of a network's layers, found once for each size of images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from ironglass.errors import InputError, Notice
from ironglass.explain.parts.layers import check_ran, find_layers
from ironglass.explain.parts.layout.axes import Found, Layout, Unlaid
from ironglass.explain.parts.layout.decide import decide
from ironglass.explain.parts.layout.grids import like_image, regular
from ironglass.explain.parts.layout.probe import probe
from ironglass.explain.parts.layout.response import Response
from ironglass.models.classifier import Classifier
from ironglass.models.exclusive import modules_of

SPATIAL = (nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d, nn.BatchNorm2d, nn.Upsample, nn.Dropout2d)
SPATIAL += (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.PixelShuffle, nn.LPPool2d, nn.ZeroPad2d, nn.ReflectionPad2d)
"""Layers that work on (n, c, h, w) alone. A hint only: their rows need not be those of the image."""

_known: WeakKeyDictionary[nn.Module, tuple[tuple, dict[tuple, Found]]] = WeakKeyDictionary()


def layouts_of(classifier: Classifier, layers: dict[str, nn.Module], images: Tensor) -> Found:
    """The layout of each layer that runs and gives a tensor, or why there is none.

    Not read off the layer's type. Where only convolutions and the like lie between the image and the layer, its axes
    are the image's. Elsewhere they are seen: bands of an image are changed one after another, and the axes along which
    the change of the output moves with the band are rows and columns. Layers between which every place stays where it
    is share what is seen of the first of them. Once for each size of images.

    images: of the size, type and device in question, (n, c, h, w).
    """
    network = classifier.network
    modules = tuple(map(id, modules_of(network)))
    before, by_size = _known.get(network, ((), {}))
    if before != modules:  # a layer was exchanged since
        by_size = {}
        _known[network] = (modules, by_size)
    known = by_size.setdefault((tuple(images.shape[1:]), images.dtype, images.device), {})
    if missing := layers.keys() - known.keys():
        size = (images.shape[2], images.shape[3])
        probed = probe(classifier, missing, images[:1])
        wide, stated = size[1] / size[0], declared(network, size)
        grids = [grid for grid in dict.fromkeys([*probed.grids, *regular(size)]) if like_image(*grid, wide)]
        named = dict(network.named_modules())
        for kin in probed.kin:
            hints = {name: _hint(one, named[name], stated) for name, one in kin.responses.items()}
            known |= decide(kin, hints, grids, wide)
    return {name: known[name] for name in layers if name in known}


def laid_layers(
    classifier: Classifier, names: Sequence[str] | None, images: Tensor
) -> tuple[dict[str, nn.Module], dict[str, Layout]]:
    """The named layers with their layouts; without names all that are usual, run, and lie over the image.

    A Notice names those of the usual ones that may lie over the image and cannot be laid out. Raises InputError for a
    named layer that does not exist, does not run, or cannot be laid out, and where no layer can.
    """
    layers = find_layers(classifier.network, names)
    found = layouts_of(classifier, layers, images)
    check_ran(names, found)
    unlaid = {name: why for name, why in found.items() if isinstance(why, Unlaid)}
    for name in names or ():
        if name in unlaid:
            raise refused(name, unlaid[name])
    laid = {name: layout for name, layout in found.items() if isinstance(layout, Layout)}
    if not laid:
        raise refused(*next(iter(unlaid.items())))
    if left_out := {name: why for name, why in unlaid.items() if not why.over_no_image}:
        name, why = next(iter(left_out.items()))
        more = f", and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        warnings.warn(Notice(f"left out of the layers explained: {name!r}, which {why}{more}"), stacklevel=4)
    return {name: layers[name] for name in laid}, laid


def refused(name: str, why: Unlaid) -> InputError:
    """The refusal of a layer by name."""
    return InputError(f"layer {name!r} {why}: this needs maps, (n, c, h, w); choose another layer, or occlusion")


def declared(network: nn.Module, size: tuple[int, int]) -> tuple[tuple[int, int], int] | None:
    """The grid and number of prefix tokens that a transformer of timm states, for images of `size`."""
    patches: Any = getattr(network, "patch_embed", None)
    prefix = getattr(network, "num_prefix_tokens", None)
    if getattr(patches, "grid_size", None) is None or not isinstance(prefix, int):
        return None
    grid = patches.dynamic_feat_size(size) if hasattr(patches, "dynamic_feat_size") else patches.grid_size
    return (int(grid[0]), int(grid[1])), prefix


def _hint(response: Response, module: nn.Module, stated: tuple[tuple[int, int], int] | None) -> Layout | None:
    """Layout by the layer's type, or by the network's own statement on its tokens."""
    shape, batch = response.shape, response.batch
    if isinstance(module, SPATIAL) and len(shape) == 4 and batch == 0:
        return Layout(shape, 0, (2, 3))
    if stated is not None and len(shape) == 3 and batch == 0:
        (height, width), prefix = stated
        if shape[1] - height * width in (0, prefix):
            return Layout(shape, 0, (1,), (height, width), 0, shape[1] - height * width)
    return None
