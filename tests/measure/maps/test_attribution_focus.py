"""Concentration and rank correlation, by hand and against scipy."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from ironglass.data.dataset import Split
from ironglass.measure.maps.attribution_focus import attribution_focus, concentration, rank_correlation
from ironglass.models import Classifier


def test_concentration_by_hand():
    maps = torch.zeros(4, 1, 10, 10)
    maps[0] = 3  # evenly spread: a tenth
    maps[1, 0, 4, 5] = 2  # one pixel: all of it
    maps[2, 0, :2] = 1  # twenty equal pixels: the highest ten hold half, negative ones count for nothing
    maps[2, 0, 5:] = -9
    maps[3] = -1  # no evidence: flat
    np.testing.assert_allclose(concentration(maps), [0.1, 1, 0.5, 0.1])


def test_rank_correlation_is_scipys():
    torch.manual_seed(0)
    first = torch.rand(5, 1, 6, 7).mul(8).round()  # with ties
    second = first + torch.randn_like(first) * 3
    ours = rank_correlation(first, second)
    for i in range(5):
        theirs = spearmanr(first[i].flatten(), second[i].flatten()).statistic
        assert ours[i] == pytest.approx(theirs)
    assert rank_correlation(first, -first) == pytest.approx(-1)


def test_constant_maps_have_none():
    first = torch.rand(2, 1, 4, 4)
    first[0] = 0.3 + 1e-8 * first[0]  # what interpolation leaves of a constant
    assert np.isnan(rank_correlation(first, torch.rand(2, 1, 4, 4))).tolist() == [True, False]
    assert np.isnan(rank_correlation(torch.zeros(1, 1, 2, 2), torch.rand(1, 1, 2, 2))).all()


def test_looking_finds_the_only_place_that_matters():
    class Spot(nn.Module):
        """Class 1 where the middle of the image is bright."""

        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(1, 1, 1, bias=False)
            self.convolution.weight.data.fill_(1.0)
            self.whole = nn.Conv2d(1, 1, 8, bias=False)

        def forward(self, images):
            light = 8 * (self.convolution(images) - 0.2)[:, 0, 3:5, 3:5].mean((1, 2)) + 0 * self.whole(images).sum()
            return torch.stack((-light, light), 1)

    classifier = Classifier(Spot(), mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=8)
    pixels = np.zeros((3, 8, 8, 1), dtype=np.uint8)
    pixels[:, 3:5, 3:5] = 200
    found = attribution_focus(
        classifier, ("convolution", "whole"), Split(pixels, np.ones(3, int), tuple("abc")), patch=2, stride=1
    )
    assert found["convolution"]["concentration"]["value"] == pytest.approx(1)
    assert found["convolution"]["agreement"]["value"] > 0.5
    assert found["convolution"]["agreement"]["n"] == 3
    assert found["convolution"]["positive"]["value"] == 1
    assert found["whole"]["agreement"] is None
    assert found["whole"]["positive"]["value"] == 0
