"""A data set and a classifier that fit each other."""

import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ironglass.errors import InputError
from ironglass.models import load_classifier, save_classifier
from ironglass.plans.audit import Audit
from ironglass.studies.common.positions import drawn
from ironglass.studies.common.prepare import measured_and_learning, measured_split, pick_device, prepare

CPU = torch.device("cpu")
PLAN = Audit(dataset="digits", model="simple-cnn")


def test_a_fresh_network_takes_the_data_s_size_and_classes() -> None:
    classifier, dataset = prepare(PLAN, CPU)
    assert (classifier.input_size, classifier.channels, classifier.classes) == ((32, 32), 1, dataset.classes)
    classifier, dataset = prepare(replace(PLAN, size=16), CPU)
    assert classifier.input_size == dataset.size == (16, 16)


def test_data_follow_a_network_that_has_a_size() -> None:
    plan = replace(PLAN, model="torchvision/squeezenet1_1")
    classifier, dataset = prepare(plan, CPU)
    assert classifier.input_size == dataset.size == (224, 224)
    assert classifier.channels == dataset.channels == 3
    assert classifier.classes == dataset.classes


def test_trained_networks_keep_their_own_classes_and_data_are_matched_by_name(tmp_path: Path) -> None:
    turned = [str(digit) for digit in reversed(range(10))]
    save_classifier(load_classifier("simple-cnn", classes=turned, size=16, channels=1), tmp_path)
    plan = replace(PLAN, model=str(tmp_path), steps=("evaluate",))
    classifier, dataset = prepare(plan, CPU)
    assert classifier.classes == dataset.classes == tuple(turned)
    assert dataset.size == (16, 16)
    _, plain = prepare(replace(PLAN, size=16), CPU)
    assert np.array_equal(dataset.test.labels, 9 - plain.test.labels)


def test_real_weights_find_their_classes_by_name(shared_data: Path) -> None:
    weights = shared_data / "weights_squeezenet1_1" / "squeezenet1_1_imagenet_fp16.pt"
    plan = Audit(
        dataset=str(shared_data / "imagenet_samples"),
        model="torchvision/squeezenet1_1",
        weights=str(weights),
        steps=("evaluate",),
    )
    classifier, dataset = prepare(plan, CPU)
    _, split = measured_split(plan, dataset)
    images, labels = split[:]
    right = (classifier(images).argmax(1) == labels).double().mean()
    assert right > 0.45  # its README gives 61 % on 1,000 such images; these are 100 of them


def test_seeds_do_not_change_what_is_measured_on() -> None:
    _, first = prepare(PLAN, CPU)
    _, second = prepare(replace(PLAN, seed=5), CPU)
    assert first.test.names == second.test.names
    assert first.fingerprint == second.fingerprint


def test_the_measured_split_and_a_draw_of_it() -> None:
    _, dataset = prepare(PLAN, CPU)
    assert measured_split(PLAN, dataset)[0] == "test"
    assert measured_split(replace(PLAN, split="train"), dataset)[1] is dataset.train
    few = drawn(dataset.test, 20, seed=0)
    assert len(few) == 20
    assert list(few.names) == [name for name in dataset.test.names if name in set(few.names)]
    assert drawn(dataset.test, 20, seed=1).names != few.names
    assert drawn(dataset.test, 9999, seed=0) is dataset.test


def test_probes_never_learn_from_what_they_are_tested_on() -> None:
    _, dataset = prepare(PLAN, CPU)
    only = replace(dataset, splits={"test": dataset.test})
    for plan, data in ((PLAN, dataset), (PLAN, only), (replace(PLAN, split="train"), dataset)):
        measured, learning = measured_and_learning(plan, data)
        assert len(measured) > 100
        assert len(learning) > 100
        assert not set(measured.names) & set(learning.names)
    measured, learning = measured_and_learning(replace(PLAN, samples=20, probe_images=30), dataset)
    assert (len(measured), len(learning)) == (20, 30)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"model": ""}, "names no model"),
        ({"steps": ("evaluate",)}, "no trained weights"),
        ({"dataset": "nonsense"}, "nonsense"),
    ],
)
def test_refusals(fields: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        prepare(replace(PLAN, **fields), CPU)


def test_devices() -> None:
    assert pick_device("auto").type in ("cpu", "cuda")
    for wrong in ("abacus", "cuda:99"):
        with pytest.raises(InputError, match="no device"):
            pick_device(wrong)


ORDERED = "outputs are taken for the data's classes in their order"
NETWORKS = """
import ironglass as ig
from torch import nn

def bare():
    return nn.Sequential(nn.Flatten(), nn.Linear(1024, 10))

def named():
    return ig.Classifier(bare(), mean=[0.0], std=[1.0], classes=list("0123456789"), input_size=32)
"""


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
@pytest.mark.parametrize(
    ("form", "more", "assumed"),
    [
        ("net.py:bare", {}, True),
        ("net.py:bare", {"weights": "net.pt"}, True),
        ("net.py:bare", {"weights": "run/model.safetensors"}, False),
        ("net.py:bare", {"classes": tuple("9876543210")}, False),
        ("net.py:bare", {"steps": ("train", "evaluate")}, False),
        ("net.py:named", {}, False),
        ("net.py:named", {"weights": "net.pt"}, False),
        ("net.ts", {}, True),
        ("net.ts", {"classes": tuple("9876543210")}, False),
        ("run", {}, False),
    ],
)
def test_an_assumed_order_of_the_outputs_is_said(tmp_path: Path, form: str, more: dict, assumed: bool) -> None:
    (tmp_path / "net.py").write_text(NETWORKS)
    digits = [str(i) for i in range(10)]
    classifier = load_classifier(f"{tmp_path}/net.py:bare", classes=digits, size=32, channels=1)
    torch.save(classifier.network.state_dict(), tmp_path / "net.pt")
    torch.jit.script(classifier.network).save(tmp_path / "net.ts")
    save_classifier(load_classifier("simple-cnn", classes=digits, size=32, channels=1), tmp_path / "run")
    if more.get("weights", "").startswith("run"):
        save_classifier(classifier, tmp_path / "run")
    asked = {name: str(tmp_path / value) if name == "weights" else value for name, value in more.items()}
    plan = replace(PLAN, model=str(tmp_path / form), **{"steps": ("evaluate",), "channels": 1, "size": 32, **asked})
    found, _ = prepare(plan, CPU)
    assert any(ORDERED in remark for remark in found.remarks) == assumed


def test_outputs_in_another_order_than_the_data_s_are_noticed(tmp_path: Path) -> None:
    code = """
        import torch
        from torch import nn

        class Nearest(nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("grey", torch.tensor([0.7, 0.3, 0.5]))

            def forward(self, images):
                return -(images.mean((1, 2, 3))[:, None] - self.grey) ** 2
    """
    (tmp_path / "net.py").write_text(textwrap.dedent(code))
    for place, name in enumerate(("cat", "dog", "owl")):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(40):
            grey = round(255 * (0.3, 0.5, 0.7)[place]) + i % 9 - 4
            Image.new("RGB", (8, 8), (grey, grey, i)).convert("L").save(tmp_path / "data" / name / f"{i}.png")
    plan = Audit(dataset=str(tmp_path / "data"), model=f"{tmp_path}/net.py:Nearest", steps=("evaluate",), channels=1)
    found, _ = prepare(plan, CPU)
    assert "give --classes owl,cat,dog if" in " ".join(found.remarks)
    found, dataset = prepare(replace(plan, classes=("owl", "cat", "dog")), CPU)
    assert "--classes" not in " ".join(found.remarks)
    images, labels = dataset.test[:]
    assert bool((found(images).argmax(1) == labels).all())
