"""SmoothGrad: its noise, and what it averages."""

import pytest
import torch
from torch import nn

from ironglass.errors import InputError
from ironglass.explain import Saliency, SmoothGrad
from ironglass.models import Classifier


def test_a_linear_classifier_shows_its_weights(linear, weight):
    targets = torch.tensor([2, 0])
    torch.testing.assert_close(SmoothGrad(samples=7)(linear, torch.rand(2, 3, 4, 4), targets), weight[targets])


def test_without_noise_it_is_saliency(relu_network):
    classifier, images, targets = relu_network(), torch.rand(2, 3, 12, 12), torch.tensor([0, 1])
    smooth = SmoothGrad(noise=0, samples=3)(classifier, images, targets)
    torch.testing.assert_close(smooth, Saliency()(classifier, images, targets))


def test_the_mean_over_noise_of_a_step_by_hand():
    # the slope of max(0, x − 1/2) is a step; over the noise its mean is the normal distribution of (x − 1/2) / noise
    class Step(nn.Module):
        def forward(self, images):
            return torch.stack(((images - 0.5).relu().sum((1, 2, 3)), images.sum((1, 2, 3))), 1)

    classifier = Classifier(Step(), mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=8)
    images = torch.full((1, 1, 8, 8), 0.6)
    maps = SmoothGrad(noise=0.2, samples=400)(classifier, images, torch.tensor([0]))
    expected = torch.special.ndtr(torch.tensor(0.5))
    assert abs(float(maps.mean()) - float(expected)) < 0.015  # 25,600 draws: 5 standard errors


def test_the_seed_matters(relu_network):
    classifier, images, targets = relu_network(), torch.rand(1, 3, 12, 12), torch.tensor([0])
    first, second = (SmoothGrad(samples=2, seed=seed)(classifier, images, targets) for seed in (0, 1))
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("settings", [{"noise": -0.1}, {"noise": float("nan")}, {"samples": 0}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(InputError, match="at least"):
        SmoothGrad(**settings)
