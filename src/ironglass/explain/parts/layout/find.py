"""The layouts of a network's layers, determined once for each size of images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from ironglass.errors import InputError, Notice
from ironglass.explain.parts.layers import check_ran, find_layers
from ironglass.explain.parts.layout.axes import Layout, Layouts, NoLayout
from ironglass.explain.parts.layout.decide import decide
from ironglass.explain.parts.layout.grids import like_image, regular
from ironglass.explain.parts.layout.probe import probe
from ironglass.explain.parts.layout.response import Response
from ironglass.models.classifier import Classifier
from ironglass.models.exclusive import modules_of

SPATIAL = (nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d, nn.BatchNorm2d, nn.Upsample, nn.Dropout2d)
SPATIAL += (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.PixelShuffle, nn.LPPool2d, nn.ZeroPad2d, nn.ReflectionPad2d)
"""Layers that only accept (n, c, h, w). A hint only: their rows need not be those of the image."""

_cached: WeakKeyDictionary[nn.Module, tuple[tuple, dict[tuple, Layouts]]] = WeakKeyDictionary()


def layouts_of(classifier: Classifier, layers: dict[str, nn.Module], images: Tensor) -> Layouts:
    """The layout of each layer that runs and gives a tensor, or the reason why it has none.

    It is not read off the layer's type. Where only convolutions and the like lie between the image and the layer, its
    axes are the image's. Elsewhere they are measured: bands of an image are changed one after another, and the axes
    along which the change of the output moves with the band are rows and columns. Layers between which all operations
    are position-wise share the measurement of the first of them. Measured once for each size of images.

    images: of the size, type and device in question, (n, c, h, w).
    """
    network = classifier.network
    modules = tuple(map(id, modules_of(network)))
    cached_modules, by_size = _cached.get(network, ((), {}))
    if cached_modules != modules:  # a layer was replaced since
        by_size = {}
        _cached[network] = (modules, by_size)
    layouts = by_size.setdefault((tuple(images.shape[1:]), images.dtype, images.device), {})
    if missing := layers.keys() - layouts.keys():
        size = (images.shape[2], images.shape[3])
        probed = probe(classifier, missing, images[:1])
        aspect, stated = size[1] / size[0], declared(network, size)
        grids = [grid for grid in dict.fromkeys([*probed.grids, *regular(size)]) if like_image(*grid, aspect)]
        named = dict(network.named_modules())
        for group in probed.groups:
            hints = {name: _hint(response, named[name], stated) for name, response in group.responses.items()}
            layouts |= decide(group, hints, grids, aspect)
    return {name: layouts[name] for name in layers if name in layouts}


def layers_with_layouts(
    classifier: Classifier, names: Sequence[str] | None, images: Tensor
) -> tuple[dict[str, nn.Module], dict[str, Layout]]:
    """The named layers with their layouts; without names all default layers that run and have a layout.

    A Notice names those of the default layers that depend on the image but have no layout. Raises InputError for a
    named layer that does not exist, does not run, or has no layout, and where no layer has one.
    """
    layers = find_layers(classifier.network, names)
    layouts = layouts_of(classifier, layers, images)
    check_ran(names, layouts)
    without_layout = {name: reason for name, reason in layouts.items() if isinstance(reason, NoLayout)}
    for name in names or ():
        if name in without_layout:
            raise refused(name, without_layout[name])
    with_layout = {name: layout for name, layout in layouts.items() if isinstance(layout, Layout)}
    if not with_layout:
        raise refused(*next(iter(without_layout.items())))
    if left_out := {name: reason for name, reason in without_layout.items() if not reason.over_no_image}:
        name, reason = next(iter(left_out.items()))
        more = f", and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        warnings.warn(Notice(f"left out of the layers explained: {name!r}, which {reason}{more}"), stacklevel=4)
    return {name: layers[name] for name in with_layout}, with_layout


def refused(name: str, why: NoLayout) -> InputError:
    """The error for a layer without layout."""
    return InputError(f"layer {name!r} {why}: this needs maps, (n, c, h, w); choose another layer, or occlusion")


def declared(network: nn.Module, size: tuple[int, int]) -> tuple[tuple[int, int], int] | None:
    """The grid and number of prefix tokens that a transformer of timm declares, for images of `size`."""
    patches: Any = getattr(network, "patch_embed", None)
    prefix = getattr(network, "num_prefix_tokens", None)
    if getattr(patches, "grid_size", None) is None or not isinstance(prefix, int):
        return None
    grid = patches.dynamic_feat_size(size) if hasattr(patches, "dynamic_feat_size") else patches.grid_size
    return (int(grid[0]), int(grid[1])), prefix


def _hint(response: Response, module: nn.Module, stated: tuple[tuple[int, int], int] | None) -> Layout | None:
    """Layout suggested by the layer's type, or by the grid that the network declares."""
    shape, batch = response.shape, response.batch
    if isinstance(module, SPATIAL) and len(shape) == 4 and batch == 0:
        return Layout(shape, 0, (2, 3))
    if stated is not None and len(shape) == 3 and batch == 0:
        (height, width), prefix = stated
        if shape[1] - height * width in (0, prefix):
            return Layout(shape, 0, (1,), (height, width), 0, shape[1] - height * width)
    return None
