"""Calibration and maps of existing runs, compared."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import ironglass as ig
from ironglass.errors import InputError
from ironglass.plans.explanation import ExplanationPlan
from made_up_runs import made_up


def section(run: ig.Run) -> dict[str, Any]:
    return run.results["runs_compared"]


def half(n: int = 400) -> list[bool]:
    return [i % 2 == 0 for i in range(n)]


def test_the_surer_of_two_equal_networks_is_worse_calibrated(tmp_path: Path) -> None:
    a = made_up(tmp_path / "a", half(), confidence=0.5)
    b = made_up(tmp_path / "b", half(), confidence=0.9)
    found = section(ig.compare_runs([a, b], tmp_path / "compared"))
    one, other = (run["calibration"] for run in found["runs"])
    assert one["ece"]["value"] == pytest.approx(0)
    assert other["ece"]["value"] == pytest.approx(0.4, abs=0.001)
    assert other["ece"]["low"] > 0.3
    assert other["brier"]["value"] == pytest.approx(0.01 + 0.81)
    [pair] = found["calibration"]
    assert pair["ece"]["value"] == pytest.approx(0.4, abs=0.001)
    assert pair["ece"]["low"] > 0.3
    assert pair["brier"]["value"] == pytest.approx(0.82 - 0.5)


def test_the_order_of_the_images_changes_nothing(tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(400)
    right = [i < 300 for i in range(400)]
    a, b = made_up(tmp_path / "a", half()), made_up(tmp_path / "b", right)
    mixed = made_up(
        tmp_path / "mixed" / "b",
        np.asarray(right)[order].tolist(),
        names=[f"images/{i}.png" for i in order],
        labels=[("cat", "dog")[i % 2] for i in order],
    )
    plain, other = (section(ig.compare_runs([a, one], tmp_path / one.parent.name / "c")) for one in (b, mixed))
    assert other["calibration"] == plain["calibration"]


def test_a_run_without_confidences_is_left_out_and_said(tmp_path: Path) -> None:
    a, b = made_up(tmp_path / "a", half()), made_up(tmp_path / "b", half(), confidence=None)
    found = section(ig.compare_runs([a, b], tmp_path / "compared"))
    assert "calibration" not in found
    assert found["remarks"] == ["The calibration of b is not compared: its table has no column confidence."]


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two networks that explained the same images, and the first once more."""
    root = tmp_path_factory.mktemp("explained")
    paths = []
    for seed in (0, 1):
        shared = {"dataset": "digits", "model": "logistic", "stages": (ig.Stage(epochs=1, batch_size=256),)}
        maps = ExplanationPlan(methods=("saliency",), images="chosen", chosen=("0", "1", "2"), quality=0)
        plan = ig.Audit.of_parts(**shared, seed=seed, training=True, evaluation=True, explanation=maps)
        paths.append(ig.run(plan, root / f"seed-{seed}").path)
    again = root / "again"
    shutil.copytree(paths[0], again)
    return [*paths, again]


def test_maps_of_the_same_network_do_not_drift(explained: list[Path], tmp_path: Path) -> None:
    run = ig.compare_runs([explained[0], explained[2]], tmp_path / "compared")
    [row] = section(run)["maps"]
    assert (row["method"], row["explained"]) == ("saliency", 3)
    assert row["rank_correlation"]["value"] == pytest.approx(1)
    assert row["top_overlap"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 3}
    assert "Drift of explanation maps" in (run.path / "report.html").read_text("utf-8")


def test_only_images_count_of_which_the_same_class_was_explained(explained: list[Path], tmp_path: Path) -> None:
    found = section(ig.compare_runs(explained[:2], tmp_path / "compared"))
    tables = [pq.read_table(path / "per_image" / "explanations.parquet").to_pylist() for path in explained[:2]]
    targets = [{row["name"]: row["target"] for row in table} for table in tables]
    shared = targets[0].keys() & targets[1].keys()
    same = sum(targets[0][name] == targets[1][name] for name in shared)
    rows = found.get("maps", [])
    assert [(row["explained"], row["rank_correlation"]["n"]) for row in rows] == ([(len(shared), same)] if same else [])


def test_spoilt_maps_are_refused_by_their_file(explained: list[Path], tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt"
    shutil.copytree(explained[0], spoilt)
    [path] = (spoilt / "explanations" / "clean").glob("*.safetensors")
    path.write_bytes(b"\0" * 64)
    with pytest.raises(InputError, match=f"{path}"):
        ig.compare_runs([explained[2], spoilt], tmp_path / "compared")
