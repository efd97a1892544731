"""Multinomial logistic regression on pixels: the simplest classifier, for which attacks have closed forms."""

from collections import OrderedDict

from torch import nn


def logistic(*, classes: int, channels: int, size: tuple[int, int]) -> nn.Sequential:
    """One linear layer on all pixels, started at zero, since its loss is convex."""
    linear = nn.Linear(channels * size[0] * size[1], classes)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), linear=linear))
