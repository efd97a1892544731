"""Values behind a threshold: the classes' mean, and the calibration error that chance has no part in."""

from pathlib import Path

import numpy as np
import pytest

import ironglass as ig
from ironglass.errors import InputError
from ironglass.measure.classes.by_class import by_class
from ironglass.measure.statistics import mean_interval
from ironglass.run import Run
from made_up_runs import CLASSES, made_up

RIGHT = [i % 4 != 1 for i in range(400)]


def recorded(folder: Path, *, binned_gap: float | None) -> Path:
    made_up(folder, RIGHT)
    recipe = {"name": folder.name, "description": "", "model": "net", "dataset": "made-up"}
    with Run.hold(folder, recipe, resume=True) as run:
        labels = np.arange(400) % 2
        answers = np.where(RIGHT, labels, 1 - labels)
        mean = dict(mean_interval(np.full(400, 0.1)))
        calibration = {"bins": 15, "ece": mean, "brier": None, "confidence": mean, "binned_gap": binned_gap}
        classes = by_class(labels, answers, None, CLASSES)
        run.record("evaluation", run.results["evaluation"] | {"calibration": calibration, "by_class": classes})
    return folder


def test_the_classes_mean_and_the_corrected_error_can_be_asked_for(tmp_path: Path) -> None:
    run = recorded(tmp_path / "a", binned_gap=0.12)
    asked = ["balanced_accuracy < 0.8", "ece > 0.11"]
    rows = ig.compare_runs([run], tmp_path / "c", fail_if=asked).results["runs_compared"]["thresholds"]
    assert [row["measured"] for row in rows] == [
        {"balanced_accuracy": pytest.approx(0.75)},
        {"ece": pytest.approx(0.1)},
    ]
    assert [row["missed"] for row in rows] == [True, False]


def test_an_older_number_under_the_name_is_refused(tmp_path: Path) -> None:
    run = recorded(tmp_path / "a", binned_gap=None)
    with pytest.raises(InputError, match="holds what chance adds, as older versions recorded it: measure it again"):
        ig.compare_runs([run], tmp_path / "c", fail_if=["ece > 0.11"])
    assert not (tmp_path / "c").exists()


def test_a_run_without_the_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no balanced_accuracy"):
        ig.compare_runs([made_up(tmp_path / "a", RIGHT)], tmp_path / "c", fail_if=["balanced_accuracy < 0.5"])
