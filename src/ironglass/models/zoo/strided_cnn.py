"""A small network of strided convolutions, on which attack steps are cheap."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn


def strided_cnn(
    *, classes: int, channels: int, size: tuple[int, int], widths: Sequence[int] = (24, 48), hidden: int = 128
) -> nn.Sequential:
    """A 5 × 5 convolution of stride 2 and ReLU for each of `widths`, one hidden linear layer, one linear layer.

    Near the networks that Wong & Kolter 2017, arXiv 1711.00851, and Wong et al. 2020, arXiv 2001.03994, harden on
    MNIST (4 × 4 convolutions of 16 and 32 channels, 100 hidden units). No normalisation of batches.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    in_channels, (height, width) = channels, size
    for number, out_channels in enumerate(widths, start=1):
        layers[f"conv{number}"] = nn.Conv2d(in_channels, out_channels, 5, 2, 2)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        in_channels, height, width = out_channels, (height + 1) // 2, (width + 1) // 2
    layers |= OrderedDict(
        flatten=nn.Flatten(),
        hidden=nn.Linear(in_channels * height * width, hidden),
        relu=nn.ReLU(inplace=True),
        linear=nn.Linear(hidden, classes),
    )
    return nn.Sequential(layers)
