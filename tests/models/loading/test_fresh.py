"""An untrained network is never measured without saying so, and a trained one never called untrained."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import ironglass as ig
from ironglass.data.dataset import Split
from ironglass.errors import Notice
from ironglass.models.loading.fresh import untrained

CODE = """
import torch
class Net(torch.nn.Sequential):
    def __init__(self):
        conv, linear = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4, 2)
        super().__init__(conv, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), linear)
"""


@pytest.fixture
def split() -> Split:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), np.uint8)
    return Split(pixels, np.arange(8) % 2)


@pytest.fixture(params=["simple-cnn", "file", "torchvision/squeezenet1_1"])
def classifier(tmp_path: Path, request) -> ig.Classifier:
    name = request.param
    if name == "file":
        (tmp_path / "net.py").write_text(CODE)
        name = f"{tmp_path / 'net.py'}:Net"
    return ig.load_classifier(name, classes=["a", "b"], size=64 if "/" in request.param else 16)


def said_by(classifier: ig.Classifier, split: Split) -> str:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        ig.evaluate(classifier, split)
    return " ".join(str(one.message) for one in seen if issubclass(one.category, Notice))


def test_fresh_weights_are_said(classifier, split):
    if classifier.input_size == (64, 64):
        split = Split(np.repeat(np.repeat(split.pixels, 4, 1), 4, 2), split.labels)
    assert "untrained" in said_by(classifier, split)
    with torch.no_grad():
        next(classifier.parameters()).mul_(1.001)  # a step of training changes less
    assert untrained(classifier) == ""
    assert "untrained" not in said_by(classifier, split)


def test_weights_that_were_read_are_not_fresh(classifier, split, tmp_path):
    ig.save_classifier(classifier, tmp_path / "saved")
    name, path = classifier.source, str(tmp_path / "saved" / "model.safetensors")
    again = ig.load_classifier(name, classes=["a", "b"], size=classifier.input_size, weights=path)
    assert untrained(again) == ""


def test_a_module_of_one_s_own_is_not_judged():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    assert untrained(ig.Classifier(network, mean=[0, 0, 0], std=[1, 1, 1], classes=["a", "b"], input_size=2)) == ""
