"""Grad-CAM and Grad-CAM++ are those of pytorch-grad-cam, where it is installed."""

import pytest
import torch
from torch import Tensor

from ironglass.explain import GradCAM, GradCAMPlusPlus

peer = pytest.importorskip("pytorch_grad_cam", reason="grad-cam is not installed")


def scaled(maps: Tensor) -> Tensor:
    """The positive part, each map to [0, 1], as the library does it."""
    maps = maps.relu()
    maps = maps - maps.amin((2, 3), keepdim=True)
    return (maps / (1e-7 + maps.amax((2, 3), keepdim=True)))[:, 0]


# Grad-CAM++ after a ReLU only: before it, the library lets negative outputs into α
@pytest.mark.parametrize(
    ("name", "ours"),
    [("GradCAM", GradCAM()), ("GradCAMPlusPlus", GradCAMPlusPlus(layers=("2", "5", "7"), eps=1e-6))],
    ids=["cam", "cam++"],
)
def test_every_layer(relu_network, name, ours):
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    classifier, images, targets = relu_network(), torch.rand(3, 3, 12, 12), torch.tensor([0, 2, 1])
    classifier.network[1].running_mean.normal_(0, 0.3)
    classifier.network[1].running_var.uniform_(0.5, 2)

    class AtOwnSize(getattr(peer, name)):
        def get_target_width_height(self, _images):
            return None

        def aggregate_multi_layers(self, cam_per_target_layer):
            return cam_per_target_layer

    maps = ours(classifier, images, targets)
    with AtOwnSize(model=classifier, target_layers=[classifier.network[int(layer)] for layer in maps]) as method:
        theirs = method(images, [ClassifierOutputTarget(int(target)) for target in targets])
    assert len(theirs) == len(maps)
    for found, expected in zip(maps.values(), theirs, strict=True):
        assert expected.any()
        torch.testing.assert_close(scaled(found), torch.from_numpy(expected)[:, 0], rtol=1e-3, atol=1e-4)
