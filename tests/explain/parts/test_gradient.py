"""Input gradients: in chunks, in any mode, and refused where there are none."""

import pytest
import torch
from torch import nn

from ironglass.errors import InputError
from ironglass.explain.parts import gradient
from ironglass.explain.parts.gradient import chunk_size, input_gradient, weighted_gradient
from ironglass.models import Classifier


def classifier_of(network: nn.Module, classes: int = 3) -> Classifier:
    names = [str(i) for i in range(classes)]
    return Classifier(network, mean=(0.0,), std=(1.0,), classes=names, input_size=8)


@pytest.fixture
def quadratic() -> Classifier:
    """Logit k is (k + 1) · Σ x² / 2, whose gradient is (k + 1) · x."""

    class Quadratic(nn.Module):
        def forward(self, images):
            return images.square().sum((1, 2, 3))[:, None] / 2 * torch.arange(1, 4)

    return classifier_of(Quadratic())


def test_a_weighted_gradient_by_hand_in_any_chunk(quadratic, monkeypatch):
    images, targets = torch.rand(5, 1, 8, 8), torch.tensor([0, 1, 2, 1, 0])
    offsets, weights = torch.tensor([0.0, 0.1, 0.2]), torch.tensor([0.5, 0.25, 2.0])
    expected = (targets + 1)[:, None, None, None] * (2.75 * images + 0.25 * 0.1 + 2 * 0.2)
    monkeypatch.setattr(gradient, "SMALL_BATCH_VALUES", 0)
    for size in (1, 2, 7, 15):
        monkeypatch.setattr(gradient, "chunk_size", lambda *_, size=size: size)
        found = weighted_gradient(
            quadratic, images, targets, lambda some, part: images[some] + offsets[part].view(-1, 1, 1, 1, 1), weights
        )
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(
            input_gradient(quadratic, images, targets), images * (targets + 1)[:, None, None, None]
        )


def test_what_autograd_keeps_is_measured(monkeypatch):
    monkeypatch.setattr(gradient, "SMALL_BATCH_VALUES", 0)
    image = torch.rand(1, 1, 8, 8)

    class Sine(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("weight", torch.rand(1000, 64))

        def forward(self, images):  # autograd keeps the input of the sine, 64 floats, and the buffer
            return (images.sin().flatten(1) @ self.weight.T)[:, :3]

    classifier = classifier_of(Sine())
    assert chunk_size(classifier, image, 1000, autograd_bytes=64 * 4 * 10) == 10
    assert chunk_size(classifier, image, 7, autograd_bytes=64 * 4 * 10) == 7
    assert chunk_size(classifier, image, 1000, autograd_bytes=1) == 1


def test_a_layer_that_was_exchanged_is_measured_anew(monkeypatch):
    monkeypatch.setattr(gradient, "SMALL_BATCH_VALUES", 0)
    classifier, image = classifier_of(nn.Sequential(nn.Flatten(), nn.Tanh(), nn.Linear(64, 3))), torch.rand(1, 1, 8, 8)
    before = chunk_size(classifier, image, 1000, autograd_bytes=64 * 4 * 10)
    classifier.network[1] = nn.Sequential(nn.Tanh(), nn.Tanh())
    assert chunk_size(classifier, image, 1000, autograd_bytes=64 * 4 * 10) == before // 2


def test_any_mode_gives_the_same_plain_tensor(quadratic):
    images, targets = torch.rand(2, 1, 8, 8), torch.tensor([0, 2])
    plain = input_gradient(quadratic, images.clone().requires_grad_(), targets)
    assert not plain.requires_grad
    with torch.inference_mode():
        torch.testing.assert_close(input_gradient(quadratic, images.clone(), targets.clone()), plain)
    with torch.no_grad():
        torch.testing.assert_close(input_gradient(quadratic, images, targets), plain)


def test_a_network_without_gradient_is_refused():
    class Rounded(nn.Module):
        def forward(self, images):
            return images.detach().flatten(1)[:, :3]

    with pytest.raises(InputError, match="no gradient"):
        input_gradient(classifier_of(Rounded()), torch.rand(1, 1, 8, 8), torch.tensor([0]))
