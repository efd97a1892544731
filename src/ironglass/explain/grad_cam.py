"""Grad-CAM: where in the image each layer finds evidence for a class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.explain.gradient import KEPT, chunk_size, score_of
from ironglass.explain.layers import as_maps, check_ran, find_layers, watched
from ironglass.models.classifier import Classifier, frozen
from ironglass.types import Images, Labels, Maps


@dataclass(frozen=True, kw_only=True)
class GradCAM:
    """Gradient-weighted class activation maps of every layer (Selvaraju et al. 2017, arXiv 1610.02391).

    map = sum over channels c of A_c · mean over space of ∂ logit_target / ∂ A_c

    A is the layer's own output, before any activation. The maps are signed: the paper's ReLU belongs to the picture.
    All layers share one forward and one backward pass. A module that runs more than once is explained at its last run.

    layers: names of modules whose output is (n, c, h, w), or tokens of a vision transformer of timm; None for every
    convolution, and in such a transformer the first norm of each block.
    """

    layers: tuple[str, ...] | None = None

    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> dict[str, Maps]:
        """Signed maps (n, 1, h', w') by layer, each at the layer's own resolution, in the order in which they run.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Units: those of the logit. Raises InputError
        for a layer that does not exist, does not run or has no maps, and where the network gives no gradient.
        """
        return class_activation_maps(
            classifier, images, targets, self.layers, lambda _, gradient: gradient.mean((2, 3))
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
    weigh: Callable[[Tensor, Tensor], Tensor],
) -> dict[str, Maps]:
    """The sum of each layer's channels (n, c, h, w), weighted by `weigh(output, gradient)` (n, c): (n, 1, h', w')."""
    layers = find_layers(classifier.network, names)
    found: dict[str, list[Maps]] = {}
    with frozen(classifier), torch.no_grad():
        images, targets = images.detach(), targets.to(images.device)
        # beside what autograd keeps there is each layer's output, a copy, and its gradient
        size = chunk_size(classifier, images[:1], len(images), kept=KEPT // 2)
        for some, wanted in zip(images.split(size), targets.split(size), strict=True):
            with torch.inference_mode(False), torch.enable_grad():
                some, wanted = some.clone(), wanted.clone()  # out of inference mode
                with watched(layers, _copied) as outputs:
                    logits = classifier(some)
                check_ran(names, outputs)
                gradients = torch.autograd.grad(score_of(logits, wanted), list(outputs.values()), allow_unused=True)
            for (name, output), gradient in zip(outputs.items(), gradients, strict=True):
                shape = (len(some), (some.shape[2], some.shape[3]))
                output = as_maps(classifier, name, output.detach(), *shape)
                if gradient is None:
                    maps = torch.zeros_like(output[:, :1])
                else:
                    weights = weigh(output, as_maps(classifier, name, gradient, *shape))
                    maps = torch.einsum("nc,nchw->nhw", weights, output)[:, None]
                found.setdefault(name, []).append(maps)
        return {name: torch.cat(parts) for name, parts in found.items()}


def _copied(output: Tensor) -> Tensor:
    if not output.requires_grad:  # nothing before it is differentiated: the backward pass may end here
        output.requires_grad_()
    return output.clone()  # an in-place activation would overwrite the output itself
