"""Small networks and images that contracts are checked on; the same weights every time."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels, Logits

CLASSES = ("a", "b", "c", "d", "e")


class NetworkFailed(RuntimeError):
    """Raised by a network that was built to fail."""


class Batch(NamedTuple):
    """Images with labels.

    images: (n, c, h, w) in [0, 1], a black and a white one first.
    labels: int64 (n,).
    """

    images: Images
    labels: Labels


class _Tokens(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps.flatten(2).mT


class _MeanToken(nn.Module):
    def forward(self, tokens: Tensor) -> Tensor:
        return tokens.mean(1)


class _Fails(nn.Module):
    """Passes its input on `passes` times, then raises."""

    def __init__(self, passes: int) -> None:
        super().__init__()
        self.left = passes

    def forward(self, images: Images) -> Images:
        self.left -= 1
        if self.left < 0:
            raise NetworkFailed("this network was built to fail")
        return images


class _NotNumbers(nn.Module):
    def forward(self, images: Images) -> Logits:
        return (images.flatten(1)[:, : len(CLASSES)] - 1e3).sqrt()


def _classifier(network: nn.Module, size: int) -> Classifier:
    return Classifier(network, mean=(0.5,) * 3, std=(0.2,) * 3, classes=CLASSES, input_size=size)


def convolutional(size: int = 8, *, fails_after: int | None = None) -> Classifier:
    """A network with every state that a call could change: batch norm, an in-place ReLU and dropout, in training mode
    except for one batch norm; one weight without requires_grad, one with a gradient from before.

    Args:
        size: height and width of its images, in pixels, 8 or more.
        fails_after: forward passes after which the network raises NetworkFailed; None for never.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, frozen_norm, head = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Linear(96, len(CLASSES))
        network = nn.Sequential(
            nn.Identity() if fails_after is None else _Fails(fails_after),
            first,
            frozen_norm,
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Conv2d(4, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            head,
        )
        classifier = _classifier(network, size)
    with torch.no_grad():
        head.weight.mul_(30)  # logits as far apart as a trained network's
    frozen_norm.eval()
    first.weight.requires_grad_(False)
    head.bias.grad = torch.ones(len(CLASSES))
    return classifier


def attentive(size: int = 20) -> Classifier:
    """A transformer of one block on patches of 5 pixels, in training mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        block = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        patches = nn.Conv2d(3, 4, 5, stride=5)
        return _classifier(nn.Sequential(patches, _Tokens(), block, _MeanToken(), nn.Linear(4, len(CLASSES))), size)


def linear(size: int = 8) -> Classifier:
    """One linear layer, whose margins have a closed form."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return _classifier(nn.Sequential(nn.Flatten(), nn.Linear(3 * size**2, len(CLASSES), bias=False)), size).eval()


def not_numbers(size: int = 8) -> Classifier:
    """Logits that are all NaN."""
    return _classifier(_NotNumbers(), size)


def batch(classifier: Classifier, n: int = 6) -> Batch:
    """Images, the first black and the second white, with the classes that the classifier predicts."""
    height, width = classifier.input_size
    images = torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(7))
    images[0] = 0
    images[1:2] = 1
    return Batch(images, predictions(classifier, images))


def predictions(classifier: Classifier, images: Images) -> Labels:
    """Predicted classes in evaluation mode, int64 (n,)."""
    with torch.no_grad(), eval_without_grad(classifier):
        return classifier(images).argmax(1)


def blind(classifier: Classifier) -> Classifier:
    """The classifier, its last layer set to 0: every image gets the same logits, without any evidence."""
    last = [module for module in classifier.network.modules() if isinstance(module, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.zero_()
    return classifier


def near_grey(classifier: Classifier) -> Batch:
    """Images that keep away from 0 and 1, so that the bounds do not bind."""
    images = 0.4 + 0.2 * batch(classifier, 8).images
    return Batch(images, predictions(classifier, images))


def farthest(classifier: Classifier, images: Images, labels: Labels, norm: str) -> float:
    """The largest distance of an image to its nearest other class, from (z_y − z_k) / ‖∂(z_y − z_k)/∂x‖_dual."""
    inputs = images.clone().requires_grad_()
    logits = classifier(inputs)
    distances = torch.full((len(images),), torch.inf)
    dual = {"linf": 1, "l2": 2, "l1": torch.inf}[norm]
    for k in range(len(classifier.classes)):
        margins = logits.gather(1, labels[:, None])[:, 0] - logits[:, k]
        (slope,) = torch.autograd.grad(margins.sum(), inputs, retain_graph=True)
        length = torch.linalg.vector_norm(slope.flatten(1), dual, dim=1)
        distances = torch.where(
            labels == k, distances, torch.minimum(distances, margins.detach() / length.clamp_min(1e-12))
        )
    return float(distances.max())
