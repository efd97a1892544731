"""The failure step: a planted domain is found through a whole run, named on the page and in the terminal; none else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from safetensors.numpy import load_file

import ironglass as ig
from ironglass.cli.show import show_run
from ironglass.errors import InputError
from ironglass.results.sections import Results, read_results
from ironglass.results.versions import with_counts
from ironglass.run import Run

SKETCHES = 100


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dark and light images of 8 or 16 px, 160 to learn from, 400 to test on: 100 of these, sketches, show nothing."""
    folder, random = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    lines = ["file,label,split,domain,odd"]
    for i in range(560):
        label, is_sketch = i % 2, i >= 560 - SKETCHES
        level = 127 if is_sketch else 100 + 55 * label
        pixels = random.normal(level, 50, (8, 8, 1)).clip(0, 255).astype(np.uint8)
        pixels = np.kron(pixels[..., 0], np.ones((2, 2), np.uint8)) if i % 3 == 0 else pixels[..., 0]
        Image.fromarray(pixels).save(folder / f"{i:03}.png", compress_level=0)
        split, domain = "train" if i < 160 else "test", "sketch" if is_sketch else ("photo", "art")[i // 2 % 2]
        lines.append(f"{i:03}.png,{('dark', 'light')[label]},{split},{domain},x{i}")
    path = folder / "labels.csv"
    path.write_text("\n".join(lines))
    return path


def plan(table: Path, **fields: Any) -> ig.Audit:
    return ig.Audit.of_parts(
        model="logistic", dataset=str(table), size=8, training=True, evaluation=True,
        stages=(ig.Stage(epochs=3, batch_size=32),), sampling={"images": 8, "report_images": 4}, **fields,
    )  # fmt: skip


@pytest.fixture(scope="module")
def audited(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    explanation = {"methods": ("input-x-gradient",), "quality": 0}
    return ig.run(plan(table, slices=("domain",), explanation=explanation), tmp_path_factory.mktemp("run") / "run")


def results_of(run: Run) -> Results:
    return read_results(run.read_object("results.json"), file="results.json")


def test_the_planted_domain_stands_out(audited: Run) -> None:
    failures = results_of(audited).failures
    assert failures is not None
    (worst,) = [part for part in failures.slices if part.stands_out and part.kind == "column"]
    assert (worst.attribute, worst.value, worst.accuracy.n, worst.rest.n) == ("domain", "sketch", SKETCHES, 300)
    assert worst.difference.high < 0
    assert failures.slices[0] == worst
    assert [row.attribute for row in failures.attributes] == [
        "class",
        "domain",
        "brightness",
        "contrast",
        "stored size",
        "cluster",
    ]
    assert [row.slices for row in failures.attributes][:-1] == [2, 3, 5, 5, 2]
    assert failures.tests == failures.slices_tested == sum(row.tested for row in failures.attributes)
    assert (failures.pairs_tested, failures.clustered, failures.map_method) == (0, 400, "Input × gradient")


def test_losses_and_pairs_are_those_of_the_table(audited: Run) -> None:
    failures = results_of(audited).failures
    assert failures is not None
    rows = {row["name"]: row for row in pq.read_table(audited.path / "per_image" / "clean.parquet").to_pylist()}
    order = sorted(rows.values(), key=lambda row: row["true_confidence"])
    assert [image.name for image in failures.losses] == [row["name"] for row in order[:12]]
    for image in failures.losses:
        row = rows[image.name]
        assert (image.label, image.prediction) == (row["label"], row["prediction"])
        assert image.loss == pytest.approx(-np.log(row["true_confidence"]), rel=1e-4)
    for pair in failures.pairs:
        same = [row for row in rows.values() if (row["label"], row["prediction"]) == (pair.label, pair.prediction)]
        assert pair.images == len(same) == pair.of_mistakes.n
        assert pair.example.name == min(same, key=lambda row: row["true_confidence"])["name"]
        assert pair.p is pair.others is None


def test_pictures_are_of_the_images_and_maps_of_both_classes(audited: Run) -> None:
    index, tensors = audited.read("failures.json"), load_file(audited.path / "failures.safetensors")
    dataset = ig.load_dataset(audited.read("recipe.json")["dataset"], size=8)
    for number, name in enumerate(index["names"]):
        pixels = dataset.test.pixels[dataset.test.names.index(name)]
        assert (tensors[str(number)] == pixels).all()
    maps = tensors["maps"]
    assert maps.shape == (2, 2, 8, 8)
    wrong = {"dark": 1, "light": 0}
    for i, pair in enumerate(results_of(audited).failures.pairs):  # type: ignore[union-attr]
        assert maps[i, wrong[pair.label]].sum() > maps[i, 1 - wrong[pair.label]].sum() or not maps[i].any()
    assert next(len(part) for part in index["slices"]) == 6


def test_the_page_and_one_line_of_the_terminal_say_so(audited: Run, capsys: pytest.CaptureFixture[str]) -> None:
    page = (audited.path / "report.html").read_text()
    for text in ("Where it fails", "domain: sketch (", "formed on these same 400 images", "corrected together (Holm)"):
        assert text in page, text
    show_run(audited, as_json=False, quiet=False)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("fails most: ")]
    assert line.startswith("fails most: domain: sketch, ")
    assert " of 100 images, the rest " in line


def test_without_the_column_nothing_of_it_is_said_and_pictures_are_optional(
    table: Path, audited: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    smaller = ig.Audit.of_parts(
        model=str(audited.path), dataset=str(table), evaluation=True, sampling={"report_images": 0}, split="train"
    )
    run = ig.run(smaller, tmp_path / "run")
    failures = results_of(run).failures
    assert failures is not None
    assert not any(part.stands_out for part in failures.slices), "training images, none of which is a sketch"
    assert failures.map_method is None
    assert not (run.path / "failures.safetensors").exists()
    page = (run.path / "report.html").read_text()
    assert f"none of the {failures.slices_tested} that were tested" in page
    show_run(run, as_json=False, quiet=False)
    assert "fails most" not in capsys.readouterr().out


def test_columns_that_cannot_be_used_are_refused_before_anything_is_written(table: Path, tmp_path: Path) -> None:
    for column, message in {"style": "no column 'style': there are domain, odd", "odd": "400 distinct values"}.items():
        with pytest.raises(InputError, match=message):
            ig.run(plan(table, slices=column), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_every_key_counts_and_older_runs_are_read(audited: Run, refuses_every_change: Callable[[Path], int]) -> None:
    assert refuses_every_change(audited.path) > 200
    older = audited.read_object("results.json")
    del older["failures"], older["sections"]["failures"]
    assert read_results(older, file="results.json").failures is None


def test_lost_pictures_are_made_anew(audited: Run, table: Path) -> None:
    before = (audited.path / "failures.safetensors").read_bytes()
    results = audited.results
    (audited.path / "failures.safetensors").unlink()
    recipe = json.loads((audited.path / "recipe.json").read_text())
    assert recipe["slices"] == ["domain"]
    explanation = {"methods": ("input-x-gradient",), "quality": 0}
    again = ig.run(plan(table, slices="domain", explanation=explanation), audited.path, resume=True)
    assert again.results == results
    assert (audited.path / "failures.safetensors").read_bytes() == before
    audited.write("results.json", with_counts(results))
