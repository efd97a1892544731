"""`Classifier`: a network with its normalisation, from images in [0, 1] to logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from ironglass.errors import InputError
from ironglass.models.checks import checked_names, checked_size
from ironglass.models.normalisation import GIVEN, check_statistics
from ironglass.models.reading.layers import layers_in_order
from ironglass.models.reading.read_network import ReadNetwork

_MAX_NAMES = 10


class Classifier(ReadNetwork):
    """A network with its normalisation, class names and input size.

    logits = network((images - mean) / std)

    network: any module that maps (n, c, h, w) to logits (n, k), or to what can be read as such, see `read_outputs`; of
        a DataParallel or compiled module the one inside. It may be of any precision: images are brought to it, and
        logits are float32 at least.
    mean, std: what images are normalised by, one number a channel, in units of [0, 1].
    classes: k names, in the order of the outputs.
    input_size: height and width in pixels, or one number for a square.
    """

    mean: Tensor
    std: Tensor
    source: str
    """The name it was loaded by, "" for a module of the user's own."""
    options: dict[str, Any]
    """Further options of the network's builder, beside classes, channels and size."""
    normalisation: str
    """Origin of mean and std: "given" by the caller, "model's configuration", or "assumed"."""
    built_with: tuple[Any, ...] | None
    """Of fresh weights, sums by which `models.fresh` tells whether they are still the same; None of others."""
    remarks: tuple[str, ...]
    """Choices and assumptions made while it was loaded, a sentence each."""
    temperature: float = 1.0
    """What logits are divided by before they become probabilities; 1 unless it was asked for."""

    def __init__(
        self,
        network: nn.Module,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        classes: Sequence[str],
        input_size: int | tuple[int, int],
    ) -> None:
        check_statistics(mean, std)
        super().__init__(network)
        names = checked_names(classes)
        self.source, self.options = "", {}
        self.built_with = None
        self.normalisation, self.remarks = GIVEN, ()
        self.classes = names
        self.input_size = checked_size(input_size)
        first = next(self.network.parameters(), None)
        options: dict[str, Any] = {"dtype": torch.float32, "device": None if first is None else first.device}
        with torch.inference_mode(False):  # so that gradients pass by them, wherever the classifier is made
            for name, values in (("mean", mean), ("std", std)):
                self.register_buffer(name, torch.tensor(values, **options).view(1, -1, 1, 1), persistent=False)

    def __repr__(self) -> str:
        height, width = self.input_size
        class_list = ", ".join(self.classes[:_MAX_NAMES]) + (", …" if len(self.classes) > _MAX_NAMES else "")
        mean, std = (
            ", ".join(f"{float(value):.4g}" for value in statistics.flatten()) for statistics in (self.mean, self.std)
        )
        weights = sum(
            value.numel() for value in self.network.parameters() if not isinstance(value, UninitializedParameter)
        )
        return "\n".join([
            f"Classifier({self.source or type(self.network).__name__}, {weights:,} parameters, {self.device}",
            f"  images   {width} × {height} × {self.channels}, mean {mean}, std {std}",
            f"  classes  {len(self.classes)}: {class_list})",
        ])  # fmt: skip

    def normalise(self, mean: Sequence[float], std: Sequence[float], origin: str) -> None:
        """Sets mean and std, a number a channel each; `origin` as `normalisation`."""
        check_statistics(mean, std)
        if len(mean) != self.channels:
            raise InputError(f"mean has {len(mean)} numbers and the classifier takes {self.channels} channels")
        for buffer, values in ((self.mean, mean), (self.std, std)):
            buffer.copy_(torch.tensor(values, dtype=buffer.dtype).view_as(buffer))
        self.normalisation = origin

    def rename(self, classes: Sequence[str]) -> None:
        """Renames the outputs, in their order. Raises InputError for a wrong number of names."""
        if len(classes) != len(self.classes) or len(set(classes)) != len(classes):
            raise InputError(f"{len(set(classes))} different names for {len(self.classes)} outputs: give one each")
        self.classes = tuple(str(name) for name in classes)

    @property
    def without_gradient(self) -> str:
        """Why the network is a black box, which gives no gradient; "" where it is none."""
        return next(
            (reason for module in self.network.modules() if (reason := getattr(module, "without_gradient", ""))), ""
        )

    def train(self, mode: bool = True) -> Classifier:
        """As every module's; an exported or frozen program, which has one mode for ever, is flagged at most."""
        try:
            return super().train(mode)
        except (NotImplementedError, AttributeError):
            for module in self.modules():
                if hasattr(module, "training"):
                    module.training = mode
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Classifier:
        """As every module's; but mean and deviation stay float32, in half of which 0.485 is another number."""
        statistics = self.mean, self.std
        super()._apply(fn, recurse)
        for name, values in zip(("mean", "std"), statistics, strict=True):
            if (buffer := getattr(self, name)).dtype != values.dtype:
                setattr(self, name, values.to(buffer.device))
        return self

    def layers(self) -> dict[str, nn.Module]:
        """The network's layers by name, in the order in which a forward pass enters them, see `layers_in_order`."""
        return layers_in_order(self)

    def convolutions(self) -> dict[str, nn.Conv2d]:
        """The convolutional layers by name, in the order in which they run."""
        return {name: layer for name, layer in self.layers().items() if isinstance(layer, nn.Conv2d)}
