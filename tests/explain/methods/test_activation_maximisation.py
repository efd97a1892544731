"""Activation maximisation: the corner of a linear classifier, and more than any training image."""

import pytest
import torch
from torch import nn

from ironglass.errors import InputError
from ironglass.explain import ActivationMaximisation
from ironglass.models import Classifier

PLAIN = ActivationMaximisation(steps=60, step_size=0.05, jitter=0, blur=0, total_variation=0)


def test_a_linear_classifier_reaches_its_corner(linear, weight):
    targets = torch.tensor([2, 0, 1])
    assert torch.equal(PLAIN(linear, targets), (weight[targets] > 0).float())


def test_a_channel_reaches_its_corner():
    # without padding, the mean of a 1×1 convolution is highest where each colour it likes is full and the others empty
    convolution = nn.Conv2d(3, 2, 1)
    convolution.weight.data = torch.tensor([[1.0, -1, 2], [-1, 1, -1]])[:, :, None, None]
    network = nn.Sequential(convolution, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    classifier = Classifier(network, mean=(0.5,) * 3, std=(0.2,) * 3, classes=("a", "b"), input_size=4)
    method = ActivationMaximisation(layer="0", steps=60, step_size=0.05, jitter=1, blur=0, total_variation=0)
    images = method(classifier, torch.tensor([0, 1]))
    assert images.mean((2, 3)).tolist() == [[1, 0, 1], [0, 1, 0]]
    assert images.amax() == 1
    with pytest.raises(InputError, match="numbered 0 to 1"):
        method(classifier, torch.tensor([2]))


def test_total_variation_and_blur_smooth(linear):
    linear.network[1].weight.data[0] = torch.tensor([1.0, -1.0]).repeat(24)  # stripes
    targets = torch.tensor([0])
    rough = PLAIN(linear, targets)
    for settings in ({"total_variation": 1000.0}, {"blur": 0.9}):
        smooth = ActivationMaximisation(steps=60, step_size=0.05, jitter=0, **({"blur": 0.0} | settings))(
            linear, targets
        )
        assert smooth.diff(dim=3).abs().mean() < 0.9 * rough.diff(dim=3).abs().mean()


def test_a_trained_network_answers_to_it_more_than_to_any_training_image():
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.tensor(digits.images[:300, None] / 16, dtype=torch.float32)
    labels = torch.tensor(digits.target[:300])
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(128, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )
    names = [str(i) for i in range(10)]
    classifier = Classifier(network, mean=(0.5,), std=(0.5,), classes=names, input_size=8)
    adam = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(40):
        adam.zero_grad()
        nn.functional.cross_entropy(classifier(images), labels).backward()
        adam.step()
    method = ActivationMaximisation(steps=100, step_size=0.05, jitter=1)
    with torch.inference_mode():
        found = method(classifier, torch.arange(10))
    with torch.no_grad():
        assert (classifier(images).argmax(1) == labels).float().mean() > 0.95
        assert (classifier(found).diagonal() > classifier(images).amax(0)).all()
    assert found.min() >= 0
    assert found.max() <= 1
    alone = method(classifier, torch.tensor([7]))
    torch.testing.assert_close(alone[0], found[7], rtol=0, atol=1e-3)
    assert torch.equal(alone, method(classifier, torch.tensor([7])))
    assert classifier.training


@pytest.mark.parametrize(
    "settings", [{"steps": 0}, {"step_size": 0}, {"jitter": -1}, {"blur": 1.5}, {"total_variation": -1}]
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(InputError, match="at least"):
        ActivationMaximisation(**settings)
