"""Saliency: a linear classifier's is its weights; Captum's is the same."""

import torch
from captum.attr import Saliency as CaptumSaliency

from ironglass.explain import Saliency, negative, positive


def test_a_linear_classifier_shows_its_weights(linear, weight):
    targets = torch.tensor([2, 0])
    torch.testing.assert_close(Saliency()(linear, torch.rand(2, 3, 4, 4), targets), weight[targets])


def test_equals_captum(relu_network):
    classifier, images, targets = relu_network(), torch.rand(3, 3, 12, 12), torch.tensor([0, 2, 1])
    theirs = CaptumSaliency(classifier).attribute(images.clone().requires_grad_(), targets, abs=False)
    torch.testing.assert_close(Saliency()(classifier, images, targets), theirs, rtol=1e-4, atol=1e-7)


def test_the_parts_by_hand():
    maps = torch.tensor([[[[-2.0, 0.0, 3.0]]]])
    assert positive(maps).flatten().tolist() == [0, 0, 3]
    assert negative(maps).flatten().tolist() == [2, 0, 0]
