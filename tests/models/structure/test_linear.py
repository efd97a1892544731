"""Is it linear, and with which weights?"""

from collections import OrderedDict

import torch
from torch import nn

import ironglass as ig
from ironglass.models.structure.linear import linear_weights


def test_weights_and_biases_give_the_logits_of_images_in_0_to_1() -> None:
    classifier = ig.load_classifier("logistic", classes=("a", "b", "c"), size=4, channels=3)
    linear = classifier.network.get_submodule("linear")
    nn.init.normal_(linear.weight)  # type: ignore[arg-type]
    nn.init.normal_(linear.bias)  # type: ignore[arg-type]
    images = torch.rand(5, 3, 4, 4)
    found = linear_weights(classifier)
    assert found is not None
    weights, biases = found
    assert weights.shape == (3, 3, 4, 4)
    assert torch.allclose((images[:, None] * weights).sum((2, 3, 4)) + biases, classifier(images), atol=1e-4)


def test_what_computes_anything_else_is_not_linear() -> None:
    def of(*layers: nn.Module) -> object:
        return linear_weights(
            ig.Classifier(nn.Sequential(*layers), mean=(0,), std=(1,), classes=tuple("ab"), input_size=2)
        )

    assert of(nn.Flatten(), nn.Dropout(0.5), nn.Linear(4, 2, bias=False)) is not None
    assert of(nn.Flatten(), nn.Linear(4, 2), nn.ReLU()) is None
    assert of(nn.Flatten(), nn.Linear(4, 4), nn.Linear(4, 2)) is None

    class Squared(nn.Sequential):
        def forward(self, images):  # type: ignore[override]
            return super().forward(images) ** 2

    squared = Squared(OrderedDict(flatten=nn.Flatten(), linear=nn.Linear(4, 2)))
    assert linear_weights(ig.Classifier(squared, mean=(0,), std=(1,), classes=tuple("ab"), input_size=2)) is None
