"""What Python users give by mistake ends in one line that says what to give instead."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import ironglass as ig
from ironglass.attacks import FGSM, MIFGSM, PGD
from ironglass.errors import InputError

IMAGES = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
NETWORK = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
SETTINGS: dict[str, Any] = {"mean": [0.5] * 3, "std": [0.5] * 3, "classes": list("abc"), "input_size": 8}


@pytest.fixture(scope="module")
def classifier() -> ig.Classifier:
    return ig.Classifier(NETWORK, **SETTINGS)


def kind_of(value: object) -> str:
    return type(value).__name__


CALLS: dict[str, Callable[..., Any]] = {
    "attack": lambda one, images, labels: ig.attack(one, images, labels, "fgsm"),
    "an attack object": lambda one, images, labels: FGSM()(one, images, labels),
    "explain": lambda one, images, labels: ig.explain(one, images, labels, "saliency"),
}


@pytest.mark.parametrize("call", [*CALLS, "evaluate", "save"])
@pytest.mark.parametrize("wrong", [NETWORK, "simple-cnn", None, IMAGES], ids=["module", "name", "None", "images"])
def test_what_is_no_classifier(call, wrong, tmp_path):
    with pytest.raises(InputError, match=r"^classifier is of type .*: give what ironglass.load_classifier gives"):
        match call:
            case "evaluate":
                ig.evaluate(wrong, ig.load_dataset("planted").test)
            case "save":
                ig.save_classifier(wrong, tmp_path / "net")
            case _:
                CALLS[call](wrong, IMAGES, LABELS)
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize(
    "images",
    [IMAGES.numpy(), list(IMAGES), Image.new("RGB", (8, 8)), "cat.png", None],
    ids=kind_of,
)
def test_images_that_are_no_tensor(classifier, call, images):
    with pytest.raises(InputError, match=f"^images are of type {type(images).__name__}: give a float Tensor"):
        call(classifier, images, LABELS)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("labels", [LABELS.numpy(), LABELS.tolist(), "b", 1, None], ids=kind_of)
def test_labels_that_are_no_tensor(classifier, call, labels):
    with pytest.raises(InputError, match=rf"^labels are of type {type(labels).__name__}: give an int64 Tensor \(6,\)"):
        call(classifier, IMAGES, labels)


@pytest.mark.parametrize("kind", [FGSM, MIFGSM, PGD])
@pytest.mark.parametrize("wrong", [True, 1, [0] * 6, LABELS[:3], LABELS + 1, LABELS.float()])
def test_classes_to_be_reached_that_are_none(classifier, kind, wrong):
    with pytest.raises(InputError, match=r"^labels "):
        kind(targeted=wrong)(classifier, IMAGES, LABELS)
    adversarial = kind(targeted=LABELS.flip(0))(classifier, IMAGES, LABELS)
    assert adversarial.shape == IMAGES.shape


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("eps", [0, 1, (0, 1), np.float64(0.5)])
def test_a_whole_number_is_an_eps(classifier, norm, eps):
    result = ig.attack(classifier, IMAGES, LABELS, "fgsm", norm=norm, eps=eps)
    assert "AttackResult" in repr(result)
    result.show()


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *[
            ("classes", value)
            for value in ("abc", {0: "a", 1: "b", 2: "c"}, {"a", "b", "c"}, 3, None, ["a"], ["a"] * 3)
        ],
        *[("input_size", value) for value in ("32", None, 8.0, (8,), (8, 8, 3), (8, "8"), 0, -8, 5000)],
    ],
)
def test_a_classifier_of_wrong_arguments(field, wrong):
    with pytest.raises(InputError, match=r"^(classes|size) "):
        ig.Classifier(NETWORK, **{**SETTINGS, field: wrong})


@pytest.mark.parametrize("network", [lambda images: images, None, "simple-cnn", nn.Linear])
def test_a_network_that_is_no_module(network):
    with pytest.raises(InputError, match=r"^network is of type .*: give an nn.Module"):
        ig.Classifier(network, **SETTINGS)


def test_names_of_any_kind_with_an_order_are_taken():
    for classes in (("a", "b", "c"), np.array(["a", "b", "c"]), {"a": 0, "b": 1, "c": 2}.keys()):
        assert ig.Classifier(NETWORK, **{**SETTINGS, "classes": classes}).classes == ("a", "b", "c")
    assert ig.Classifier(NETWORK, **{**SETTINGS, "classes": range(3)}).classes == ("0", "1", "2")


@pytest.mark.parametrize("size", ["32", 32.5, (1, 2, 3), (8,), (8, None), (8, 8.0), 0, 5001])
def test_a_data_set_of_wrong_size(size):
    with pytest.raises(InputError, match=r"^size is .*: give 1 to 4096 pixels, or height and width"):
        ig.load_dataset("digits", size=size)


def test_a_data_set_of_classes_in_one_word():
    with pytest.raises(InputError, match=r"^classes is '12': give a list"):
        ig.load_dataset("digits", classes="12")
    assert ig.load_dataset("digits", size=[8, 12]).size == (8, 12)
