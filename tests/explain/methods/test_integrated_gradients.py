"""Integrated gradients: complete, by hand, and against Captum."""

import pytest
import torch
from captum.attr import IntegratedGradients as CaptumIntegratedGradients
from torch import nn

from ironglass.errors import InputError
from ironglass.explain import IntegratedGradients, fill_images
from ironglass.models import Classifier

MEAN = (0.1, 0.2, 0.3)


@pytest.mark.parametrize("baseline", ["black", "white", "grey", "mean", "blur"])
@pytest.mark.parametrize("rule", ["gauss-legendre", "midpoint"])
def test_a_linear_classifier_is_explained_exactly(linear, weight, baseline, rule):
    images, targets = torch.rand(2, 3, 4, 4), torch.tensor([2, 0])
    method = IntegratedGradients(baseline=baseline, mean=MEAN, steps=3, rule=rule)
    maps = method(linear, images, targets)
    torch.testing.assert_close(maps, weight[targets] * (images - fill_images(baseline, images, MEAN)))
    torch.testing.assert_close(method.gap(linear, images, targets, maps), torch.zeros(2), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("rule", "captums"), [("gauss-legendre", "gausslegendre"), ("midpoint", "riemann_middle")])
def test_equals_captum(relu_network, rule, captums):
    classifier, images, targets = relu_network(), torch.rand(3, 3, 12, 12), torch.tensor([0, 2, 1])
    baseline = torch.rand(3, 3, 12, 12)  # one an image
    method = IntegratedGradients(baseline=baseline, steps=20, rule=rule)
    ours = method(classifier, images, targets)
    theirs, delta = CaptumIntegratedGradients(classifier).attribute(
        images, baseline, targets, n_steps=20, method=captums, return_convergence_delta=True
    )
    torch.testing.assert_close(ours, theirs.float(), rtol=1e-4, atol=float(1e-5 * theirs.abs().max()))
    gap = method.gap(classifier, images, targets, ours)
    torch.testing.assert_close(gap, delta.float(), rtol=1e-3, atol=1e-5)


def test_the_gap_closes_with_the_steps_and_by_hand():
    class Cube(nn.Module):
        def forward(self, images):
            return torch.stack((images.pow(3).sum((1, 2, 3)), images.sum((1, 2, 3))), 1)

    classifier = Classifier(Cube(), mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=2)
    images, target = torch.full((1, 1, 2, 2), 0.8), torch.tensor([0])
    # one midpoint: x · 3 (x / 2)² = 3/4 x³ a pixel, where x³ were complete
    one = IntegratedGradients(steps=1, rule="midpoint")
    maps = one(classifier, images, target)
    torch.testing.assert_close(maps, torch.full((1, 1, 2, 2), 0.75 * 0.512))
    torch.testing.assert_close(one.gap(classifier, images, target, maps), torch.tensor([-0.512]))
    # two points of Gauss and Legendre are exact for a square
    two = IntegratedGradients(steps=2)
    torch.testing.assert_close(two(classifier, images, target), torch.full((1, 1, 2, 2), 0.512))


@pytest.mark.parametrize("settings", [{"steps": 0}, {"rule": "simpson"}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(InputError, match=r"at least 1|gauss-legendre, midpoint"):
        IntegratedGradients(**settings)
