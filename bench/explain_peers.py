"""The peers' form of the jobs of bench/explain.py.

All get the network with its parameters frozen, in evaluation mode: a backward pass to the images computes no more than
it has to. pytorch-grad-cam does so only where the images take a gradient; it is tried with and without. It gives its
maps scaled to the image's size and to [0, 1], and their mean over the layers. It is also tried without the first and
the last, which is what we do. Captum explains one layer a call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from contest import Work
from explain_jobs import Case, by_layer
from torch import Tensor

from ironglass.explain import upsample

Maps = list[Tensor]


def as_they_are(maps: Maps, _case: Case) -> Maps:
    return maps


@dataclass(frozen=True)
class Peer:
    """build: gives what is timed. like: brings our maps into the form of the peer's. same: whether it answers the same
    question."""

    build: Callable[[Case], Work]
    like: Callable[[Maps, Case], Maps] = as_they_are
    same: bool = True


def captum_grad_cam(case: Case) -> Work:
    from captum.attr import LayerGradCam

    methods = [LayerGradCam(case.plain, layer) for layer in case.layers]

    def explain() -> Maps:
        calls = []
        for images, targets in case.passes:
            images = images.clone().requires_grad_()
            calls.append([method.attribute(images, target=targets).detach() for method in methods])
        return by_layer(calls)

    return explain


def pytorch_grad_cam(*, scaled: bool, frozen: bool) -> Callable[[Case], Work]:
    """scaled: as it is usually called. frozen: with images that take a gradient in place of the parameters."""

    def builder(case: Case) -> Work:
        from pytorch_grad_cam import GradCAM
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        class AtOwnSize(GradCAM):
            def get_target_width_height(self, input_tensor: Tensor) -> Any:
                return None

            def aggregate_multi_layers(self, cam_per_target_layer: Any) -> Any:
                return cam_per_target_layer

        def explain() -> Maps:
            calls = []
            case.plain.requires_grad_(not frozen)
            with (GradCAM if scaled else AtOwnSize)(case.plain, case.layers) as method:
                method.compute_input_gradient = frozen  # its constructor does not take it
                for images, targets in case.passes:
                    found = method(images, [ClassifierOutputTarget(int(target)) for target in targets])
                    calls.append([torch.from_numpy(maps) for maps in ([found] if scaled else found)])
            case.plain.requires_grad_(False)
            return by_layer(calls)

        return explain

    return builder


def normalised(maps: Tensor) -> Tensor:
    """As pytorch-grad-cam does it."""
    maps = maps - maps.amin((-2, -1), keepdim=True)
    return maps / (1e-7 + maps.amax((-2, -1), keepdim=True))


def each_normalised(maps: Maps, _case: Case) -> Maps:
    return [normalised(layer.relu()) for layer in maps]


def mean_of_layers(maps: Maps, case: Case) -> Maps:
    size = (case.images.shape[2], case.images.shape[3])
    scaled = [upsample(layer, size)[:, 0] for layer in each_normalised(maps, case)]
    return [normalised(torch.stack(scaled).mean(0))]


def captum_gradient(name: str) -> Callable[[Case], Work]:
    def builder(case: Case) -> Work:
        from captum import attr

        method = getattr(attr, name)(case.plain)
        settings = {"abs": False} if name == "Saliency" else {}

        def explain() -> Maps:
            return [
                method.attribute(images.clone().requires_grad_(), target=targets, **settings).detach()
                for images, targets in case.passes
            ]

        return explain

    return builder


def captum_occlusion(per_pass: int, together: bool) -> Callable[[Case], Work]:
    """per_pass: places of the patch that go through the network at a time, of one image, or of all together."""

    def builder(case: Case) -> Work:
        from captum.attr import Occlusion

        method, (patch, stride) = Occlusion(case.plain), (case.settings["patch"], case.settings["stride"])

        def attributed(images: Tensor, targets: Tensor) -> Tensor:
            maps = method.attribute(
                images,
                sliding_window_shapes=(3, patch, patch),
                strides=(3, stride, stride),
                baselines=0.5,
                target=targets,
                perturbations_per_eval=per_pass,
            )
            return maps[:, :1].float()  # the same for each channel

        def explain() -> Maps:
            size = len(case.images) if together else 1
            calls = zip(case.images.split(size), case.targets.split(size), strict=True)
            return [torch.cat([attributed(*given) for given in calls])]

        return explain

    return builder


GRAD_CAM = {
    f"pytorch-grad-cam, {words}{', parameters frozen' if frozen else ''}": Peer(
        pytorch_grad_cam(scaled=scaled, frozen=frozen), mean_of_layers if scaled else each_normalised
    )
    for scaled, words in ((True, "as it comes"), (False, "maps at their own size"))
    for frozen in (False, True)
}


def peers_of(method: str, network: str, batched: bool) -> dict[str, Peer]:
    """The peers of a job by name, the library before the comma."""
    if method == "grad-cam":
        return GRAD_CAM if batched else {"captum": Peer(captum_grad_cam)} | GRAD_CAM
    if method == "occlusion":
        found = {f"captum, {many} a pass": Peer(captum_occlusion(many, False)) for many in (1, 2, 4, 8, 32)}
        return {"captum, all images a pass": Peer(captum_occlusion(1, True))} | found
    if method == "guided-backprop":  # Captum lets ReLU6 pass the plain gradient
        return {"captum": Peer(captum_gradient("GuidedBackprop"), same=network != "mobilenet_v2")}
    return {"captum": Peer(captum_gradient("Saliency"))}
