"""The rows of bench/families.py that are no attack and no gradient: class activation maps, quality, corruptions.

Peers get the network itself and images that are normalised already, as their users call them, with frozen parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import corruption_peers
import numpy as np
import torch
from contest import Work
from families_rows import Row, classifier_of
from torch import Tensor

import ironglass as ig
from ironglass.data.corruptions import corrupt as corruptions
from ironglass.explain import LayerCAM, Saliency, ScoreCAM
from ironglass.explain.parts.last_maps import last_maps
from ironglass.measure.maps.attribution import deletion, image_maps, insertion, positions_from_highest
from ironglass.measure.maps.sanity import sanity_check

STEPS = 28
"""Shares of the pixels at which insertion and deletion ask the network."""

ROWS = (
    Row("explanation", "layer-cam, last layer", "resnet18", 224, 8, 2.0),
    Row("explanation", "score-cam, last layer", "resnet18", 224, 1, 5.0),
    *(
        Row("quality", method, family, 64, 64, 3.0)
        for method in ("insertion and deletion", "sanity of saliency")
        for family in ("simple-cnn", "mobilenetv2")
    ),
    Row("corruption", "15 corruptions at 5 severities", "no network", 64, 64, 3.0),
)


def contenders(row: Row, images: Tensor) -> dict[str, Callable[[], Work]]:
    """How each contender is built, by name."""
    if row.kind == "corruption":
        return _corruptions(images)
    classifier = classifier_of(row, images)
    with torch.no_grad():
        labels = classifier(images).argmax(1)
    build = {"explanation": _maps, "quality": _quality}[row.kind]
    return build(row, classifier, images, labels)


def normalised(classifier: ig.Classifier, images: Tensor) -> Tensor:
    return ((images - classifier.mean) / classifier.std).contiguous()


def scaled(maps: Tensor) -> Tensor:
    """Maps from 0 to 1, (n, h, w), as the peers give them."""
    maps = maps.flatten(1) - maps.flatten(1).amin(1, keepdim=True)
    return maps / maps.amax(1, keepdim=True)


def _maps(row: Row, classifier: ig.Classifier, images: Tensor, labels: Tensor) -> dict[str, Callable[[], Work]]:
    name = last_maps(classifier, images)
    peer = {"layer-cam": "LayerCAM", "score-cam": "ScoreCAM"}[row.method.partition(",")[0]]
    method: Any = LayerCAM(layers=(name,)) if peer == "LayerCAM" else ScoreCAM(layer=name)

    def ours() -> list[Tensor]:
        maps = (
            method(classifier, images, labels)
            if peer == "LayerCAM"
            else {name: method.grid(classifier, images, labels)}
        )
        return [scaled(maps[name])]

    return {
        "ironglass": lambda: ours,
        "torch-cam": lambda: _torch_cam(peer, classifier, images, labels, name),
        "pytorch-grad-cam": lambda: _pytorch_grad_cam(peer, classifier, images, labels, name),
    }


def _torch_cam(peer: str, classifier: ig.Classifier, images: Tensor, labels: Tensor, name: str) -> Work:
    from torchcam import methods

    network, ready = classifier.network, normalised(classifier, images)

    def explain() -> list[Tensor]:
        with getattr(methods, peer)(network, name, input_shape=tuple(images.shape[1:])) as extractor:
            network.requires_grad_(peer == "LayerCAM")  # it hooks gradients of the layer's output
            scores = network(ready)
            maps = extractor(labels.tolist(), scores, normalized=False)[0]
        network.requires_grad_(False)
        return [scaled(maps.detach())]

    return explain


def _pytorch_grad_cam(peer: str, classifier: ig.Classifier, images: Tensor, labels: Tensor, name: str) -> Work:
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network, ready = classifier.network, normalised(classifier, images)

    class AtOwnSize(getattr(pytorch_grad_cam, peer)):
        def get_target_width_height(self, input_tensor: Tensor) -> Any:
            return None

    def explain() -> list[Tensor]:
        network.requires_grad_(peer == "LayerCAM")
        with AtOwnSize(network, [network.get_submodule(name)]) as method:
            maps = method(ready, [ClassifierOutputTarget(int(label)) for label in labels])
        network.requires_grad_(False)
        return [scaled(torch.from_numpy(maps))]

    return explain


def _quality(row: Row, classifier: ig.Classifier, images: Tensor, labels: Tensor) -> dict[str, Callable[[], Work]]:
    if row.method == "sanity of saliency":
        return {
            "ironglass": lambda: partial(_our_sanity, classifier, images, labels),
            "quantus": lambda: _quantus_sanity(classifier, images, labels),
        }
    maps = image_maps(Saliency()(classifier, images, labels), (row.size, row.size), absolute=True)
    return {
        "ironglass": lambda: partial(_our_areas, classifier, images, labels, maps),
        "torch-cam": lambda: _torch_cam_areas(classifier, images, labels, maps),
        "quantus": lambda: _quantus_areas(classifier, images, labels, maps),
    }


def _our_areas(classifier: ig.Classifier, images: Tensor, labels: Tensor, maps: Tensor) -> list[Tensor]:
    areas = (measure(classifier, images, labels, maps, steps=STEPS, fill="grey") for measure in (insertion, deletion))
    return [area.mean()[None] for area in areas]


def _torch_cam_areas(classifier: ig.Classifier, images: Tensor, labels: Tensor, maps: Tensor) -> Work:
    """Its own measure, with our maps in place of a class activation map, so that the order is the same."""
    from torchcam import methods
    from torchcam.metrics import DeletionInsertionMetric

    ready = normalised(classifier, images)
    ordered = -positions_from_highest(maps).view(maps.shape).float()  # without ties, which it breaks otherwise
    grey = normalised(classifier, torch.full((1, 3, 1, 1), 0.5))

    class Given(methods.ScoreCAM):
        def __call__(self, *_: Any, **__: Any) -> list[Tensor]:
            return [ordered]

    def measure() -> list[Tensor]:
        with Given(classifier.network, last_maps(classifier, images)) as extractor:
            metric = DeletionInsertionMetric(extractor, partial(torch.softmax, dim=-1), steps=STEPS, baseline=grey)
            with torch.no_grad():
                metric.update(ready, labels.tolist())
        found = metric.summary()
        return [torch.tensor([found[name]]) for name in ("insertion_auc", "deletion_auc")]

    return measure


def _quantus_areas(classifier: ig.Classifier, images: Tensor, labels: Tensor, maps: Tensor) -> Work:
    """It has deletion alone: insertion is deletion's order the other way round, from the pixels that weigh least."""
    import quantus

    vars(np).setdefault("trapz", np.trapezoid)  # by its name before NumPy 2.4
    ready, order = normalised(classifier, images).numpy(), maps[:, None].expand(images.shape).numpy()
    step = 512  # of 12,288 values, since it asks for a divisor: 24 steps

    def measure() -> list[Tensor]:
        metric = quantus.PixelFlipping(
            features_in_step=step, return_auc_per_sample=True, disable_warnings=True, normalise=False
        )
        given = {"model": classifier.network, "x_batch": ready, "y_batch": labels.numpy(), "device": "cpu"}
        return [torch.tensor([np.mean(metric(a_batch=maps, **given))]) for maps in (order.max() - order, order)]

    return measure


def _our_sanity(classifier: ig.Classifier, images: Tensor, labels: Tensor) -> list[Tensor]:
    found = sanity_check(classifier, images, labels, {"saliency": Saliency()})
    return [torch.tensor([point["value"] for point in found["methods"]["saliency"]["correlation"]])]


def _quantus_sanity(classifier: ig.Classifier, images: Tensor, labels: Tensor) -> Work:
    """At as many depths as ours, in place of one a layer; rank correlation alone, where ours has SSIM, too."""
    import quantus
    from quantus.helpers.model.pytorch_model import PyTorchModel

    from ironglass.measure.maps.sanity import DEPTHS

    ready = normalised(classifier, images).numpy()
    every = PyTorchModel.get_random_layer_generator

    def gradients(model: Any, inputs: np.ndarray, targets: np.ndarray, **_: Any) -> np.ndarray:
        model.requires_grad_(False)
        given = torch.from_numpy(np.asarray(inputs)).requires_grad_()
        scores = model(given).gather(1, torch.from_numpy(np.asarray(targets))[:, None]).sum()
        return torch.autograd.grad(scores, given)[0].abs().sum(1, keepdim=True).numpy()

    def fewer(self: Any, order: str = "top_down", seed: int = 42) -> Any:
        layers = len([one for one in self.model.modules() if hasattr(one, "reset_parameters")])
        kept = {round(count) for count in np.linspace(1, layers, DEPTHS)}
        yield from (pair for number, pair in enumerate(every(self, order, seed), 1) if number in kept)

    def measure() -> list[Tensor]:
        PyTorchModel.get_random_layer_generator = fewer
        metric = quantus.MPRT(disable_warnings=True, normalise=False)
        found = metric(classifier.network, ready, labels.numpy(), explain_func=gradients, device="cpu")
        PyTorchModel.get_random_layer_generator = every
        return [torch.tensor([np.mean(values) for name, values in found.items() if name != "original"])]

    return measure


def _corruptions(images: Tensor) -> dict[str, Callable[[], Work]]:
    """ours: as they come, and with the strengths of ImageNet-C, which the peer takes for every size."""
    pixels = (images * 255).round().byte()
    names = list(corruptions.CORRUPTIONS)

    def ours() -> list[Tensor]:
        return [corruptions.corrupt(pixels, name, severity) for name in names for severity in corruptions.SEVERITIES]

    def stronger() -> list[Tensor]:
        side, corruptions.strengths_side = corruptions.strengths_side, lambda _: 224
        found = ours()
        corruptions.strengths_side = side
        return found

    return {
        "ironglass, its own strengths": lambda: ours,
        "ironglass": lambda: stronger,
        "imagecorruptions": lambda: corruption_peers.imagecorruptions(pixels, names),
    }
