"""The rows of bench/families.py: what is done, on which family of networks, at which size, in batches of how many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import explain_jobs
import jobs
import peers
import timm
import torch
from contest import Work
from explain_peers import captum_grad_cam, captum_gradient, pytorch_grad_cam
from torch import Tensor, nn

import ironglass as ig
from ironglass.attacks import PGD, Linf
from ironglass.models.zoo.simple_cnn import simple_cnn

CLASSES = 20
EPS = 1e-4 / 255
"""So small that every image stands to the end, also of random weights: nobody saves anything by leaving."""
STEPS = 16
"""Gradients an image of integrated gradients, whose batches are smaller for it."""

FAMILIES: dict[str, Callable[[], nn.Module]] = {
    "simple-cnn": partial(simple_cnn, classes=CLASSES),
    "resnet18": partial(timm.create_model, "resnet18", num_classes=CLASSES),
    "resnet50": partial(timm.create_model, "resnet50", num_classes=CLASSES),
    "mobilenetv2": partial(timm.create_model, "mobilenetv2_100", num_classes=CLASSES),
    "vit-tiny": partial(timm.create_model, "vit_tiny_patch16_224", num_classes=CLASSES),
    "convnext-atto": partial(timm.create_model, "convnext_atto", num_classes=CLASSES),
    "efficientnet-b0": partial(timm.create_model, "efficientnet_b0", num_classes=CLASSES),
}


@dataclass(frozen=True)
class Row:
    """target: how many times as fast as the fastest peer we mean to be, or None where none is set."""

    kind: str
    method: str
    family: str
    size: int
    batch: int
    target: float | None = None

    @property
    def name(self) -> str:
        return f"{self.method}, {self.family} {self.size} px, {self.batch}"


ROWS = (
    Row("attack", "pgd-20", "simple-cnn", 64, 64),
    Row("attack", "pgd-20", "resnet18", 64, 64, 1.35),
    Row("attack", "pgd-20", "resnet18", 64, 16, 1.2),
    Row("attack", "pgd-20", "resnet18", 64, 4, 1.1),
    Row("attack", "pgd-20", "resnet50", 128, 8, 1.25),
    Row("attack", "pgd-20", "mobilenetv2", 64, 64, 2.4),
    Row("attack", "pgd-20", "efficientnet-b0", 128, 16),
    Row("attack", "pgd-20", "vit-tiny", 224, 8, 1.1),
    Row("attack", "pgd-20", "convnext-atto", 128, 16, 1.25),
    Row("attack", "carlini-wagner", "resnet18", 64, 16, 1.3),
    Row("attack", "deepfool", "resnet18", 64, 16, 1.3),
    *(
        Row("explanation", method, family, 224, batch, 1.3 if family not in ("resnet18", "mobilenetv2") else None)
        for method, batch in (("saliency", 32), ("integrated-gradients", 8))
        for family in ("resnet18", "mobilenetv2", "vit-tiny", "convnext-atto", "efficientnet-b0")
    ),
    Row("explanation", "grad-cam", "resnet18", 224, 8),
    Row("explanation", "grad-cam", "mobilenetv2", 224, 8),
    Row("explanation", "grad-cam", "efficientnet-b0", 224, 8),
)


def classifier_of(row: Row, images: Tensor) -> ig.Classifier:
    """Random weights of seed 0, batch-norm with the statistics of the images: speed alone is measured."""
    torch.manual_seed(0)
    network = FAMILIES[row.family]()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain mean of all batches
    names = [str(number) for number in range(CLASSES)]
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    classifier = ig.Classifier(network, mean=mean, std=std, classes=names, input_size=row.size)
    with torch.no_grad():
        classifier.train()(images)
    return classifier.eval()


def contenders(row: Row, images: Tensor) -> dict[str, Callable[[], Work]]:
    """How each contender is built, by name: ours alone, ours with evidence and verdict, every peer."""
    classifier = classifier_of(row, images)
    with torch.no_grad():
        labels = classifier(images).argmax(1)
    return (_attacks if row.kind == "attack" else _explanations)(row, classifier, images, labels)


def _attacks(row: Row, classifier: ig.Classifier, images: Tensor, labels: Tensor) -> dict[str, Callable[[], Work]]:
    case = jobs.Case(classifier, jobs.Plain(classifier), images, labels, EPS)
    job = jobs.JOBS[row.method]
    builders = {"ironglass": partial(job.ours, case)}
    if row.method == "pgd-20":
        step_size = case.step_size
        attack = PGD(threat=Linf(EPS), steps=jobs.PGD_STEPS, step_size=step_size)
        builders["ironglass"] = lambda: lambda: [attack(classifier, images, labels)]
        builders["ironglass, judged"] = lambda: (
            lambda: [ig.attack(classifier, images, labels, "pgd-20", eps=EPS).adversarial]
        )
    return builders | {who: partial(build, case) for who, build in peers.PEERS[row.method].items() if who != "art"}


def _explanations(row: Row, classifier: ig.Classifier, images: Tensor, labels: Tensor) -> dict[str, Callable[[], Work]]:
    case = explain_jobs.Case(classifier, jobs.Plain(classifier), images, labels, {})
    settings: dict[str, Any] = {"steps": STEPS} if row.method == "integrated-gradients" else {}

    def ours() -> list[Tensor]:
        found = ig.explain(classifier, images, labels, row.method, **settings)
        return list(found.values()) if row.method == "grad-cam" else [found]

    return {"ironglass": lambda: ours} | {who: partial(build, case) for who, build in _explainers(row.method).items()}


def _explainers(method: str) -> dict[str, Callable[[explain_jobs.Case], Work]]:
    if method == "saliency":
        return {"captum": captum_gradient("Saliency")}
    if method == "integrated-gradients":
        return {f"captum, {word}": partial(_captum_paths, size=size) for word, size in (("as it comes", 0), ("32", 32))}
    return {
        "captum": captum_grad_cam,
        "pytorch-grad-cam": pytorch_grad_cam(scaled=True, frozen=False),
        "pytorch-grad-cam, parameters frozen": pytorch_grad_cam(scaled=False, frozen=True),
    }


def _captum_paths(case: explain_jobs.Case, size: int) -> Work:
    """size: images of a pass within, 0 for all of them and their steps at once, which is Captum's own way."""
    from captum.attr import IntegratedGradients

    method, inner = IntegratedGradients(case.plain), {"internal_batch_size": size} if size else {}
    return lambda: [
        method.attribute(case.images, target=case.targets, n_steps=STEPS, method="gausslegendre", **inner).detach()
    ]
