"""Our own networks, the user's, and heads for other classes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.normalisation import ASSUMED, CONFIGURED
from ironglass.models.zoo.logistic import logistic
from ironglass.models.zoo.maxout import maxout
from ironglass.models.zoo.nasnet_mobile import NASNetMobile
from ironglass.models.zoo.preact_resnet import preact_resnet18
from ironglass.models.zoo.simple_cnn import simple_cnn
from ironglass.models.zoo.strided_cnn import strided_cnn

if TYPE_CHECKING:
    from ironglass.models.request import Wanted

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "simple-cnn": simple_cnn,
    "logistic": logistic,
    "maxout": maxout,
    "preact-resnet-18": preact_resnet18,
    "strided-cnn": strided_cnn,
    "nasnet-mobile": NASNetMobile,
}
STD = {"nasnet-mobile": 0.5}  # as published: to [-1, 1]


def wrap(
    network: nn.Module,
    wanted: Wanted,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    classes: Sequence[str],
    size: tuple[int, int],
) -> Classifier:
    """The classifier, remembering how its network was built so that it can be saved and built again."""
    classifier = Classifier(network, mean=mean, std=std, classes=classes, input_size=size)
    classifier.source, classifier.options = wanted.name, dict(wanted.options)
    configured = wanted.name in NETWORKS or wanted.name.startswith(
        ("timm/", "torchvision/", "transformers/", "hf-hub:")
    )
    classifier.normalisation = CONFIGURED if configured else ASSUMED  # a bare module says nothing of it
    return classifier


class NeedsClasses(InputError):
    """A network that is built for a number of classes, and nobody has named them yet."""


def need_classes(wanted: Wanted) -> tuple[str, ...]:
    """The classes asked for, which a network without weights cannot do without."""
    if wanted.classes is None:
        raise NeedsClasses(
            f"{wanted.name} has no weights and so no classes of its own: give classes, or train it first"
        )
    return wanted.classes


def build(wanted: Wanted) -> Classifier:
    """One of NETWORKS, with fresh weights.

    Images are scaled to about mean 0 and deviation 1: (image - 0.5) / 0.25, or by the options `mean` and `std`, in
    units of [0, 1] and the same for every channel.
    """
    if wanted.pretrained:
        raise InputError(f"{wanted.name} has no published weights: leave --pretrained out")
    classes, size = need_classes(wanted), wanted.size or (64, 64)
    function = NETWORKS[wanted.name]
    options = dict(wanted.options)
    mean, std = (options.pop(name, usual) for name, usual in (("mean", 0.5), ("std", STD.get(wanted.name, 0.25))))
    if not (isinstance(mean, int | float) and isinstance(std, int | float)):
        raise InputError(f"the options mean and std are {mean!r} and {std!r}: give one number each, of [0, 1]")
    given: dict[str, Any] = {"classes": len(classes), "channels": wanted.channels}
    if "size" in inspect.signature(function).parameters:
        given["size"] = size
    try:
        network = function(**given, **options)
    except (TypeError, ValueError, RuntimeError, MemoryError, ZeroDivisionError) as error:
        raise InputError(f"{wanted.name} does not take these options: {type(error).__name__}: {error}") from error
    return wrap(network, wanted, mean=[mean] * wanted.channels, std=[std] * wanted.channels, classes=classes, size=size)


def with_new_head(classifier: Classifier, classes: Sequence[str]) -> Classifier:
    """The same network with its last layer, linear or 1×1 convolution, made anew for other classes."""
    network, k = classifier.network, len(classes)
    found = [
        (name, layer)
        for name, layer in classifier.layers().items()
        if isinstance(layer, nn.Linear | nn.Conv2d) and layer.weight.shape[0] == len(classifier.classes)
    ]
    if not found:
        raise InputError(f"{classifier.source} has no last linear layer that could be made anew for {k} classes")
    name, last = found[-1]
    if isinstance(last, nn.Linear):
        fresh: nn.Module = nn.Linear(last.in_features, k)
    else:
        fresh = nn.Conv2d(last.in_channels, k, last.kernel_size, last.stride, last.padding)  # type: ignore[arg-type]
    parent, _, leaf = name.rpartition(".")
    setattr(network.get_submodule(parent), leaf, fresh)
    other = Classifier(
        network,
        mean=classifier.mean.flatten().tolist(),
        std=classifier.std.flatten().tolist(),
        classes=classes,
        input_size=classifier.input_size,
    )
    other.source, other.options = classifier.source, classifier.options
    other.normalisation, other.remarks = classifier.normalisation, classifier.remarks
    return other
