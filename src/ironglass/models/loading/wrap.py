"""The classifier around a network that has been built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import nn

from ironglass.models.classifier import Classifier

if TYPE_CHECKING:
    from ironglass.models.request import ModelRequest


DEFAULT_SIZE = (64, 64)
"""Default height and width of a network's images."""


def assumed_size(classifier: Classifier) -> str:
    """Remark on a network whose image size is unknown."""
    height, width = classifier.input_size
    return (
        f"nobody says how large its images are: they are brought to {width} × {height} pixels; give --size (from Python"
        " size=) where the network was trained on others"
    )


def wrap(
    network: nn.Module,
    request: ModelRequest,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    classes: Sequence[str],
    size: tuple[int, int],
    origin: str,
) -> Classifier:
    """The classifier, remembering how its network was built so that it can be saved and built again.

    origin: of mean and std, CONFIGURED by who published the network or ASSUMED of a bare module, which says nothing.
    """
    classifier = Classifier(network, mean=mean, std=std, classes=classes, input_size=size)
    classifier.source, classifier.options = request.name, dict(request.options)
    classifier.normalisation = origin
    return classifier
