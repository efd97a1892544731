"""Score-CAM: by hand, as its paper writes it, and the layer that it takes."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import mobilenet_v2, resnet18, squeezenet1_1

from ironglass.errors import InputError
from ironglass.explain import ScoreCAM
from ironglass.explain.parts import masked
from ironglass.explain.parts.last_maps import last_maps
from ironglass.models import Classifier
from ironglass.testing.networks import attentive


def published(classifier, layer, images, targets, lay=lambda output: output):
    """The paper's algorithm as it is written, an image and a channel at a time, on normalised images."""
    outputs = []
    handle = classifier.network.get_submodule(layer).register_forward_hook(lambda _m, _i, out: outputs.append(out))
    normalised = (images - classifier.mean) / classifier.std
    maps = []
    with torch.no_grad():
        classifier.network(normalised)
        handle.remove()
        baseline = classifier.network(torch.zeros_like(normalised[:1]))
        for image, target, channels in zip(normalised, targets, lay(outputs[0]), strict=True):
            increases = []
            for channel in channels:
                mask = F.interpolate(channel[None, None], size=image.shape[1:], mode="bilinear")
                mask = mask - mask.min()
                mask = mask / mask.max() if mask.max() > 0 else mask
                increases.append(classifier.network(image * mask)[0, target] - baseline[0, target])
            weights = torch.stack(increases).softmax(0)
            maps.append((weights[:, None, None] * channels).sum(0).relu())
    return torch.stack(maps)[:, None]


@pytest.mark.parametrize("layer", ["2", "4", "7"], ids=["activation", "convolution", "last activation"])
def test_the_published_algorithm(relu_network, layer, monkeypatch):
    classifier, images, targets = relu_network(), torch.rand(3, 3, 12, 12), torch.tensor([0, 2, 1])
    classifier.network[1].running_mean.normal_(0, 0.3)
    classifier.network[-1].weight.data *= 10  # weights that differ
    classifier.network[4].weight.data[3] = 0  # a channel that is constant
    expected = published(classifier, layer, images, targets)
    assert expected.any()
    for values in (masked.VALUES, 5 * 432):  # all in one pass, and five at a time
        monkeypatch.setattr(masked, "VALUES", values)
        explainer = ScoreCAM(layer=layer)
        grid = explainer.grid(classifier, images, targets)
        torch.testing.assert_close(grid, expected, rtol=1e-4, atol=1e-6)
        maps = explainer(classifier, images, targets)
        torch.testing.assert_close(maps, F.interpolate(expected, size=(12, 12), mode="bilinear"), rtol=1e-4, atol=1e-6)


def test_by_hand():
    # A₀ = x, A₁ = −x of the pixels (0.2, 1), logit 0 their plain sum: seen through H₀ = (0, 1) it is 1, through
    # H₁ = (1, 0) it is 0.2, and the weights are e^0.8 : 1
    convolution = nn.Conv2d(1, 2, 1, bias=False)
    convolution.weight.data = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    head = nn.Linear(4, 2, bias=False)
    head.weight.data = torch.tensor([[1.0, 1, 0, 0], [0, 0, 0, 0]])
    network = nn.Sequential(convolution, nn.Flatten(), head)
    classifier = Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=(1, 2))
    images = torch.tensor([[[[0.2, 1.0]]]])
    maps = ScoreCAM()(classifier, images, torch.tensor([0]))
    first = torch.tensor(0.8).sigmoid()
    torch.testing.assert_close(maps, (first - (1 - first)) * images)
    # of the other class both channels score alike, and cancel
    assert not ScoreCAM()(classifier, images, torch.tensor([1])).any()


@pytest.mark.parametrize(
    ("network", "layer"),
    [(resnet18, "layer4"), (mobilenet_v2, "features"), (squeezenet1_1, "classifier.2")],
)
def test_the_last_maps_are_those_behind_the_activation(network, layer):
    classifier = Classifier(
        network(num_classes=3), mean=(0.4,) * 3, std=(0.3,) * 3, classes=tuple("abc"), input_size=96
    )
    assert last_maps(classifier.eval(), torch.rand(1, 3, 96, 96)) == layer


def test_a_transformers_are_what_the_last_block_reads():
    assert last_maps(attentive().eval(), torch.rand(1, 3, 20, 20)) == "2.norm1"


def test_a_transformers_channels_are_laid_on_their_grid():
    classifier = attentive().eval()
    classifier.network[-1].weight.data *= 10
    images, targets = torch.rand(2, 3, 20, 20), torch.tensor([1, 4])
    expected = published(classifier, "2.norm1", images, targets, lambda tokens: tokens.mT.unflatten(2, (4, 4)))
    assert expected.any()
    torch.testing.assert_close(ScoreCAM().grid(classifier, images, targets), expected, rtol=1e-4, atol=1e-6)


def test_what_has_no_maps_is_refused(linear):
    with pytest.raises(InputError, match="no convolutional layer to explain: choose occlusion"):
        ScoreCAM()(linear, torch.rand(1, 3, 4, 4), torch.tensor([0]))
    flat = nn.Sequential(nn.Conv2d(3, 4, 8), nn.Flatten(), nn.Linear(4, 2))
    classifier = Classifier(flat, mean=(0.0,) * 3, std=(1.0,) * 3, classes=("a", "b"), input_size=8)
    with pytest.raises(InputError, match="no layer of the network has an output with rows and columns"):
        ScoreCAM()(classifier, torch.rand(1, 3, 8, 8), torch.tensor([0]))
