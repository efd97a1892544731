"""A new last layer for other classes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier


def with_new_head(classifier: Classifier, classes: Sequence[str]) -> Classifier:
    """The same network with its last layer, linear or 1×1 convolution, made anew for other classes."""
    network, k = classifier.network, len(classes)
    heads = [
        (name, layer)
        for name, layer in classifier.layers().items()
        if isinstance(layer, nn.Linear | nn.Conv2d) and layer.weight.shape[0] == len(classifier.classes)
    ]
    if not heads:
        raise InputError(f"{classifier.source} has no last linear layer that could be made anew for {k} classes")
    name, last = heads[-1]
    if isinstance(last, nn.Linear):
        fresh: nn.Module = nn.Linear(last.in_features, k)
    else:
        fresh = nn.Conv2d(last.in_channels, k, last.kernel_size, last.stride, last.padding)  # type: ignore[arg-type]
    parent, _, leaf = name.rpartition(".")
    setattr(network.get_submodule(parent), leaf, fresh)
    replaced = Classifier(
        network,
        mean=classifier.mean.flatten().tolist(),
        std=classifier.std.flatten().tolist(),
        classes=classes,
        input_size=classifier.input_size,
    )
    replaced.source, replaced.options = classifier.source, classifier.options
    replaced.normalisation, replaced.remarks = classifier.normalisation, classifier.remarks
    return replaced
