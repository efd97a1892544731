"""Small random networks of every operation that bounds cover, for tests of soundness."""

import random

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import ironglass as ig

ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, lambda: nn.LeakyReLU(0.1))


class Residual(nn.Module):
    """A sum, a difference scaled by a constant, or a concatenation of a map and what a branch makes of it."""

    def __init__(self, channels: int, draw: random.Random) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), draw.choice(ACTIVATIONS)())
        self.kind = draw.choice(("sum", "difference", "join"))
        self.out = channels * 2 if self.kind == "join" else channels

    def forward(self, maps: Tensor) -> Tensor:
        match self.kind:
            case "sum":
                return maps + self.branch(maps)
            case "difference":
                return 0.5 * maps - self.branch(maps) / 3
        return torch.cat([maps, self.branch(maps)], 1)


class Reduced(nn.Module):
    """The end: means, maxima or all values of each channel, by functions of torch."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, maps: Tensor) -> Tensor:
        match self.kind:
            case "mean":
                return maps.mean((2, 3))
            case "pool":
                return torch.flatten(F.adaptive_avg_pool2d(maps, 1), 1)
            case "amax":
                return maps.amax((2, 3))
        return maps.reshape(maps.size(0), -1)


def random_network(seed: int, size: int, channels: int, classes: int) -> nn.Sequential:
    """A network in evaluation mode, of one to four layers with weights before the last."""
    draw = random.Random(seed)
    layers: list[nn.Module] = []
    width = channels
    for _ in range(draw.randint(0, 2)):
        groups = draw.choice((1, 1, width))
        out = groups * draw.randint(1, 4) if groups > 1 else draw.randint(2, 4)
        kernel, dilation = draw.choice((1, 2, 3)), draw.choice((1, 1, 2))
        layers.append(
            nn.Conv2d(width, out, kernel, draw.choice((1, 1, 2)), padding=dilation * (kernel // 2), dilation=dilation,
                      groups=groups, bias=draw.random() < 0.5)
        )  # fmt: skip
        width = out
        if draw.random() < 0.4:
            layers.append(nn.BatchNorm2d(width))
        layers.append(draw.choice(ACTIVATIONS)())
        if draw.random() < 0.4:
            layers.append(
                draw.choice((nn.MaxPool2d(2, 1, 1), nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(2, 1, 1)))
            )
        if draw.random() < 0.4:
            layers.append(Residual(width, draw))
            width = layers[-1].out
    layers += [nn.Dropout(), Reduced(draw.choice(("mean", "pool", "amax", "flat"))), nn.LazyLinear(draw.randint(3, 8))]
    layers += [draw.choice(ACTIVATIONS)(), nn.LazyLinear(classes)]
    network = nn.Sequential(*layers).eval()
    generator = torch.Generator().manual_seed(seed)
    network(torch.zeros(1, channels, size, size))
    gain = draw.choice((0.5, 1.0, 2.0))
    with torch.no_grad():
        for name, values in [*network.named_parameters(), *network.named_buffers()]:
            if values.is_floating_point():
                scale = gain / values[0].numel() ** 0.5 if values.ndim > 1 else 0.3
                values.copy_(scale * torch.randn(values.shape, generator=generator))
                if "running_var" in name:
                    values.abs_().add_(0.1)
    return network


def random_classifier(seed: int) -> ig.Classifier:
    """A classifier of 2 to 5 classes on images of 5 or 6 pixels."""
    draw = random.Random(f"classifier {seed}")
    size, channels, classes = draw.randint(5, 6), draw.choice((1, 3)), draw.randint(2, 5)
    network = random_network(seed, size, channels, classes)
    mean, std = [draw.uniform(0, 1) for _ in range(channels)], [draw.uniform(0.1, 1) for _ in range(channels)]
    names = [f"c{i}" for i in range(classes)]
    classifier = ig.Classifier(network, mean=mean, std=std, classes=names, input_size=size).eval()
    # every class wins somewhere: logits of mean 0 and deviation 1 over random images
    images = torch.rand(64, channels, size, size, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        logits, last = classifier(images), network[-1]
        last.weight /= logits.std(0)[:, None] + 1e-3
        last.bias.copy_((last.bias - logits.mean(0)) / (logits.std(0) + 1e-3))
    return classifier
