"""The jobs of bench/explain.py: networks, images, our own answer to each job, and the bars it must reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from contest import Work
from jobs import Plain
from torch import Tensor, nn
from torchvision.models import mobilenet_v2, resnet18

import ironglass as ig
from ironglass.explain import GradCAM, GuidedBackprop, Occlusion, Saliency
from ironglass.models.zoo.simple_cnn import simple_cnn

CLASSES = 1000


def four_convolutions() -> nn.Module:
    """3×3 convolutions over 32, 64, 128 and 128 channels, each with batch-norm, ReLU and max-pooling by 2."""
    layers: list[nn.Module] = []
    for before, width in ((3, 32), (32, 64), (64, 128), (128, 128)):
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, CLASSES))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "resnet18": (resnet18, 224),
    "mobilenet_v2": (mobilenet_v2, 224),
    "4-conv": (four_convolutions, 128),
    "simple-cnn": (lambda: simple_cnn(classes=CLASSES), 128),
}


def network_of(name: str, images: Tensor) -> ig.Classifier:
    """Random weights of seed 0; the statistics of each batch-norm are those that `images` have there."""
    build, size = NETWORKS[name]
    torch.manual_seed(0)
    network = build()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain mean of all batches
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    names = [str(number) for number in range(CLASSES)]
    classifier = ig.Classifier(network, mean=mean, std=std, classes=names, input_size=size)
    with torch.no_grad():
        classifier.train()(images)
    return classifier.eval()


@dataclass(frozen=True)
class Case:
    """What every contender of a job is given. plain: the network and its normalisation, parameters frozen."""

    classifier: ig.Classifier
    plain: Plain
    images: Tensor
    targets: Tensor
    settings: dict[str, Any]

    @property
    def layers(self) -> list[nn.Module]:
        """Every convolution, in the order in which they run."""
        return list(self.classifier.convolutions().values())

    @property
    def passes(self) -> list[tuple[Tensor, Tensor]]:
        """Images and targets of each call: one by one, or the batch."""
        size = self.settings.get("batch", len(self.images))
        return list(zip(self.images.split(size), self.targets.split(size), strict=True))


@dataclass(frozen=True, kw_only=True)
class Job:
    """title: for the table. images: how many. bars: how many times as fast as each library we have promised to be.
    counted: it is short enough to run once more for its operations. skipped: peers whose answer is another one."""

    title: str
    network: str
    method: str
    settings: dict[str, Any] = field(default_factory=dict)
    images: int = 1
    repeats: int = 5
    bars: dict[str, float]
    counted: bool = True


def gradient_job(title: str, network: str, method: str, bar: float) -> Job:
    title = f"{title}, {network}, a batch of 32"
    return Job(title=title, network=network, method=method, images=32, repeats=4, bars={"captum": bar})


def occlusion_job(network: str, patch: int, stride: int, bar: float | None = None, repeats: int = 2) -> Job:
    return Job(
        title=f"Occlusion, {network} at {NETWORKS[network][1]} px, patch {patch}, stride {stride}, one call",
        network=network,
        method="occlusion",
        settings={"patch": patch, "stride": stride},
        images=4,
        repeats=repeats,
        bars={} if bar is None else {"captum": bar},
        counted=False,
    )


def grad_cam_job(network: str, *, bars: dict[str, float], batch: bool) -> Job:
    how = "a batch of 32" if batch else "one image a call"
    return Job(
        title=f"Grad-CAM of every convolution, {network}, {how}",
        network=network,
        method="grad-cam",
        settings={} if batch else {"batch": 1},
        images=32 if batch else 4,
        repeats=4,
        bars=bars,
    )


JOBS: dict[str, Job] = {
    "grad-cam-resnet18": grad_cam_job("resnet18", bars={"captum": 17, "pytorch-grad-cam": 2}, batch=False),
    "grad-cam-resnet18-32": grad_cam_job("resnet18", bars={"pytorch-grad-cam": 2}, batch=True),
    "grad-cam-mobilenet": grad_cam_job("mobilenet_v2", bars={"captum": 30, "pytorch-grad-cam": 1.6}, batch=False),
    "grad-cam-mobilenet-32": grad_cam_job("mobilenet_v2", bars={"pytorch-grad-cam": 3}, batch=True),
    "saliency-resnet18": gradient_job("Saliency", "resnet18", "saliency", 1.5),
    "guided-resnet18": gradient_job("Guided backpropagation", "resnet18", "guided-backprop", 1.5),
    "saliency-mobilenet": gradient_job("Saliency", "mobilenet_v2", "saliency", 2),
    "guided-mobilenet": gradient_job("Guided backpropagation", "mobilenet_v2", "guided-backprop", 2),
    "occlusion-4-conv-16": occlusion_job("4-conv", 16, 8, 18, repeats=3),
    "occlusion-4-conv-32": occlusion_job("4-conv", 32, 8, 10, repeats=3),
    "occlusion-simple-cnn-16": occlusion_job("simple-cnn", 16, 8, repeats=3),
    "occlusion-simple-cnn-32": occlusion_job("simple-cnn", 32, 8, repeats=3),
    "occlusion-mobilenet-16-16": occlusion_job("mobilenet_v2", 16, 16, 4, repeats=3),
    "occlusion-mobilenet-32-16": occlusion_job("mobilenet_v2", 32, 16, 4, repeats=3),
    "occlusion-mobilenet-16-8": occlusion_job("mobilenet_v2", 16, 8, 4),
    "occlusion-mobilenet-32-8": occlusion_job("mobilenet_v2", 32, 8, 4),
    "occlusion-resnet18-16-16": occlusion_job("resnet18", 16, 16, 2.7),
    "occlusion-resnet18-32-16": occlusion_job("resnet18", 32, 16, 2.7),
    "occlusion-resnet18-16-8": occlusion_job("resnet18", 16, 8, 2.7, repeats=1),
    "occlusion-resnet18-32-8": occlusion_job("resnet18", 32, 8, 2.7, repeats=1),
}


def ours(job: Job, case: Case) -> Work:
    """Our answer: the maps, by layer and by call where there are several."""
    explainer: Any = {
        "grad-cam": GradCAM(),
        "saliency": Saliency(),
        "guided-backprop": GuidedBackprop(),
        "occlusion": Occlusion(**case.settings, score="logit") if job.method == "occlusion" else None,
    }[job.method]

    def explain() -> list[Tensor]:
        found = [explainer(case.classifier, *given) for given in case.passes]
        return by_layer([list(maps.values()) for maps in found]) if job.method == "grad-cam" else found

    return explain


def by_layer(calls: list[list[Tensor]]) -> list[Tensor]:
    """The maps of each layer, of all calls."""
    return [torch.cat(maps) for maps in zip(*calls, strict=True)]
