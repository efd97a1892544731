"""Input times gradient, on a linear classifier."""

import torch

from ironglass.explain import InputXGradient


def test_the_shares_of_a_linear_classifier_add_up_to_its_logit(linear, weight):
    images, targets = torch.rand(2, 3, 4, 4), torch.tensor([2, 0])
    maps = InputXGradient()(linear, images, targets)
    torch.testing.assert_close(maps, images * weight[targets])
    logits = linear.eval()(images).gather(1, targets[:, None])[:, 0]
    torch.testing.assert_close(maps.sum((1, 2, 3)), logits.detach())
