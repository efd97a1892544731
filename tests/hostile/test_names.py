"""Odd names of folders and files travel through the command line into every file of a run, and harm none."""

import csv
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from ironglass.cli.main import _status

NAMES = {
    "no UTF-8": os.fsdecode(b"caf\xe9"),
    "markup": "<script>alert(1)<",
    "quotes": "a\"'`b",
    "a new line": "a\nb",
    "a formula": "=cmd|' '!A0",
    "long": "x" * 200,
    "directions": "a\u202eb",
    "console markup": "[red]a[bold",
    "braces": "{{ 7 * 7 }}{% x %}",
}


def draw(root: Path, *names: str) -> Path:
    random = np.random.default_rng(0)
    for k, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for i in range(6):
            pixels = random.integers(20 * k, 20 * k + 20, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    return root


def test_classes_of_odd_names_are_trained_on_and_predicted(ends_well, tmp_path, monkeypatch):
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    data = draw(tmp_path / "data", *NAMES.values())

    def run(*words: object) -> int:
        sys.argv = ["ironglass", *map(str, words)]
        return _status()

    trained = ends_well(lambda: run("train", "logistic", data, "--epochs", 1, "--output", "run"), seconds=120)
    assert trained.value == 0, trained.output
    page = (tmp_path / "run/report.html").read_bytes().decode()
    assert "<script>alert" not in page
    assert ">49<" not in page
    classes = json.loads((tmp_path / "run/data.json").read_bytes())["classes"]
    assert set(NAMES.values()) - set(classes) == {NAMES["no UTF-8"]}
    assert r"caf\xe9" in classes
    for file in (tmp_path / "run").glob("*.json"):
        json.loads(file.read_bytes())
    told = ends_well(lambda: run("predict", "run", data, "--output", "told"), seconds=120)
    assert told.value == 0, told.output
    rows = list(csv.DictReader(io.StringIO((tmp_path / "told/predictions.csv").read_bytes().decode(), newline="")))
    assert len(rows) == 6 * len(NAMES)
    assert not any(str(cell).startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row.values())


def test_data_in_a_folder_whose_name_is_no_utf_8_work_or_leave_nothing(ends_well, tmp_path, monkeypatch):
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    data = draw(tmp_path / os.fsdecode(b"d\xe9"), "a", "b")

    def run() -> int:
        sys.argv = ["ironglass", "train", "logistic", str(data), "--epochs", "1", "--output", "run", "--quiet"]
        return _status()

    outcome = ends_well(run, seconds=120)
    assert outcome.value in (0, 2), outcome.output
    assert outcome.value == 0 or (len(outcome.output.strip().splitlines()) == 1 and not (tmp_path / "run").exists())
