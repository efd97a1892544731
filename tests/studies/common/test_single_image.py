"""One image file as data: explained and attacked by what the network reads in it, never evaluated."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ironglass as ig
from ironglass.api import audit
from ironglass.errors import InputError
from ironglass.models.loading.save import save_classifier
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.studies.common.prepare import prepare
from ironglass.studies.common.single_image import is_single_image


@pytest.fixture
def model(tmp_path: Path) -> str:
    torch.manual_seed(0)
    classifier = ig.load_classifier("simple-cnn", classes=["cat", "dog"], size=16, channels=3)
    save_classifier(classifier, tmp_path / "model")
    return str(tmp_path / "model")


@pytest.fixture(params=["photo.jpg", "photo.png", "no-suffix", "misnamed.txt"])
def photo(tmp_path: Path, request) -> str:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
    kind = {"photo.jpg": "jpeg"}.get(request.param, "png")
    Image.fromarray(pixels).save(tmp_path / request.param, kind)
    return str(tmp_path / request.param)


def read_by_itself(model: str, photo: str) -> str:
    classifier = ig.load_classifier(model)
    with Image.open(photo) as image:
        pixels = torch.from_numpy(np.array(image.crop((2, 0, 22, 20)).resize((16, 16), Image.Resampling.BILINEAR)))
    logits = classifier(pixels.permute(2, 0, 1)[None].float() / 255)
    return classifier.classes[int(logits.argmax())]


def test_it_is_explained_by_its_predicted_class(model, photo, tmp_path):
    fields = {"methods": ("saliency",), "quality": 0}
    run = audit(Audit(model=model, dataset=photo, steps=("evaluate", "explain"), explained=fields), tmp_path / "run")
    said = run.read("data.json")
    assert said["reading"]["labels"] == "predicted"
    assert f"{Path(photo).name} has no label" in said["notes"][0]
    assert repr(read_by_itself(model, photo)) in said["notes"][0]
    assert "evaluation" not in run.results  # right by its making
    assert Path(photo).name in (run.path / "report.html").read_text()
    again = audit(
        Audit(model=model, dataset=photo, steps=("evaluate", "explain"), explained=fields),
        tmp_path / "run",
        resume=True,
    )
    assert again.results == run.results


@pytest.mark.parametrize("photo", ["photo.png"], indirect=True)
def test_every_layer_is_shown_and_none_probed_on_its_own_image(model, photo, tmp_path):
    run = audit(
        Audit(model=model, dataset=photo, steps=("evaluate", "explain"), occlusion={"masks": ("grey",)}),
        tmp_path / "run",
    )
    assert "layers" not in run.results
    assert run.read("samples.json")["layers"]
    assert run.results["occlusion"]


@pytest.mark.parametrize("photo", ["photo.png"], indirect=True)
def test_it_is_attacked(model, photo, tmp_path):
    plan = Audit(
        model=model, dataset=photo, steps=("evaluate", "attack"), attacks=Attacks(methods=("pgd-3",), eps=("8/255",))
    )
    run = audit(plan, tmp_path / "run")
    (entry,) = run.results["attacks"]["attacks"]
    assert entry["points"][0]["accuracy"]["n"] == 1
    assert run.results["attacks"]["n"] == 1


@pytest.mark.parametrize("photo", ["photo.png"], indirect=True)
@pytest.mark.parametrize("steps", [("evaluate",), ("evaluate", "corrupt"), ("train", "evaluate", "explain")])
def test_what_needs_a_label_is_refused(model, photo, steps, tmp_path):
    name = "simple-cnn" if "train" in steps else model
    corruptions = ("contrast",) if "corrupt" in steps else ()
    with pytest.raises(InputError, match="is one image and has no label: give it to explain, attack or predict"):
        audit(Audit(model=name, dataset=photo, steps=steps, corruptions=corruptions), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_is_no_single_image(tmp_path):
    (tmp_path / "text.png").write_text("I am text")
    (tmp_path / "empty.png").write_bytes(b"")
    for spec in ("digits", str(tmp_path), str(tmp_path / "text.png"), str(tmp_path / "empty.png"), "a\0b", "x" * 5000):
        assert not is_single_image(spec)


def test_a_broken_image_is_named(model, tmp_path):
    Image.new("RGB", (200, 200), "red").save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut.png cannot be read: .*truncated"):
        audit(Audit(model=model, dataset=str(tmp_path / "cut.png"), steps=("explain",)), tmp_path / "run")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(5):
        pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    (folder / "bad.png").write_bytes(b"")
    (folder / "notes.txt").write_text("text")
    return folder


@pytest.mark.parametrize("step", ["explain", "attack"])
@pytest.mark.parametrize("form", ["{}", "folder:{}"])
def test_a_folder_without_labels_is_looked_at_whole(model, photos, tmp_path, step, form):
    fields = {"attacks": ("fgsm",)} if step == "attack" else {"explained": {"methods": ("saliency",), "quality": 0}}
    plan = Audit(model=model, dataset=form.format(photos), steps=("evaluate", step), **fields)
    run = audit(plan, tmp_path / "run")
    said = run.read("data.json")
    assert said["splits"]["test"]["images"] == 5
    assert "have no labels" in said["notes"][0]
    assert {(file["name"].rpartition("/")[2], file["reason"]) for file in said["quarantined"]} == {
        ("bad.png", "empty"),
        ("notes.txt", "not an image"),
    }
    assert "evaluation" not in run.results
    if step == "attack":
        assert run.results["attacks"]["n"] == 5
        classifier = ig.load_classifier(model)
        pixels = np.stack([np.asarray(Image.open(photos / f"{i}.png")) for i in range(5)])
        answers = classifier(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255).argmax(1)
        assert said["splits"]["test"]["per_class"] == torch.bincount(answers, minlength=2).tolist()


@pytest.mark.parametrize("steps", [("train",), ("evaluate",)])
def test_a_folder_without_labels_is_neither_learnt_from_nor_evaluated(model, photos, tmp_path, steps):
    with pytest.raises(InputError, match="no class folders and no labels"):
        audit(Audit(model=model, dataset=str(photos), steps=steps), tmp_path / "run")


NETWORK = """
from torch import nn

def net():
    return nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
"""


@pytest.mark.parametrize("photo", ["photo.png"], indirect=True)
@pytest.mark.parametrize("named", ["by the caller", "by the file", "by nobody"])
@pytest.mark.parametrize("flat", [False, True])
def test_a_network_of_ones_own_whose_classes_are_named(photo, tmp_path, named, flat):
    (tmp_path / "net.py").write_text(NETWORK)
    network = ig.load_classifier(f"{tmp_path}/net.py:net", classes=["cat", "dog"], size=16).network
    kept = {"class_to_idx": {"owl": 0, "cat": 1}} if named == "by the file" else {}
    torch.save({"state_dict": network.state_dict(), **kept}, tmp_path / "net.pt")
    data = tmp_path / "photos"
    data.mkdir()
    shutil.copy(photo, data)
    plan = Audit(
        model=f"{tmp_path}/net.py:net",
        dataset=str(data) if flat else photo,
        weights=str(tmp_path / "net.pt"),
        classes=("cow", "pig") if named == "by the caller" else (),
        steps=("explain",),
        size=16,
    )
    if named == "by nobody":
        with pytest.raises(InputError, match=r"has no class folders" if flat else r"whose classes are named"):
            prepare(plan, torch.device("cpu"))
        return
    classifier, dataset = prepare(plan, torch.device("cpu"))
    assert classifier.classes == dataset.classes == (("owl", "cat") if named == "by the file" else ("cow", "pig"))
    assert dataset.reading["labels"] == "predicted"
    assert any("normalised by" in remark for remark in classifier.remarks)
    images, labels = next(iter(dataset.splits.values()))[:]
    assert classifier(images).argmax(1).tolist() == labels.tolist()
