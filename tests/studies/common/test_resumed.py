"""A run is resumed on the data and the network that it began with, and on no others."""

import json
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
from ironglass.plans.audit import Audit
from ironglass.run.checksums import NAME

# the networks here have hardly learnt, so that their logits are small
pytestmark = pytest.mark.filterwarnings("ignore:every output lies between 0 and 1:ironglass.errors.Notice")


@pytest.fixture
def photos(draw_photos, tmp_path: Path) -> Path:
    return Path(shutil.copytree(draw_photos(12, 16), tmp_path / "photos"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    classifier = ig.load_classifier("simple-cnn", classes=["dark", "light"], size=16, channels=3)
    save_classifier(classifier, tmp_path / "model")
    return tmp_path / "model"


def relabel(photos: Path) -> None:
    (photos / "dark" / "03.png").rename(photos / "light" / "x.png")


def swap_pixels(photos: Path) -> None:
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(photos / "dark" / "03.png")


def remove(photos: Path) -> None:
    (photos / "light" / "05.png").unlink()


def rename_class(photos: Path) -> None:
    (photos / "dark").rename(photos / "zebra")


CHANGES = [
    *((change, "train") for change in (relabel, swap_pixels, remove, rename_class)),
    *((change, "evaluate") for change in (relabel, swap_pixels, remove)),  # a class that the model lacks is refused
]


@pytest.mark.parametrize(("change", "step"), CHANGES)
def test_other_data_are_refused(photos, model, tmp_path, change, step):
    name = "simple-cnn" if step == "train" else str(model)
    plan = Audit(model=name, dataset=str(photos), steps=(step,), stages=(ig.Stage(epochs=1),))
    run = audit(plan, tmp_path / "run")
    before = (run.path / "results.json").read_bytes(), (run.path / "data.json").read_bytes()
    change(photos)
    with pytest.raises(InputError, match="the data have changed since"):
        audit(plan, tmp_path / "run", resume=True)
    assert before == ((run.path / "results.json").read_bytes(), (run.path / "data.json").read_bytes())


def test_the_same_data_with_other_dates_go_on(photos, model, tmp_path):
    plan = Audit(model=str(model), dataset=str(photos), steps=("evaluate",))
    first = audit(plan, tmp_path / "run").results["evaluation"]
    for path in photos.rglob("*.png"):
        path.touch()
    assert audit(plan, tmp_path / "run", resume=True).results["evaluation"] == first


def test_another_network_is_refused(photos, model, tmp_path):
    plan = Audit(model=str(model), dataset=str(photos), steps=("evaluate",))
    audit(plan, tmp_path / "run")
    torch.manual_seed(1)
    save_classifier(ig.load_classifier("simple-cnn", classes=["dark", "light"], size=16, channels=3, seed=5), model)
    with pytest.raises(InputError, match="the network is not the one"):
        audit(plan, tmp_path / "run", resume=True)


@pytest.mark.parametrize("name", ["config.json", "data.json"])
def test_a_run_whose_files_were_edited_is_no_model(photos, tmp_path, name):
    plan = Audit(model="simple-cnn", dataset=str(photos), steps=("train",), stages=(ig.Stage(epochs=1),))
    run = audit(plan, tmp_path / "run")
    value = json.loads((run.path / name).read_text())
    if name == "config.json":
        value["label_names"].reverse()
    else:
        value["reading"]["fit"] = "stretch"
    (run.path / name).write_text(json.dumps(value))
    again = Audit(model=str(run.path), dataset=str(photos), steps=("evaluate",))
    with pytest.raises(InputError, match=f"{name} is not as it was written"):
        audit(again, tmp_path / "again")
    (run.path / NAME).unlink()  # whoever means it says so
    audit(again, tmp_path / "again")
