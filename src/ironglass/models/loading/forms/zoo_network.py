"""Names of our own networks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import nn

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.class_names import need_classes
from ironglass.models.loading.forms.form import NameForm
from ironglass.models.loading.wrap import wrap
from ironglass.models.normalisation import CONFIGURED
from ironglass.models.zoo.logistic import logistic
from ironglass.models.zoo.maxout import maxout
from ironglass.models.zoo.nasnet_mobile import NASNetMobile
from ironglass.models.zoo.preact_resnet import preact_resnet18
from ironglass.models.zoo.simple_cnn import simple_cnn
from ironglass.models.zoo.strided_cnn import strided_cnn

if TYPE_CHECKING:
    from ironglass.models.request import ModelRequest

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "simple-cnn": simple_cnn,
    "logistic": logistic,
    "maxout": maxout,
    "preact-resnet-18": preact_resnet18,
    "strided-cnn": strided_cnn,
    "nasnet-mobile": NASNetMobile,
}
STD = {"nasnet-mobile": 0.5}  # as published: to [-1, 1]


class ZooNetwork(NameForm):
    """A network of ours, by its name alone."""

    def matches(self, name: str) -> bool:
        """Returns whether it is one of NETWORKS."""
        return name in NETWORKS

    def build(self, request: ModelRequest) -> Classifier:
        """One of NETWORKS, with fresh weights.

        Images are scaled to about mean 0 and deviation 1: (image - 0.5) / 0.25, or by the options `mean` and `std`, in
        units of [0, 1] and the same for every channel.
        """
        if request.pretrained:
            raise InputError(f"{request.name} has no published weights: leave --pretrained out")
        classes, size = need_classes(request), request.size or (64, 64)
        function = NETWORKS[request.name]
        options = dict(request.options)
        mean, std = (options.pop(name, usual) for name, usual in (("mean", 0.5), ("std", STD.get(request.name, 0.25))))
        if not (isinstance(mean, int | float) and isinstance(std, int | float)):
            raise InputError(f"the options mean and std are {mean!r} and {std!r}: give one number each, of [0, 1]")
        arguments: dict[str, Any] = {"classes": len(classes), "channels": request.channels}
        if "size" in inspect.signature(function).parameters:
            arguments["size"] = size
        try:
            network = function(**arguments, **options)
        except (TypeError, ValueError, RuntimeError, MemoryError, ZeroDivisionError) as error:
            raise InputError(f"{request.name} does not take these options: {type(error).__name__}: {error}") from error
        mean, std = [mean] * request.channels, [std] * request.channels
        return wrap(network, request, mean=mean, std=std, classes=classes, size=size, origin=CONFIGURED)

    def names(self) -> list[str]:
        """The names of NETWORKS."""
        return list(NETWORKS)

    def knows_classes(self, *, weighted: bool) -> bool:
        """Never: they are built for the classes of the data."""
        return False
