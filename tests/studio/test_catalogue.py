"""Lists of pictures: by loss, by class, by what a run recorded; and the data of a run."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch.nn.functional import cross_entropy

import ironglass as ig
from ironglass.errors import InputError, Notice
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.plans.attacks import Attacks
from ironglass.studio.answers.catalogue import Catalogue
from ironglass.studio.app import Studio
from ironglass.studio.load import Opened, load_all


@pytest.fixture(scope="module")
def run(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that knows its data and has recorded FGSM."""
    folder = tmp_path_factory.mktemp("recorded") / "run"
    plan = ig.Audit(
        name="recorded", model="simple-cnn", dataset=str(place / "photos"), layers=None, occlusion=None,
        stages=(ig.Stage(epochs=4, batch_size=8),), size=24, attacks=Attacks(methods=("fgsm",), eps=(8 / 255, 0.25)),
    )  # fmt: skip
    ig.run(plan, folder)
    return folder


def recorded(run: Path) -> dict[tuple[str, float], set[str]]:
    """Names of the pictures that were right when unchanged and wrong under attack, read plainly."""
    rows = pq.read_table(run / "per_image" / "attacks.parquet").to_pylist()
    clean = {row["name"]: row["correct"] for row in pq.read_table(run / "per_image" / "clean.parquet").to_pylist()}
    found: dict[tuple[str, float], set[str]] = {}
    for row in rows:
        names = found.setdefault((row["condition"], row["eps"]), set())
        if clean[row["name"]] and not row["correct"]:
            names.add(row["name"])
    return found


def test_a_run_brings_its_data_and_its_split(run: Path, place: Path) -> None:
    (opened,) = load_all([str(run)], None, device="cpu", download=False)
    assert opened.plan.dataset == str(place / "photos")
    assert opened.split is not None
    assert opened.split[0] == json.loads((run / "results.json").read_text())["evaluation"]["split"]
    lines = Studio([opened]).answer("numbers", {"index": 0})["python"]
    assert f"load({str(run)!r}, {str(place / 'photos')!r}" in lines


def test_a_run_without_named_data_is_opened_without(place: Path) -> None:
    (opened,) = load_all([str(place / "first")], None, device="cpu", download=False)
    assert opened.dataset is None


@pytest.mark.parametrize("name", ["gone-away", "hf:user/set"])
def test_data_that_cannot_be_opened_are_left_out_with_the_reason(run: Path, tmp_path: Path, name: str) -> None:
    moved = tmp_path / "run"
    moved.mkdir()
    for file in ("model.safetensors", "config.json", "data.json", "recipe.json"):
        (moved / file).write_bytes((run / file).read_bytes())
    recipe = json.loads((moved / "recipe.json").read_text())
    (moved / "recipe.json").write_text(json.dumps(recipe | {"dataset": name}))
    with pytest.warns(Notice, match=f"opened without the data of the run: .*{name}"):
        (opened,) = load_all([str(moved)], None, device="cpu", download=False)
    assert opened.dataset is None


def test_a_damaged_record_is_left_out_with_the_reason(run: Path, tmp_path: Path, place: Path) -> None:
    copy = tmp_path / "run"
    (copy / "per_image").mkdir(parents=True)
    for file in run.rglob("*"):
        if file.is_file() and file.parent in (run, run / "per_image"):
            (copy / file.relative_to(run)).write_bytes(file.read_bytes())
    (copy / "per_image" / "attacks.parquet").write_bytes(b"PAR1")
    (opened,) = load_all([str(copy)], str(place / "photos"), device="cpu", download=False)
    with pytest.warns(Notice, match="not as it was written"):
        assert Catalogue(opened).names() == ["all", "misclassified", "loss"]


def test_pictures_that_an_attack_of_the_run_fooled(run: Path) -> None:
    (opened,) = load_all([str(run)], None, device="cpu", download=False)
    assert opened.split is not None
    studio, names = Studio([opened]), opened.split[1].names
    lists = studio.answer("begin", {})["lists"][0]
    expected = {key: found for key, found in recorded(run).items() if key[1] > 0 and found}
    assert expected, "the test needs an attack that fools"
    assert len(lists) == 3 + len(expected)
    for (_, eps), found in expected.items():
        text = "eps 8/255" if eps < 0.1 else "eps 0.25"
        (one,) = [name for name in lists if text in name]
        listed = studio.answer("pictures", {"list": one})
        assert {names[picture["index"]] for picture in listed["pictures"]} == found
        assert all(picture["prediction"] != picture["label"] for picture in listed["pictures"])


def test_highest_loss_comes_first(opened: tuple[Opened, ...]) -> None:
    assert opened[1].split is not None
    images, labels = opened[1].split[1][:]
    with eval_without_grad(opened[1].classifier), torch.no_grad():
        losses = cross_entropy(opened[1].classifier(images).double(), labels, reduction="none")
    listed = Studio(opened).answer("pictures", {"list": "loss", "model": 1})
    assert [one["index"] for one in listed["pictures"]] == losses.sort(descending=True, stable=True).indices.tolist()
    assert [one["loss"] for one in listed["pictures"]] == pytest.approx(
        losses.sort(descending=True).values.tolist(), rel=1e-4
    )
    of_class = Studio(opened).answer("pictures", {"list": "loss", "model": 1, "class": 1})
    assert {one["label"] for one in of_class["pictures"]} == {1}


def test_a_gallery_has_a_row_a_class(opened: tuple[Opened, ...]) -> None:
    split = opened[0].split
    assert split is not None
    found = Studio(opened).answer("gallery", {"list": "all"})
    assert [row["class"] for row in found["classes"]] == [0, 1]
    for row in found["classes"]:
        assert row["n"] == int((split[1].labels == row["class"]).sum())
        assert {one["label"] for one in row["pictures"]} == {row["class"]}


def test_other_requests_are_answered_between_batches(opened: tuple[Opened, ...]) -> None:
    split = opened[0].split
    assert split is not None
    many = type(split[1])(np.repeat(split[1].pixels, 40, axis=0), np.repeat(split[1].labels, 40))
    assert opened[0].dataset is not None
    one = replace(opened[0], dataset=replace(opened[0].dataset, splits={"test": many}))
    calls: list[int] = []
    Catalogue(one).pictures("misclassified", lambda: calls.append(1))
    assert len(calls) == -(-len(many) // 64) > 1


@pytest.mark.parametrize("wrong", [{"list": "../secret"}, {"list": 3}, {"class": 2}, {"class": -1}, {"start": -1}])
def test_wrong_lists_are_refused(opened: tuple[Opened, ...], wrong: dict[str, Any]) -> None:
    for name in ("pictures", "gallery"):
        if name == "pictures" or "class" not in wrong:
            with pytest.raises(InputError):
                Studio(opened).answer(name, wrong)


def test_a_loss_that_is_no_number_stands_first_and_is_valid_json(opened: tuple[Opened, ...]) -> None:
    studio = Studio(opened)
    catalogue = studio.answers.catalogues[0]
    catalogue.pictures("loss", lambda: None)
    assert catalogue._scan is not None
    catalogue._scan.losses[2] = np.inf
    listed = studio.answer("pictures", {"list": "loss"})
    assert listed["pictures"][0]["index"] == 2
    assert listed["pictures"][0]["loss"] is None
    json.dumps(listed, allow_nan=False)
