"""The pre-activation ResNet-18 for small images, the network of most published figures on CIFAR-10."""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional as F

from ironglass.errors import InputError

BLOCKS = (2, 2, 2, 2)


class PreActBlock(nn.Module):
    """x + conv(relu(norm(conv(relu(norm(x)))))); where the shape changes, x is a 1 × 1 convolution of relu(norm(x)).

    He et al. 2016, arXiv 1603.05027.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        changes = stride != 1 or in_channels != out_channels
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False) if changes else None

    def forward(self, maps: Tensor) -> Tensor:
        """(n, before, h, w) to (n, width, h / stride, w / stride)."""
        active = F.relu(self.norm1(maps))
        shortcut = maps if self.shortcut is None else self.shortcut(active)
        return shortcut + self.conv2(F.relu(self.norm2(self.conv1(active))))


def preact_resnet18(*, classes: int, channels: int = 3, width: int = 64) -> nn.Sequential:
    """Four stages of two blocks, `width` to 8 · `width` channels, each but the first halving the maps.

    The stem is one 3 × 3 convolution without stride or pooling, as is usual for 32 × 32 pixels.
    Raises InputError for a width below 8.
    """
    if width < 8:  # the backward pass of torch 2.15's channels-last convolutions of 4 channels corrupts memory on a CPU
        raise InputError(f"preact-resnet-18's width is {width}: give 8 or more channels")
    layers: OrderedDict[str, nn.Module] = OrderedDict(conv=nn.Conv2d(channels, width, 3, 1, 1, bias=False))
    in_channels = width
    for stage, blocks in enumerate(BLOCKS):
        out_channels = width * 2**stage
        for block in range(blocks):
            layers[f"block{stage + 1}_{block + 1}"] = PreActBlock(
                in_channels, out_channels, 2 if stage and not block else 1
            )
            in_channels = out_channels
    layers |= OrderedDict(
        norm=nn.BatchNorm2d(in_channels),
        relu=nn.ReLU(inplace=True),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        linear=nn.Linear(in_channels, classes),
    )
    return nn.Sequential(layers)
