"""The confidence steps of an audit: numbers from the tables, the temperature as a file, and what stands without one."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import ironglass as ig
from ironglass.errors import InputError
from ironglass.measure.confidence.calibration_error import corrected_error
from ironglass.measure.confidence.selective import selective_risk
from ironglass.models.temperature import FILE
from ironglass.results.sections import read_results
from ironglass.run import Run
from ironglass.studies.prediction.run import predict


@pytest.fixture(scope="module")
def audited(draw_photos: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A network trained for an epoch, corrupted and attacked, on data with a validation split."""
    plan = ig.Audit.of_parts(
        model="logistic", dataset=f"folder:{draw_photos(60, 8)}", size=8, channels=3, training=True, evaluation=True,
        stages=(ig.Stage(epochs=2, batch_size=16),), corruptions={"names": ("gaussian-noise",), "images": 20},
        attacks={"methods": ("fgsm", "pgd-2"), "eps": (0.02, 0.1)}, sampling={"images": 12, "report_images": 0},
    )  # fmt: skip
    return ig.run(plan, tmp_path_factory.mktemp("confidence") / "run")


def test_every_condition_has_its_numbers(audited: Run) -> None:
    numbers, under = audited.results["confidence"], audited.results["confidence_under"]
    names = [(row["kind"], row["condition"], row["severity"], row["eps"]) for row in under["rows"]]
    assert names == [
        ("clean", "clean", None, None), ("corruption", "gaussian-noise", 5, None),
        ("attack", "fgsm", None, 0.02), ("attack", "fgsm", None, 0.1),
        ("attack", "pgd-2", None, 0.02), ("attack", "pgd-2", None, 0.1),
    ]  # fmt: skip
    table = pq.read_table(audited.path / "per_image" / "attacks.parquet").to_pylist()
    rows = [row for row in table if row["condition"] == "pgd-2" and np.isclose(row["eps"], 0.1)]
    confidence, right = (np.array([row[name] for row in rows]) for name in ("confidence", "correct"))
    last, least = under["rows"][-1], numbers["sets"]["least_share"]
    assert last["n"] == len(rows) == 12
    assert last["ece"]["value"] == corrected_error(confidence, right)["value"]
    assert last["risk"]["value"] == selective_risk(confidence, right)[0]["value"]
    assert last["coverage"]["value"] == np.mean([row["true_confidence"] >= least for row in rows])
    assert last["size"]["value"] == np.mean([row["set_size"] for row in rows])
    assert all((row["true_confidence"] == pytest.approx(row["confidence"])) for row in rows if row["correct"])
    assert under["rows"][0]["coverage"] == numbers["sets"]["coverage"]
    assert (under["level"], numbers["sets"]["level"]) == (0.9, 0.9)


def test_evaluation_and_confidence_have_one_calibration_error(audited: Run) -> None:
    evaluation = audited.results["evaluation"]["calibration"]
    assert evaluation["ece"] == pytest.approx(audited.results["confidence"]["ece"], abs=1e-4)
    assert audited.results["confidence_under"]["rows"][0]["ece"] == pytest.approx(evaluation["ece"], abs=1e-4)


def test_the_temperature_is_kept_and_applied_only_where_asked(audited: Run, tmp_path: Path) -> None:
    kept = json.loads((audited.path / FILE).read_text())
    fitted = audited.results["confidence"]["temperature"]
    assert kept == {"temperature": fitted["value"], "images": fitted["fitted"], "split": "validation"}
    assert "temperature" not in (audited.path / "config.json").read_text()
    assert ig.load_classifier(str(audited.path)).temperature == 1
    (audited.path / FILE).write_text(json.dumps(kept | {"temperature": 4.0}))
    image = tmp_path / "one.png"
    dataset = ig.load_dataset(audited.read("recipe.json")["dataset"], size=8)
    Image.fromarray(dataset.test.pixels[0]).save(image)
    rows = [predict(str(audited.path), [image], tmp_path / f"at-{on}", temperature=on)[1][0] for on in (False, True)]
    plain, scaled = ([row["confidence_1"], row["confidence_2"]] for row in rows)
    assert rows[0]["class_1"] == rows[1]["class_1"]
    assert np.log(plain[0] / plain[1]) / 4 == pytest.approx(np.log(scaled[0] / scaled[1]), rel=1e-3)
    remarks = Run(tmp_path / "at-True").read("data.json")["remarks"]
    assert any("temperature 4, fitted on" in remark for remark in remarks)
    assert not any("temperature" in remark for remark in Run(tmp_path / "at-False").read("data.json")["remarks"])
    with pytest.raises(InputError, match="the model's own folder: leave --weights out"):
        predict(str(audited.path), [image], tmp_path / "none", temperature=True, weights=str(audited.path))
    (audited.path / FILE).unlink()
    with pytest.raises(InputError, match=r"has no temperature\.json"):
        predict(str(audited.path), [image], tmp_path / "none", temperature=True)
    assert not (tmp_path / "none").exists()
    audited.write(FILE, kept)


def test_without_validation_images_there_are_no_sets(audited: Run, tmp_path: Path) -> None:
    recipe = audited.read("recipe.json")
    plan = ig.Audit.of_parts(model=str(audited.path), dataset=recipe["dataset"], evaluation=True, split="validation")
    run = ig.run(plan, tmp_path / "run")
    numbers = run.results["confidence"]
    assert (numbers["split"], numbers["temperature"], numbers["sets"]) == ("validation", None, None)
    assert not (run.path / FILE).exists()
    assert "confidence_under" not in run.results
    page = ig.write_report(run).read_text()
    assert "no temperature was fitted" in page
    assert "Sets of classes" not in page


def test_the_page_says_what_is_assumed_and_what_breaks(audited: Run) -> None:
    page = (audited.path / "report.html").read_text()
    for text in ("exchangeable", "temperature.json", "The same when images change", "Gaussian noise, severity 5"):
        assert text in page, text
    changed = [
        row
        for row in audited.results["confidence_under"]["rows"]
        if row["eps"] is not None or row["severity"] is not None
    ]
    broken = [row for row in changed if row["coverage"]["high"] < 0.9]
    assert ("Surely fewer have it under" in page) == bool(broken)


def test_every_key_is_needed_and_older_runs_are_read(audited: Run, refuses_every_change: Callable[[Path], int]) -> None:
    assert refuses_every_change(audited.path) > 200
    older = audited.read_object("results.json")
    for name in ("confidence", "confidence_under"):
        del older[name], older["sections"][name]
    assert read_results(older, file="results.json").confidence is None
