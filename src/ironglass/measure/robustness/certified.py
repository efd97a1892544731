"""Public `certify`: proofs on a batch of images."""

from __future__ import annotations

import time
from typing import Any

import torch

from ironglass.attacks import THREATS
from ironglass.certify import METHODS, Smoothing, prove, prove_smoothed
from ironglass.choices import unknown
from ironglass.engine.bounds.graph import BoundGraph, bound_graph
from ironglass.engine.bounds.interval import interval_bounds
from ironglass.engine.bounds.region import region_of
from ironglass.eps import parse_eps
from ironglass.errors import InputError
from ironglass.measure.robustness.certificate import Certificate
from ironglass.models.checks import check_labels, checked_images
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import predicted
from ironglass.types import Images, Labels, Logits

NORMS = ("linf", "l2")
AGREEMENT = 1e-4
"""The most by which the traced graph's logits may differ from the network's own, relative to the largest one."""


def certify(
    classifier: Classifier,
    images: Images,
    labels: Labels,
    *,
    eps: float,
    norm: str = "linf",
    method: str | Smoothing = "auto",
) -> Certificate:
    """Proves for each image, where it can, that no image in [0, 1] within eps of it is misread.

    The proof is by bounds on the logits: interval bounds (Gowal et al. 2018, arXiv 1810.12715), CROWN (Zhang et al.
    2018, arXiv 1811.00866), and CROWN over interval bounds (CROWN-IBP, Zhang et al. 2019, arXiv 1906.06316); for a
    linear network it is exact. They hold for the network as it is computed in float32 on a processor, since every
    operation is charged for the most that its rounding can amount to, in whatever order sums are taken. An image that
    is not certified may still be robust: it was not proved. Smoothing certifies another classifier than the network:
    its prediction under noise (Cohen et al. 2019, arXiv 1902.02918), for any network, in L2.

    Args:
        classifier: the classifier to certify; the work is done on its device, in float64.
        images: float (n, c, h, w) in [0, 1]; they are converted to float32.
        labels: int64 (n,), the true classes.
        eps: size of the change, in units of [0, 1], at least 0.
        norm: "linf" or "l2".
        method: "auto", "linear", "interval", "crown-ibp", "crown", or "smoothing", with settings as an object such as
            `ironglass.certify.Smoothing(sigma=0.5)`. "auto" is linear for a linear network; else interval, crown-ibp
            and crown in turn on the images that are left, crown only where few values of an image need it.

    Returns:
        A `Certificate`: `certified`, bool (n,); `method`, one an image; `radius` of linear and smoothing; `accuracy`.

    Raises:
        InputError: for wrong images, labels, eps, norm or method, and an operation that bounds do not cover, by name.

    Example:
        >>> import torch, ironglass as ig
        >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2, bias=False))
        >>> _ = network[1].weight.data.copy_(torch.tensor([[1.0], [0.0]]))
        >>> classifier = ig.Classifier(network, mean=[0.5], std=[1.0], classes=["bright", "dark"], input_size=2)
        >>> images, labels = torch.full((1, 1, 2, 2), 0.75), torch.tensor([0])
        >>> result = ig.certify(classifier, images, labels, eps=0.1)  # the mean is right until it sinks to 0.5
        >>> result.certified.tolist(), round(float(result.radius[0]), 3)
        ([True], 0.25)
    """
    images = checked_images(classifier, images)
    check_labels(labels, len(images), len(classifier.classes))
    size = checked_eps(eps, norm)
    by = _smoothed if method == "smoothing" or isinstance(method, Smoothing) else _certificate
    return by(classifier, images, labels.to(classifier.device), norm, size, method)


def _certificate(
    classifier: Classifier, images: Images, labels: Labels, norm: str, size: float, method: Any
) -> Certificate:
    if method not in METHODS:
        raise unknown("method", method, (*METHODS, "smoothing"))
    begun = time.perf_counter()
    with torch.inference_mode(False), torch.no_grad():
        graph, logits = checked_graph(classifier, images)
        proof = prove(graph, images.clone(), labels, norm=norm, eps=size, method=method)
    predictions = predicted(logits)
    return Certificate(
        requested=method, norm=norm, eps=size, classes=classifier.classes, labels=labels, predictions=predictions,
        certified=proof.certified & (predictions == labels), method=proof.method, radius=proof.radius,
        seconds=time.perf_counter() - begun,
    )  # fmt: skip


def _smoothed(
    classifier: Classifier, images: Images, labels: Labels, norm: str, size: float, method: Any
) -> Certificate:
    if norm != "l2":
        raise InputError(f'smoothing certifies changes in L2, not in {norm}: give norm="l2", or another method')
    smoothing = Smoothing() if method == "smoothing" else method
    begun = time.perf_counter()
    proof, predictions = prove_smoothed(classifier, images, labels, smoothing, eps=size)
    return Certificate(
        requested="smoothing", norm=norm, eps=size, classes=classifier.classes, labels=labels, predictions=predictions,
        certified=proof.certified, method=proof.method, radius=proof.radius, smoothing=smoothing,
        seconds=time.perf_counter() - begun,
    )  # fmt: skip


def checked_eps(eps: Any, norm: Any) -> float:
    """The eps of a threat. Raises InputError for a norm or size that there is none of."""
    if norm not in NORMS:
        raise unknown("norm", norm, NORMS)
    if isinstance(eps, bool) or not isinstance(eps, int | float | str):
        raise InputError(f"eps is {eps!r}: give one size, in units of [0, 1], such as 8/255")
    return THREATS[norm](parse_eps(eps)).eps


def checked_graph(classifier: Classifier, images: Images) -> tuple[BoundGraph, Logits]:
    """The classifier's graph, compared with the network itself on the images and on changed ones; and the network's
    logits of the images.

    Raises InputError where they differ by more than float32's rounding can amount to, and for images of a size that
    the network does not take.
    """
    with eval_without_grad(classifier), torch.no_grad():
        classifier(images[:1])  # in its own words, where it does not take them
    graph = bound_graph(classifier, (images.shape[2], images.shape[3]))
    pattern = torch.sin(torch.arange(images[0].numel(), device=images.device)).view(images[0].shape)
    with eval_without_grad(classifier), torch.no_grad():
        for batch in ((images[:8] + 0.1 * pattern).clamp(0, 1), images):
            logits = torch.cat([classifier(part) for part in batch.split(256)])
            for part, expected in zip(batch.split(64), logits.split(64), strict=True):
                _check_agreement(graph, part, expected)
    return graph, logits


def _check_agreement(graph: BoundGraph, images: Images, logits: Logits) -> None:
    difference = (graph.logits(images) - logits).abs()
    if bool((difference <= AGREEMENT * logits.abs().amax().clamp_min(1)).all()):
        return
    bounds = interval_bounds(graph, region_of(images, "linf", 0.0))
    if not bool(((logits >= bounds.lows[-1]) & (logits <= bounds.highs[-1])).all()):
        raise InputError(
            f"the network's graph gives logits that differ from its own by {float(difference.max()):.3g}: its code "
            "does something that a trace does not show, so bounds on the graph say nothing of it"
        )
