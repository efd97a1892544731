"""Grad-CAM: class activation maps of each layer, weighted by gradients."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ironglass.engine.folding.fold import folded, shifts_of
from ironglass.errors import Notice
from ironglass.explain.parts.activations import pass_through
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.gradient import chunk_size, score_of
from ironglass.explain.parts.layers import check_ran
from ironglass.explain.parts.layout import Layout, layers_with_layouts
from ironglass.fields import settings
from ironglass.models.backward import differentiate
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.exclusive import exclusive
from ironglass.models.reading.forward_pass import at_least_float32
from ironglass.types import Images, Labels, Maps


@settings(frozen=True, kw_only=True)
class GradCAM:
    """Gradient-weighted class activation maps of every layer (Selvaraju et al. 2017, arXiv 1610.02391).

    map = sum over channels c of A_c · mean over space of ∂ logit_target / ∂ A_c

    A is the layer's own output, before any activation. The maps are signed: the paper's ReLU belongs to the picture.
    All layers share one forward and one backward pass. A module that runs more than once is explained at its last run.

    layers: names of modules whose output has the image's rows and columns as axes, in any order, or has tokens on a
        grid over the image; other tokens (class, distillation, registers) are left out. The axes are measured, not
        read off the layer's type, see `layouts_of`. None for every convolution, and in a transformer the first norm of
        each block, where they have such axes.
    """

    label: ClassVar[str] = "Grad-CAM"
    unit: ClassVar[str] = "logit"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = "The last layer’s channels, weighted by how much each raises the score: coarse."
    layers: tuple[str, ...] | None = None

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> dict[str, Maps]:
        """Signed maps (n, 1, h', w') by layer, each at the layer's own resolution, in the order in which they run.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Units: those of the logit. Raises InputError
        for a layer that does not exist, does not run or has no maps, and where the network gives no gradient.
        """
        return class_activation_maps(
            classifier, images, targets, self.layers, lambda _, gradient: gradient.mean((2, 3)), folded
        )

    maps = __call__


def upsample(maps: Maps, size: tuple[int, int]) -> Maps:
    """Maps (n, d, h, w) of `size` pixels, by bilinear interpolation between the centres of the cells."""
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def class_activation_maps(
    classifier: Classifier,
    images: Images,
    targets: Labels,
    names: tuple[str, ...] | None,
    weight_channels: Callable[[Tensor, Tensor], Tensor],
    within: Callable[[Classifier], AbstractContextManager[Classifier]] = eval_without_grad,
) -> dict[str, Maps]:
    """The sum of each layer's channels (n, c, h, w), weighted by `weigh(output, gradient)` (n, c): (n, 1, h', w').

    within: `eval_without_grad`, or `folded` for weights that are linear in the gradient and independent of the output.
    """
    with exclusive(classifier.network):
        layers, layouts = layers_with_layouts(classifier, names, images)
        # each layer's own output comes on top of what autograd keeps
        size = chunk_size(classifier, images[:1], len(images))
        with within(classifier), torch.no_grad():
            images, targets = images.detach(), targets.to(images.device)
            chunks = zip(images.split(size), targets.split(size), strict=True)
            parts = [_maps_of(classifier, *chunk, layers, layouts, weight_channels) for chunk in chunks]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _maps_of(
    classifier: Classifier,
    images: Images,
    targets: Labels,
    layers: dict[str, nn.Module],
    layouts: dict[str, Layout],
    weight_channels: Callable[[Tensor, Tensor], Tensor],
) -> dict[str, Maps]:
    """`class_activation_maps` of one chunk of images that fits into memory."""
    outputs, weights = _weights(classifier, images, targets, layers, layouts, weight_channels)
    shifts, maps = shifts_of(classifier), {}
    if without_gradient := [name for name in outputs if name not in weights]:
        names = ", ".join(without_gradient[:3]) + (
            f" and {len(without_gradient) - 3} more" if len(without_gradient) > 3 else ""
        )
        text = (
            f"no gradient of the logits reaches {names}: it is cut off, or the logits do not depend on it; its map is 0"
        )
        warnings.warn(Notice(text), stacklevel=2)
    for name, output in outputs.items():
        if name not in weights:  # no logit depends on it
            weights[name] = output.new_zeros(output.shape[:2])
        maps[name] = torch.bmm(weights[name][:, None], output.flatten(2)).unflatten(2, output.shape[2:])
        if (shift := shifts.get(cast(Any, layers[name]))) is not None:
            maps[name] -= (weights[name] @ shift)[:, None, None, None]
    return maps


def _weights(
    classifier: Classifier,
    images: Images,
    targets: Labels,
    layers: dict[str, nn.Module],
    layouts: dict[str, Layout],
    weight_channels: Callable[[Tensor, Tensor], Tensor],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The output of each layer as maps, and the weights of its channels if a logit depends on it."""
    maps: dict[str, Tensor] = {}
    weights: dict[str, Tensor] = {}

    def note(name: str, gradient: Tensor | None) -> None:
        if gradient is not None:
            weights[name] = weight_channels(maps[name], at_least_float32(layouts[name](gradient)))

    with torch.inference_mode(False), torch.enable_grad():
        done = pass_through(classifier, images.clone(), layers)  # clones are out of inference mode
        check_ran(layers, done.outputs)
        for name, output in done.outputs.items():
            layouts[name].check(name, output, len(images))
            maps[name] = at_least_float32(layouts[name](output.detach()))
            # weighed at once, so that no more than one layer's gradient is held
            output.register_hook(partial(note, name))
        differentiate(score_of(done.logits, targets.clone()), done.first)
    return maps, weights
