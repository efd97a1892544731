"""Predictions on files: numbers as numbers, every file accounted for, read as the model's own images were."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ironglass as ig
from ironglass.cli.main import main
from ironglass.cli.show import show_predictions
from ironglass.errors import InputError, Notice
from ironglass.measure.per_image import write_predictions
from ironglass.models.loading.save import save_classifier
from ironglass.report.prediction.page import write_page
from ironglass.run import Run
from ironglass.studies.prediction.run import predict


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    classifier = ig.load_classifier("logistic", classes=["=cat", "dog", "[red]cow"], size=8, channels=1)
    torch.nn.init.normal_(classifier.network.linear.weight)
    save_classifier(classifier, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(folder / f"{i}.png")
    (folder / "notes.txt").write_text("text")
    return folder


def test_numbers_are_numbers_and_every_file_is_there(model, photos, tmp_path):
    run, rows = predict(str(model), [photos], tmp_path / "out")
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert [Path(row["name"]).name for row in rows] == ["0.png", "1.png", "2.png"]
    assert all(isinstance(row["confidence_1"], float) and 0 <= row["confidence_1"] <= 1 for row in rows)
    lines = list(csv.DictReader((run.path / "predictions.csv").read_text().splitlines()))
    assert [float(line["confidence_1"]) for line in lines] == [row["confidence_1"] for row in rows]
    about = run.read("data.json")
    assert [(Path(file["name"]).name, file["reason"]) for file in about["quarantined"]] == [
        ("notes.txt", "not an image")
    ]
    assert not (run.path / "predictions.html").exists()


def test_one_file_is_enough_and_its_map_is_on_the_page(model, photos, tmp_path):
    run, rows = predict(str(model), [photos / "1.png"], tmp_path / "out", write_page=write_page)
    assert len(rows) == 1
    page = (run.path / "predictions.html").read_text()
    assert page.count("<img") == 2  # the image and its map
    assert not re.search(r"(src|href)=\"(?!data:)", page)  # asks for nothing
    assert "1.png" in page
    assert "[red]cow" in page


def classifier_of(*classes):
    return ig.load_classifier("logistic", classes=classes, size=8, channels=1)


@pytest.mark.parametrize(
    "word", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "=cmd|' /C calc'!A0"]
)
def test_no_cell_is_a_formula(word, tmp_path):
    logits = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    rows = write_predictions(Run(tmp_path), [word, "plain"], classifier_of(word, "b-c = d"), logits)
    assert rows[0]["name"] == word  # as it is, for programs
    with (tmp_path / "predictions.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    assert lines[1][0] == lines[1][1] == f"'{word}"
    assert lines[2][0] == "plain"
    assert "b-c = d" in lines[2]
    assert not any(cell.lstrip(" ")[:1] in tuple("=+-@\t\r") and cell for line in lines[1:] for cell in line)


def test_the_range_and_fit_of_the_model_s_own_run_are_kept(model, tmp_path):
    values = np.linspace(0, 900, 64).reshape(8, 8).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "dim.png")
    alone, _ = predict(str(model), [tmp_path / "dim.png"], tmp_path / "alone")
    assert alone.read("data.json")["reading"] == {"fit": "crop", "range": [0, 1023]}
    assert "10 bits are assumed" in alone.read("data.json")["notes"][0]
    (model / "data.json").write_text(json.dumps({"reading": {"fit": "letterbox", "range": [0, 4095]}}))
    known, _ = predict(str(model), [tmp_path / "dim.png"], tmp_path / "known")
    assert known.read("data.json")["reading"] == {"fit": "letterbox", "range": [0.0, 4095.0]}
    given, _ = predict(str(model), [tmp_path / "dim.png"], tmp_path / "given", range="0,900", fit="stretch")
    assert given.read("data.json")["reading"] == {"fit": "stretch", "range": [0.0, 900.0]}
    for wrong in ({"fit": "../../x", "range": None}, {"fit": "crop", "range": "x"}, [], "text", {"fit": 1, "range": 5}):
        (model / "data.json").write_text(json.dumps({"reading": wrong}))
        usual, _ = predict(str(model), [tmp_path / "dim.png"], tmp_path / f"usual-{len(list(tmp_path.iterdir()))}")
        assert usual.read("data.json")["reading"] == {"fit": "crop", "range": [0, 1023]}


@pytest.mark.parametrize("fields", [{"fit": "squash"}, {"range": "5"}])
def test_wrong_options_are_refused_before_anything_is_written(fields, model, photos, tmp_path):
    with pytest.raises(InputError, match="give"):
        predict(str(model), [photos], tmp_path / "out", **fields)
    assert not (tmp_path / "out").exists()


def test_no_image_at_all_says_what_there_was(model, tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match=r"no images in .*: looked for .jpg"):
        predict(str(model), [tmp_path / "data"], tmp_path / "out")
    (tmp_path / "data" / "notes.txt").write_text("text")
    with pytest.raises(InputError, match=r"left out 1 files, as .*notes.txt: not an image"):
        predict(str(model), [tmp_path / "data"], tmp_path / "out")
    (tmp_path / "data" / "a.png").write_text("text")
    with pytest.raises(InputError, match=r"none of the 2 files can be decoded; .*a.png: not an image"):
        predict(str(model), [tmp_path / "data"], tmp_path / "out")


def test_what_is_not_judged_has_no_class(tmp_path):
    logits = torch.tensor([[1.0, 0.0], [torch.nan, 0.0], [torch.inf, torch.inf], [-torch.inf, 3.0]])
    rows = write_predictions(Run(tmp_path), list("abcd"), classifier_of("x", "y"), logits)
    assert [row["class_1"] for row in rows] == ["x", None, None, "y"]
    with (tmp_path / "predictions.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    assert lines[2] == ["b", "", "", "", ""]
    assert lines[3] == ["c", "", "", "", ""]
    assert lines[4][:3] == ["d", "y", "1.000000"]


NAN = """
import torch
class Net(torch.nn.Sequential):
    def __init__(self):
        super().__init__(torch.nn.Flatten(), torch.nn.Linear(192, 2))
    def forward(self, images):
        logits = super().forward(images)
        return torch.where(images.mean((1, 2, 3))[:, None] > 0.9, torch.nan, logits)
"""


def test_what_was_assumed_is_said(photos, tmp_path, monkeypatch, capsys):
    (tmp_path / "net.py").write_text(NAN)
    Image.new("L", (8, 8), 255).save(photos / "white.png")
    name = f"{tmp_path / 'net.py'}:Net"
    run, rows = predict(name, [photos], tmp_path / "out", size=8, classes=["a", "b"], write_page=write_page)
    remarks = " ".join(run.read("data.json")["remarks"])
    assert "untrained" in remarks
    assert "nobody says what images are normalised by" in remarks
    assert rows[-1]["class_1"] is None
    page = (run.path / "predictions.html").read_text()
    assert "untrained" in page
    assert "not judged" in page
    show_predictions(run, rows)
    shown = capsys.readouterr().out
    assert "untrained" in shown
    assert "not judged" in shown
    given, _ = predict(name, [photos], tmp_path / "given", size=8, classes=["a", "b"], normalised={"normalise": "none"})
    assert "normalised" not in " ".join(given.read("data.json")["remarks"])


def test_a_class_map_is_refused(model, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["ironglass", "predict", str(model), str(photos), "--class-map", "a=dog"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "--class-map is for data with classes" in capsys.readouterr().err


@pytest.mark.parametrize("within", [True, False])
def test_what_is_kept_of_a_run_is_said_as_it_is(tmp_path, monkeypatch, capsys, within):
    def fail(*args, **more):
        if not within:
            raise OSError(28, "No space left on device")
        with Run.hold(tmp_path / "run", {"name": "x"}):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("ironglass.studies.prediction.run.predict", fail)
    monkeypatch.setattr("sys.argv", ["ironglass", "predict", "runs/x", "photos", "--output", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert ("finished parts are kept in" in said) == within
    assert ("nothing had begun" in said) != within


GREY = """
from torch import nn
class Grey(nn.Module):
    def __init__(self, channels=1):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    def forward(self, x):
        return self.body(x)
class Five(Grey):
    def __init__(self):
        super().__init__(5)
"""


def test_a_network_of_the_user_s_own_that_takes_grey_images_is_given_grey_ones(photos, tmp_path):
    (tmp_path / "own.py").write_text(GREY)
    network = ig.load_classifier(f"{tmp_path}/own.py:Grey", classes=["a", "b", "c"], size=8, channels=1).network
    torch.save(network.state_dict(), tmp_path / "own.pt")
    fields = {"weights": str(tmp_path / "own.pt"), "classes": ["a", "b", "c"], "size": 8}
    with pytest.warns(Notice, match="one channel"):
        _, rows = predict(f"{tmp_path}/own.py:Grey", [photos], tmp_path / "run", **fields)
    pixels = np.stack([np.asarray(Image.open(photos / f"{i}.png")) for i in range(3)])
    with torch.no_grad():
        shares = network(torch.from_numpy(pixels)[:, None].float() / 255).softmax(1)
    for row, expected in zip(rows, shares, strict=True):
        assert row["class_1"] == "abc"[int(expected.argmax())]
        assert row["confidence_1"] == pytest.approx(float(expected.max()), abs=1e-4)
    with pytest.raises(InputError, match="3 × 8 × 8"):  # neither three channels nor one
        predict(f"{tmp_path}/own.py:Five", [photos], tmp_path / "other", classes=["a", "b", "c"], size=8)
