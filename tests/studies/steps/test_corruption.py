"""The step that corrupts images: its numbers follow from its tables, it goes on where it stopped, and it shows what
it measured."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.numpy import load_file

from ironglass.api import audit
from ironglass.data.corruptions.corrupt import corrupt
from ironglass.data.dataset import Dataset
from ironglass.data.load import load_dataset
from ironglass.errors import InputError
from ironglass.measure.corruption import corruption_accuracy
from ironglass.models import load_classifier, save_classifier
from ironglass.plans.audit import Audit
from ironglass.plans.parts import Corruptions
from ironglass.studies.common.positions import spread_positions

NAMES = ("gaussian-noise", "contrast")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """Templates: a digit's mean image, in which the mean of all digits is nought."""
    folder = tmp_path_factory.mktemp("model")
    classifier = load_classifier("logistic", classes=digits.classes, size=digits.size, channels=1, seed=0)
    pixels = digits.train.pixels.reshape(len(digits.train), -1) / 255
    means = np.stack([pixels[digits.train.labels == k].mean(0) for k in range(10)]) - pixels.mean(0)
    with torch.no_grad():
        next(classifier.parameters()).copy_(torch.from_numpy(means) / 10)
    save_classifier(classifier, folder)
    return folder


def plan_for(model: Path, **fields) -> Audit:
    asked = {"name": "corrupted", "model": f"local-dir:{model}", "dataset": "digits", "steps": ("corrupt",)}
    return Audit(**asked | {"corruptions": Corruptions(names=NAMES, images=40), "seed": 2} | fields)


def test_numbers_tables_and_pictures(tmp_path: Path, model: Path, digits: Dataset) -> None:
    told = []
    run = audit(plan_for(model), tmp_path / "run", progress=lambda *what: told.append(what))
    found = run.results["corruptions"]
    classifier = load_classifier(f"local-dir:{model}")
    where = spread_positions(len(digits.test), 40)
    assert 0.5 < found["mean"]["value"] < found["clean"]["value"] < 1
    own = corruption_accuracy(classifier, digits.test, NAMES, positions=where, seed=2)
    assert found == {"split": "test", **own}
    spoilt = [what for what in told if what[0] == "corrupting"]
    assert spoilt[-1][1:] == (400, 400, "contrast")
    assert [what[1] for what in spoilt] == sorted(what[1] for what in spoilt)

    table = pq.read_table(run.path / "per_image/corruptions/contrast.parquet")
    assert table.num_rows == 200
    assert set(table["condition"].to_pylist()) == {"contrast"}
    assert table["severity"].to_pylist() == [severity for severity in range(1, 6) for _ in range(40)]
    third = table.slice(80, 40)
    assert np.mean(third["correct"].to_numpy()) == found["corruptions"][1]["points"][2]["accuracy"]["value"]
    assert third["name"].to_pylist() == [digits.test.names[i] for i in where]

    shown, tensors = run.read("corruptions.json"), load_file(run.path / "corruptions.safetensors")
    at = digits.test.names.index(shown["name"])
    assert at in where
    assert np.array_equal(tensors["image"], digits.test.pixels[at])
    pixels, labels = digits.test.batch(np.array([at]))
    assert shown["label"] == int(labels[0])
    assert shown["severities"] == [1, 3, 5]
    for entry in shown["corruptions"]:
        for i, severity in enumerate(shown["severities"]):
            changed = corrupt(pixels, entry["name"], severity, seed=2, positions=[at])
            assert np.array_equal(tensors[entry["name"]][i], changed[0].permute(1, 2, 0).numpy())
            with torch.no_grad():
                logits = classifier(changed.float() / 255)[0]
            assert entry["images"][i]["prediction"] == classifier.classes[int(logits.argmax())]
            assert entry["images"][i]["confidence"] == pytest.approx(float(logits.softmax(0).max()), abs=1e-5)
            assert entry["images"][i]["correct"] == (int(logits.argmax()) == shown["label"])
    assert shown["right"] == (int(classifier(pixels.float() / 255).argmax()) == shown["label"])


def test_it_goes_on_corruption_by_corruption(tmp_path: Path, model: Path) -> None:
    whole = audit(plan_for(model), tmp_path / "whole")

    def stop(what: str, done: int, of: int, detail: str) -> None:
        if what == "corrupting" and done >= 280:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit(plan_for(model), tmp_path / "cut", progress=stop)
    folder = tmp_path / "cut/per_image/corruptions"
    assert [file.name for file in folder.iterdir()] == ["gaussian-noise.parquet"]
    told = []
    cut = audit(plan_for(model), tmp_path / "cut", resume=True, progress=lambda *what: told.append(what))
    assert {detail for what, _, _, detail in told if what == "corrupting"} == {"contrast"}
    assert cut.results["corruptions"] == whole.results["corruptions"]
    for name in ("corruptions.json", "corruptions.safetensors"):
        assert (cut.path / name).read_bytes() == (whole.path / name).read_bytes()


def test_what_is_refused(tmp_path: Path, model: Path) -> None:
    with pytest.raises(InputError, match="no corruption 'rain'"):
        Audit(model="logistic", dataset="digits", corruptions=("rain",))
    with pytest.raises(InputError, match="add corrupt to steps"):
        Audit(model="logistic", dataset="digits", corruptions=NAMES, steps=("evaluate",))
    with pytest.raises(InputError, match="saturate changes colours"):
        audit(plan_for(model, corruptions=("saturate",)), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    usual = Audit(model="logistic", dataset="digits")
    assert usual.corruptions is None
    assert "corrupt" not in usual.steps
