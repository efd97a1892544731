"""Grad-CAM: where in the image each convolutional layer finds evidence for a class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier, frozen
from ironglass.types import Images, Labels, Maps


@dataclass(frozen=True, kw_only=True)
class GradCAM:
    """Gradient-weighted class activation maps of every convolutional layer (Selvaraju et al. 2017, arXiv 1610.02391).

    map = sum over channels c of A_c · mean over space of ∂ logit_target / ∂ A_c

    A is the layer's own output, before any activation. The maps are signed: the paper's ReLU belongs to the picture.
    All layers share one forward and one backward pass. A module that runs more than once is explained at its last run.

    layers: names of modules whose output is (n, c, h, w); None for every convolution.
    """

    layers: tuple[str, ...] | None = None

    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> dict[str, Maps]:
        """Signed maps (n, 1, h', w') by layer, each at the layer's own resolution, in the order in which they run.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Units: those of the logit. Raises InputError
        for a layer that does not exist, does not run or has no maps, and where the network gives no gradient.
        """
        wanted = _modules(classifier, self.layers)
        outputs: dict[str, Tensor] = {}
        with frozen(classifier), torch.inference_mode(False), torch.enable_grad():
            images, targets = images.detach().clone(), targets.to(images.device).clone()  # out of inference mode
            handles = [module.register_forward_hook(_keep(outputs, name)) for name, module in wanted.items()]
            try:
                logits = classifier(images)
            finally:
                for handle in handles:
                    handle.remove()
            if missing := wanted.keys() - outputs.keys():
                raise InputError(f"layer {min(missing)!r} does not run in a forward pass, or its output is no tensor")
            if not logits.requires_grad:
                raise InputError("the logits have no gradient to any layer: the network detaches or rounds its output")
            score = logits.gather(1, targets[:, None]).sum()
            gradients = torch.autograd.grad(score, list(outputs.values()), allow_unused=True)
        with torch.no_grad():
            return {
                name: _weigh(output.detach(), gradient)
                for (name, output), gradient in zip(outputs.items(), gradients, strict=True)
            }

    maps = __call__


def upsample(maps: Maps, size: tuple[int, int]) -> Maps:
    """Maps (n, d, h, w) of `size` pixels, by bilinear interpolation between the centres of the cells."""
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def _modules(classifier: Classifier, names: tuple[str, ...] | None) -> dict[str, nn.Module]:
    if not names:
        if convolutions := classifier.convolutions():
            return dict(convolutions)
        raise InputError("the network has no convolutional layer to explain: choose occlusion")
    known = dict(classifier.network.named_modules())
    for name in names:
        if name not in known:
            raise InputError(f"there is no layer {name!r}: choose from {', '.join(classifier.convolutions())}")
    return {name: known[name] for name in names}


def _keep(outputs: dict[str, Tensor], name: str) -> Callable[..., Tensor | None]:
    def hook(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor | None:
        if not isinstance(output, Tensor):
            return None
        if output.ndim != 4:
            raise InputError(f"layer {name!r} gives {tuple(output.shape)}: Grad-CAM needs maps, (n, c, h, w)")
        if not output.requires_grad:  # nothing before it is differentiated: the backward pass may end here
            output.requires_grad_()
        outputs.pop(name, None)
        outputs[name] = output
        return output.clone()  # an in-place activation would overwrite the output itself

    return hook


def _weigh(output: Tensor, gradient: Tensor | None) -> Tensor:
    if gradient is None:
        return torch.zeros_like(output[:, :1])
    weights = gradient.mean((2, 3))
    return torch.einsum("nc,nchw->nhw", weights, output)[:, None]
