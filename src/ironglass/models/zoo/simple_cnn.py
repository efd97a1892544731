"""A plain chain of convolutions: small enough to train in minutes on two cores, plain enough to read layer by layer."""

from collections import OrderedDict

from torch import nn

WIDTHS = (24, 32, 64, 64, 128, 128)
POOLED = (False, True, False, True, False, False)


def simple_cnn(*, classes: int, channels: int = 3, dropout: float = 0.2) -> nn.Sequential:
    """Six convolutions with batch-norm and ReLU, global average pooling, one linear layer.

    The first strides by 2, two are followed by max-pooling: the last maps have an eighth of the image's resolution.
    Takes images of any size from 8 pixels.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    in_channels = channels
    for number, (width, pooled) in enumerate(zip(WIDTHS, POOLED, strict=True), start=1):
        first = number == 1
        kernel, stride, padding = (5, 2, 2) if first else (3, 1, 1)
        layers[f"conv{number}"] = nn.Conv2d(in_channels, width, kernel, stride, padding, bias=False)
        layers[f"norm{number}"] = nn.BatchNorm2d(width)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        if pooled:
            layers[f"pool{number}"] = nn.MaxPool2d(2)
        in_channels = width
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["dropout"] = nn.Dropout(dropout)
    layers["linear"] = nn.Linear(in_channels, classes)
    return nn.Sequential(layers)
