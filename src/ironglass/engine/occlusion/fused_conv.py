"""Convolutions with batch-norm and activation fused in, channels last, for a traced network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from ironglass.engine.kernels.onednn import convolution_and, laid_out, onednn_supports
from ironglass.engine.kernels.winograd import pair, transformed, winograd, winograd_is_faster, winograd_supports

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "relu6": lambda maps: maps.clamp_(0, 6),
}
"""Activations that can be fused into a convolution, in place."""


class Convolution(nn.Module):
    """A convolution, possibly with the next batch-norm folded in, for channels-last maps.

    settings: stride, padding, dilation and groups, as `conv2d` takes them.
    activation: a name in ACTIVATIONS.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, settings: dict[str, Any], activation: str | None = None
    ) -> None:
        super().__init__()
        # a layout chosen by measurement on one core: channels-last wins except for a large kernel over few channels,
        # and with AVX-512 there, too, by a factor of two
        large_kernel = weight.shape[1] <= 4 and weight.shape[1] < weight.shape[0] and weight.shape[2] >= 5
        self.plain = large_kernel and torch.backends.cpu.get_cpu_capability() != "AVX512"
        layout = torch.contiguous_format if self.plain else torch.channels_last
        self.register_buffer("weight", weight.detach().contiguous(memory_format=layout))
        self.register_buffer("bias", None if bias is None else bias.detach())
        self.settings, self.activation = settings, activation
        faster = winograd_supports(weight, settings["stride"], settings["dilation"], settings["groups"])
        self.faster = faster and weight.device.type == "cpu"
        self.tiled: Tensor | None = None
        self.packed_weight: tuple[Any, Tensor] | None = None

    def followed_by(self, activation: str) -> Convolution:
        """The same with an activation after it."""
        return Convolution(cast(Tensor, self.weight), cast(Tensor | None, self.bias), self.settings, activation)

    def forward(self, images: Tensor) -> Tensor:
        """The convolution with its own padding."""
        return self.slide(images, self.settings["padding"])

    def slide(self, images: Tensor, padding: Any = 0) -> Tensor:
        """The convolution with another padding, by default none, for images that are padded already."""
        weight, bias = cast(Tensor, self.weight), cast(Tensor | None, self.bias)
        if self.faster and not isinstance(padding, str) and winograd_is_faster(images, len(weight), pair(padding)):
            self.tiled = transformed(weight) if self.tiled is None else self.tiled
            maps = winograd(images, self.tiled, bias, pair(padding))
        elif (
            not self.plain and not isinstance(padding, str) and onednn_supports(images) and weight.dtype == images.dtype
        ):
            settings = {**self.settings, "padding": padding}
            return convolution_and(self.activation, images, self._laid_out(images.shape, settings), bias, settings)
        else:
            images = images.contiguous() if self.plain else images
            maps = nn.functional.conv2d(images, weight, bias, **{**self.settings, "padding": padding})
        maps = maps if self.activation is None else ACTIVATIONS[self.activation](maps)
        return maps.contiguous(memory_format=torch.channels_last)

    def _laid_out(self, shape: torch.Size, settings: dict[str, Any]) -> Tensor:
        """The weight as oneDNN reads it, kept for maps of the same shape: chunks are equally large."""
        key = shape, settings["padding"]
        packed = self.packed_weight
        if packed is None or packed[0] != key:
            # another thread may put its own in between, so that what was made here is what is returned
            self.packed_weight = packed = key, laid_out(cast(Tensor, self.weight), shape, settings)
        return packed[1]


class Scale(nn.Module):
    """Batch-norm in evaluation mode that cannot be folded into a convolution: a factor and an offset per channel."""

    def __init__(self, factor: Tensor, offset: Tensor) -> None:
        super().__init__()
        self.register_buffer("factor", factor.detach()[:, None, None])
        self.register_buffer("offset", offset.detach()[:, None, None])

    def forward(self, images: Tensor) -> Tensor:
        """images·factor + offset, (n, c, h, w)."""
        return torch.addcmul(cast(Tensor, self.offset), images, cast(Tensor, self.factor))
