"""Guided Grad-CAM, against Captum."""

import pytest
import torch
from captum.attr import GuidedGradCam as CaptumGuidedGradCam
from torch import nn

from ironglass.explain import GuidedGradCAM
from ironglass.models import Classifier


@pytest.mark.filterwarnings("ignore:Setting backward hooks")  # Captum's
def test_equals_captum(relu_network):
    classifier, images, targets = relu_network(), torch.rand(3, 3, 12, 12), torch.tensor([0, 2, 1])
    ours = GuidedGradCAM()(classifier, images, targets)
    assert torch.equal(ours, GuidedGradCAM(layer="6")(classifier, images, targets))  # the last convolution
    assert ours.any()
    theirs = CaptumGuidedGradCam(classifier, classifier.network[6]).attribute(
        images.clone().requires_grad_(), targets, interpolate_mode="bilinear"
    )
    theirs = theirs.detach()
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=float(1e-5 * theirs.abs().max()))


def test_a_convolution_of_a_single_place_is_passed_over():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 3, 1), nn.Flatten())
    classifier = Classifier(network, mean=(0.5,) * 3, std=(0.2,) * 3, classes=tuple("abc"), input_size=8)
    images, targets = torch.rand(2, 3, 8, 8), torch.tensor([0, 1])
    assert torch.equal(
        GuidedGradCAM()(classifier, images, targets), GuidedGradCAM(layer="0")(classifier, images, targets)
    )
