"""Class names that a training script kept beside the weights go before the order of the data."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ironglass.errors import InputError
from ironglass.models import load_classifier
from ironglass.models.loading.checkpoints.named_classes import named_classes
from ironglass.plans.audit import Audit
from ironglass.studies.common.prepare import prepare
from ironglass.studies.prediction.run import predict

OWN = ("owl", "cat", "dog")
"""The network's order."""
GREYS = {"cat": 0.2, "dog": 0.5, "owl": 0.8}
CODE = """
import torch
from torch import nn

class Nearest(nn.Module):
    def __init__(self):
        super().__init__()
        self.grey = nn.Parameter(torch.zeros(3))

    def forward(self, images):
        return -100 * (images.mean((1, 2, 3))[:, None] - self.grey) ** 2
"""
STATE = {"grey": torch.tensor([GREYS[name] for name in OWN])}
AT = {name: place for place, name in enumerate(OWN)}
KEPT: dict[str, dict[str, Any]] = {
    "class_to_idx": {"class_to_idx": AT},
    "classes": {"classes": list(OWN)},
    "a tuple": {"class_names": OWN},
    "id2label": {"config": {"id2label": {str(place): name for name, place in AT.items()}, "labels": 3}},
    "both agree": {"idx_to_class": {place: name for name, place in AT.items()}, "label2id": AT},
    "hyper_parameters": {"hyper_parameters": {"lr": 0.1, "class_names": list(OWN)}},
    "arguments": {"args": argparse.Namespace(classes=list(OWN), epochs=3)},
}
NOT_KEPT: dict[str, dict[str, Any]] = {
    "another number": {"classes": ["owl", "cat"]},
    "a number": {"classes": 3},
    "twice": {"classes": ["owl", "cat", "cat"]},
    "a gap": {"class_to_idx": {"owl": 0, "cat": 1, "dog": 3}},
    "from one": {"class_to_idx": {"owl": 1, "cat": 2, "dog": 3}},
    "no names": {"classes": [[1], [2], [3]]},
    "empty names": {"classes": ["owl", "cat", ""]},
    "flags": {"classes": [True, False, 2]},
    "contradiction": {"classes": list(OWN), "class_to_idx": {"cat": 0, "dog": 1, "owl": 2}},
    "unknown key": {"animals": list(OWN)},
}


def put(folder: Path, kept: dict[str, Any]) -> Audit:
    (folder / "net.py").write_text(CODE)
    torch.save({"state_dict": STATE, **kept}, folder / "best.pth")
    for name, grey in GREYS.items():
        (folder / "data" / name).mkdir(parents=True)
        for i in range(8):
            pixels = np.full((8, 8, 3), round(255 * grey) + i, np.uint8)
            Image.fromarray(pixels).save(folder / "data" / name / f"{i}.png")
    return Audit(
        model=f"{folder}/net.py:Nearest",
        dataset=str(folder / "data"),
        weights=str(folder / "best.pth"),
        steps=("evaluate",),
        normalise="none",
    )


@pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT.keys())
def test_outputs_are_called_as_the_file_has_it(tmp_path, kept):
    plan = put(tmp_path, kept)
    classifier, dataset = prepare(plan, torch.device("cpu"))
    assert classifier.classes == dataset.classes == OWN
    images, labels = dataset.train[:]
    assert bool((classifier(images).argmax(1) == labels).all())
    assert f"its outputs are called as {plan.weights} has it: owl, cat, dog" in classifier.remarks
    assert not any("in their order" in remark for remark in classifier.remarks)
    assert load_classifier(plan.model, weights=plan.weights, size=8, normalise="none").classes == OWN
    _, rows = predict(plan.model, [tmp_path / "data"], tmp_path / "run", weights=plan.weights, size=8)
    assert all(Path(row["name"]).parent.name == row["class_1"] for row in rows)
    assert len(rows) == 24


@pytest.mark.parametrize("kept", NOT_KEPT.values(), ids=NOT_KEPT.keys())
def test_what_are_no_names_of_all_outputs_is_left(tmp_path, kept):
    plan = put(tmp_path, kept)
    classifier, dataset = prepare(plan, torch.device("cpu"))
    assert classifier.classes == dataset.classes == ("cat", "dog", "owl")
    assert any("in their order" in remark for remark in classifier.remarks)
    with pytest.raises(InputError, match="no class names"):
        predict(plan.model, [tmp_path / "data"], tmp_path / "run", weights=plan.weights, size=8)


def test_names_that_are_given_go_before_and_the_difference_is_said(tmp_path):
    plan = put(tmp_path, KEPT["class_to_idx"])
    given = ("cat", "dog", "owl")
    classifier = load_classifier(plan.model, weights=plan.weights, classes=given, size=8, normalise="none")
    assert classifier.classes == given
    assert f"{plan.weights} calls its outputs owl, cat, dog, and they are taken for cat, dog, owl" in classifier.remarks
    same = load_classifier(plan.model, weights=plan.weights, classes=OWN, size=8, normalise="none")
    assert same.remarks == (f"its outputs are called as {plan.weights} has it: owl, cat, dog",)


def test_a_fine_tuned_torchvision_file_that_names_its_classes(tmp_path):
    import torchvision

    network = torchvision.models.resnet18(num_classes=3)
    torch.save({"model_state_dict": network.state_dict(), "class_to_idx": AT}, tmp_path / "fine.pth")
    loaded = load_classifier("torchvision/resnet18", weights=tmp_path / "fine.pth", size=32)
    assert loaded.classes == OWN
    assert torch.equal(loaded.network.fc.weight, network.fc.weight)


def test_names_are_of_the_head_and_not_of_an_inner_layer():
    state = {"conv": torch.zeros(3, 3), **{f"block{i}": torch.zeros(7, 7) for i in range(4)}, "n": torch.tensor(0)}
    assert named_classes({"classes": list(OWN)}, [state]) == ()
    assert named_classes({"classes": list(OWN)}, [{**state, "head": torch.zeros(3, 7)}]) == OWN
    assert named_classes([state], [state]) == ()
