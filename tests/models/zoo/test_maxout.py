"""Maxout against its definition."""

from pathlib import Path

import pytest
import torch

import ironglass as ig
from ironglass.errors import InputError
from ironglass.models.zoo.maxout import Maxout, maxout


def test_every_unit_is_the_largest_of_its_pieces() -> None:
    layer = Maxout(2, units=2, pieces=2)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, 0.0]]))
        layer.linear.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 0.5]))
    found = layer(torch.tensor([[3.0, 2.0], [-3.0, 2.0]]))
    assert found.tolist() == [[3.0, 0.5], [2.0, 3.0]]


def test_the_paper_s_network_takes_no_notice_of_order() -> None:
    network = maxout(classes=10, channels=1, size=(28, 28)).eval()
    pieces = 240 * 5
    assert sum(p.numel() for p in network.parameters()) == 784 * pieces + pieces + 240 * pieces + pieces + 2400 + 10
    order = torch.randperm(784, generator=torch.Generator().manual_seed(0))
    images = torch.rand(3, 1, 28, 28)
    before = network(images)
    with torch.no_grad():
        first = network.get_submodule("maxout1.linear")
        first.weight.copy_(first.weight[:, order])
    after = network(images.flatten(1)[:, order].view_as(images))
    assert torch.allclose(before, after, atol=1e-6)


def test_it_is_built_by_name_with_its_options() -> None:
    classifier = ig.load_classifier("maxout", classes=("a", "b"), size=8, channels=1, units=6, pieces=3)
    assert classifier(torch.rand(4, 1, 8, 8)).shape == (4, 2)
    assert classifier.options == {"units": 6, "pieces": 3}


def test_mean_and_std_may_be_given_and_are_kept(tmp_path: Path) -> None:
    known = {"classes": ("a", "b"), "size": 8, "channels": 3}
    plain = ig.load_classifier("logistic", **known, mean=0, std=1)
    assert plain.mean.flatten().tolist() == [0, 0, 0]
    assert plain.std.flatten().tolist() == [1, 1, 1]
    ig.save_classifier(plain, tmp_path)
    again = ig.load_classifier(str(tmp_path))
    assert torch.equal(again.mean, plain.mean)
    assert torch.equal(again.std, plain.std)
    with pytest.raises(InputError, match="mean and std belong together"):
        ig.load_classifier("logistic", **known, mean="nought")
