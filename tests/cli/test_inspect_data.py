"""`ironglass inspect`, and `train --leave-out` with the list that it writes."""

import json
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def leaky(draw, tmp_path: Path) -> Path:
    folder = draw(tmp_path / "leaky", per_class=30)
    Image.open(folder / "dark" / "00.png").save(folder / "light" / "twin.png")
    return folder


def test_the_list_of_inspect_is_taken_by_train(call, leaky: Path, tmp_path: Path) -> None:
    before = sorted(leaky.rglob("*"))
    status, out, err = call("inspect", leaky, "--clean", "clean.txt", "--output", "inspected")
    assert (status, err) == (0, "")
    assert "same pixels under two labels" in out
    assert "report: inspected/report.html" in out
    assert sorted(leaky.rglob("*")) == before
    listed = [line.partition("\t")[0] for line in Path("clean.txt").read_text().splitlines() if line[0] != "#"]
    assert "dark/00.png" in listed or "light/twin.png" in listed
    status, out, err = call("inspect", leaky, "--leave-out", "clean.txt", "--json", "--output", "again", "--quiet")
    assert status == 0, err
    assert json.loads(out)["results"]["inspection"]["duplicates"] == []
    status, out, err = call("train", "simple-cnn", leaky, "--epochs", 1, "--leave-out", "clean.txt", "--output", "run")
    assert status == 0, err
    assert "left out as clean.txt lists" in out
    assert json.loads(Path("run/recipe.json").read_text())["leave_out"] == "clean.txt"


def test_json_names_every_file_concerned(call, leaky: Path) -> None:
    status, out, _ = call("inspect", leaky, "--json")
    assert status == 0
    (group,) = json.loads(out)["results"]["inspection"]["duplicates"]
    assert {image["name"] for image in group["images"]} == {"dark/00.png", "light/twin.png"}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nowhere"], "nowhere"),
        (["digits", "--clean", "no/such/folder.txt"], "--clean no/such/folder.txt: give a file in a folder"),
        (["digits", "--skip", "nearduplicates"], "did you mean near-duplicates"),
        (["digits", "--leave-out", "none.txt"], "cannot read the list"),
        (["digits", "--weights", "w.pt"], "weights are of a model, and none is named"),
        (["digits", "--against", "planted"], "--against planted: a model tells the images apart, and none is named"),
        (["digits", "simple-cnn"], "simple-cnn has no trained weights"),
    ],
)
def test_bad_input_is_one_line(call, words: list[str], line: str) -> None:
    status, out, err = call("inspect", *words)
    assert (status, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1
    assert not Path("runs").exists()
