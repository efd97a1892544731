"""Every run's network is asked about noise and shuffled tiles, and about other data where they are named."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ironglass as ig
from ironglass.cli.main import main
from ironglass.errors import InputError, Notice
from ironglass.report.inspection.against import against_lines, against_plain, compared_words
from ironglass.results.inspection.against import AgainstOthers
from ironglass.results.sections import Results, read_results
from ironglass.run import Run
from ironglass.studies.steps.against import step

STAGES = (ig.Stage(epochs=1, batch_size=128),)


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of another kind: all white but for one black pixel."""
    folder = tmp_path_factory.mktemp("squares")
    for i in range(60):
        pixels = np.full((8, 8), 255, np.uint8)
        pixels[i // 8, i % 8] = 0
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    plan = ig.Audit.of_parts(
        dataset="digits", model="logistic", stages=STAGES, training=True, evaluation=True, against={}
    )
    return ig.run(plan, tmp_path_factory.mktemp("against") / "run")


def results_of(run: Run) -> Results:
    return read_results(run.results, file=run.path)


def section(run: Run) -> AgainstOthers:
    found = results_of(run).out_of_distribution
    assert found is not None
    return found


def test_noise_and_tiles_are_told_from_the_measured_images(trained: Run) -> None:
    found = section(trained)
    assert (found.data, found.left_out) == ("", "")
    assert [row.kind for row in found.rows] == ["noise", "tiles"]
    for row in found.rows:
        assert (row.split, row.images, row.other_images) == ("test", 359, 359)
        assert [score.name for score in row.scores] == ["maximum probability", "energy", "nearest neighbours"]
        assert row.references == 718
        near = row.scores[-1].auc
        assert near.low > 0.9  # pixels themselves, which no noise and no shuffled digit has
        assert near.n == 718


def test_the_page_says_what_was_compared(trained: Run) -> None:
    page = (trained.path / "report.html").read_text(encoding="utf-8")
    assert 'id="out-of-distribution"' in page
    assert "359 test images against as many of each kind that were made of them: Gaussian noise" in page
    assert "No other data were named, so none were read or fetched" in page
    assert "--against OTHER" in page
    assert page.count('alt="shuffled tiles,') == page.count('alt="Gaussian noise,') == step.PICTURES


def test_a_damaged_picture_is_made_again(trained: Run) -> None:
    path = trained.path / step.FILE
    before, results = path.read_bytes(), trained.results
    path.write_bytes(b"damaged")
    fields = {"stages": STAGES, "training": True, "evaluation": True, "against": {}}
    with pytest.warns(Notice, match="made anew: out_of_distribution.safetensors"):
        ig.run(ig.Audit.of_parts(dataset="digits", model="logistic", **fields), trained.path, resume=True)
    assert path.read_bytes() == before
    assert trained.results == results


def test_other_data_stand_first_and_are_measured_on_resuming(trained: Run, squares: Path, tmp_path: Path) -> None:
    fields: dict[str, Any] = {"dataset": "digits", "model": str(trained.path), "evaluation": True}
    ig.run(ig.Audit.of_parts(**fields, against={}), tmp_path / "run")
    run = ig.run(ig.Audit.of_parts(**fields, against=str(squares)), tmp_path / "run", resume=True)
    found = section(run)
    assert found.data == str(squares)
    assert [row.kind for row in found.rows] == ["data", "noise", "tiles"]
    assert (found.rows[0].other, found.rows[0].other_split, found.rows[0].other_images) == (str(squares), "images", 60)
    assert found.rows[1:] == section(trained).rows
    lines = against_lines(results_of(run))
    assert lines[0].startswith(f"against {squares}: AUC maximum probability")
    assert "60 images of" in compared_words(found)[0]
    assert "No other data" not in " ".join(compared_words(found))
    recorded = run.path.stat().st_mtime_ns, run.results
    again = ig.run(ig.Audit.of_parts(**fields, against=str(squares)), tmp_path / "run", resume=True)
    assert again.results == recorded[1]


def test_an_inspection_finds_the_same(trained: Run, squares: Path, tmp_path: Path) -> None:
    plan = ig.Inspection(dataset="digits", model=str(trained.path), searches=(), against=str(squares))
    with pytest.warns(Notice, match="no effect to measure"):
        inspected = ig.run(plan, tmp_path / "inspected").results["inspection"]["against"]
    audit = ig.Audit.of_parts(dataset="digits", model=str(trained.path), against=str(squares))
    assert ig.run(audit, tmp_path / "run").results["out_of_distribution"]["rows"][0] == inspected


def test_wrong_data_are_refused_before_anything_is_trained(squares: Path, tmp_path: Path) -> None:
    fields: dict[str, Any] = {"dataset": "digits", "model": "logistic", "stages": STAGES, "training": True}
    with pytest.raises(InputError, match="--against digits: 359 of its 359 test images have the pixels of images of"):
        ig.run(ig.Audit.of_parts(**fields, against="digits"), tmp_path / "run")
    with pytest.raises(InputError):
        ig.run(ig.Audit.of_parts(**fields, against=str(tmp_path / "absent")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_flat_folder_of_the_data_s_own_images_is_refused(trained: Run, tmp_path: Path) -> None:
    images = ig.load_dataset("digits").test
    (tmp_path / "flat").mkdir()
    for number in range(3):
        pixels = images.pixels[number]
        Image.fromarray(np.asarray(pixels).squeeze()).save(tmp_path / "flat" / f"{number}.png")
    plan = ig.Audit.of_parts(dataset="digits", model=str(trained.path), against=str(tmp_path / "flat"))
    with pytest.raises(InputError, match="flat: 3 of its 3 images have the pixels of images of"):
        ig.run(plan, tmp_path / "run")


def test_where_it_would_take_long_it_is_left_out_and_said(
    trained: Run, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "FREE", 0.0)
    fields: dict[str, Any] = {"dataset": "digits", "model": str(trained.path), "evaluation": True}
    run = ig.run(ig.Audit.of_parts(**fields, against={}), tmp_path / "run")
    found = section(run)
    assert found.rows == ()
    assert "350 forward passes at least: longer than a tenth of this run" in found.left_out
    assert "Left out: noise and shuffled tiles" in (run.path / "report.html").read_text(encoding="utf-8")
    named = section(ig.run(ig.Audit.of_parts(**fields, against=str(squares)), tmp_path / "named"))
    assert [row.kind for row in named.rows] == ["data"]


def test_no_more_images_than_a_tenth_of_the_run_allows(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "FREE", 0.0)
    monkeypatch.setattr(step, "LEAST", 2)
    run = ig.run(
        ig.Audit.of_parts(dataset="digits", model=str(trained.path), evaluation=True, against={}), tmp_path / "run"
    )
    assert section(run).rows[0].images == 359 // 10 // step.PASSES


def test_an_image_without_an_answer_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\n\n\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.end = nn.Linear(64, 10)\n\n"
        "    def forward(self, x):\n        x = x.flatten(1)\n"
        "        return self.end(x) / (x[:, :1] < 0.9).float()\n\n\n"  # all digits are dark there; noise is not
        "def build():\n    return Net()\n"
    )
    torch.manual_seed(0)
    torch.save({"end.weight": torch.randn(10, 64), "end.bias": torch.zeros(10)}, tmp_path / "net.pt")
    plan = ig.Audit.of_parts(
        dataset="digits", model=f"{tmp_path}/net.py:build", weights=str(tmp_path / "net.pt"), size=8, channels=1,
        classes=tuple("0123456789"), mean=(0.0,), std=(1.0,), against={},
    )  # fmt: skip
    found = section(ig.run(plan, tmp_path / "run"))
    noise = found.rows[0]
    assert noise.scores == ()
    assert "images (Gaussian noise) are not judged by the model" in noise.remarks[0]


def test_a_network_surer_of_noise_says_so_first(trained: Run) -> None:
    results = results_of(trained)
    found = section(trained)
    assert against_plain(results) == []
    row = found.rows[0]
    low = replace(row.scores[0], auc=replace(row.scores[0].auc, low=0.1, value=0.2, high=0.3))
    turned = replace(results, out_of_distribution=replace(found, rows=(replace(row, scores=(low,)), found.rows[1])))
    assert against_plain(turned) == [
        "It is surer of Gaussian noise than of the test images: "
        "that it is sure does not mean that it sees what it knows."
    ]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    def run(*words: object) -> int:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["ironglass", *map(str, words)])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return run


@pytest.mark.parametrize("words", [("evaluate", "MODEL", "digits"), ("train", "logistic", "digits", "--epochs", "1")])
def test_verbs_have_it_with_and_without_a_name(
    words: tuple[str, ...], call: Callable[..., int], trained: Run, squares: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tuple(str(trained.path) if word == "MODEL" else word for word in words)
    assert call(*words, "--against", squares, "--json") == 0
    found = json.loads(capsys.readouterr().out)["results"]["out_of_distribution"]
    assert [row["kind"] for row in found["rows"] if "kind" in row] == ["noise", "tiles"]
    assert found["rows"][0]["other_images"] == 60


def test_what_has_no_single_network_refuses_it(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "transfer-defence", "--against", "digits") == 2
    assert "--against is for an audit, and transfer-defence is none" in capsys.readouterr().err
    assert call("train", "logistic", "digits", "--seeds", "2", "--against", "planted") == 2
    assert "--against is of one network" in capsys.readouterr().err
    assert call("train", "logistic", "digits", "--against", "") == 2
    assert "--against is empty" in capsys.readouterr().err
