"""Trials side by side: each a run of its own, and the recommendation is made on validation images alone."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ironglass.api import sweep
from ironglass.errors import InputError
from ironglass.measure.statistics import counted_rate, mcnemar
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.sweep import Sweep, trials_of
from ironglass.run import Run
from ironglass.studies.sweep import run as room
from ironglass.studies.sweep.results import axis_label, recommended
from ironglass.train.recipe import Stage

STAGE = Stage(epochs=1, peak_lr=0.05, batch_size=8)
RATES = (0.05, 1e30)  # the latter is beyond what any network can learn by
MODELS = ("simple-cnn", "logistic")


@pytest.fixture(scope="module")
def photos(draw_photos: Callable[[int, int], Path]) -> Path:
    return draw_photos(40, 12)


def plan(photos: Path, vary: dict, **fields: object) -> Sweep:
    known = {"name": "tried", "dataset": str(photos), "model": "simple-cnn", "stages": (STAGE,), "samples": 6}
    return Sweep(trial=Audit(**known | {"shown": 0} | fields), vary=vary)


@pytest.fixture(scope="module")
def four(photos: Path) -> Sweep:
    vary = {"stages.0.peak_lr": RATES, "model": MODELS}
    return plan(photos, vary, attacks=Attacks(methods=("fgsm",), eps=(0.02, 0.05)))


@pytest.fixture(scope="module")
def whole(four: Sweep, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return sweep(four, tmp_path_factory.mktemp("sweep") / "run")


def test_every_key_of_the_results_counts(whole: Run, refuses_every_change: Callable[[Path], int]) -> None:
    assert refuses_every_change(whole.path) > 100


def untimed(row: dict) -> dict:
    """A row without the clock, its place in the sweep and the attacks."""
    placed = ("name", "folder", "values", "robust", "robust_validation")
    return {key: value for key, value in row.items() if key not in placed and "second" not in key}


def test_every_trial_is_a_run_whose_numbers_stand_in_its_row(whole: Run) -> None:
    found = whole.results["sweep"]
    assert [axis["field"] for axis in found["axes"]] == ["stages.0.peak_lr", "model"]
    assert [row["values"] for row in found["rows"]] == [[rate, model] for rate in RATES for model in MODELS]
    for row in found["rows"][:2]:
        run = Run.open(whole.path / row["folder"])
        assert (run.path / "report.html").is_file()
        assert run.read("recipe.json")["model"] == row["values"][1]
        # the kept weights are those of the best epoch, and the numbers were measured on them anew
        assert row["validation"]["value"] == run.history[-1]["validation_accuracy"]
        table = pq.read_table(run.path / "per_image" / "validation.parquet")
        assert row["validation"] == counted_rate(sum(table["correct"].to_pylist()), table.num_rows)
        assert row["training"]["n"] == row["validation"]["n"]
        assert row["gap"] == row["training"]["value"] - row["validation"]["value"]
        assert row["measured"] == run.results["evaluation"]["accuracy"]
        assert row["robust"] == run.results["attacks"]["worst"][-1]
        assert row["robust"]["eps"] == 0.05
        assert row["multiply_adds"] == run.results["model"]["multiply_adds"]
        assert row["training_images_per_second"] == pytest.approx(run.history[0]["images_per_second"], rel=0.01)


def test_one_that_diverges_is_a_row_and_no_crash(whole: Run) -> None:
    found = whole.results["sweep"]
    for row in found["rows"][2:]:
        assert "the loss is no finite number" in row["diverged"]
        assert row["parameters"] > 0
        assert "validation" not in row
    assert found["recommended"]["trial"] in [row["name"] for row in found["rows"][:2]]
    page = (whole.path / "report.html").read_text(encoding="utf-8")
    for text in ("2 trials diverged", 'href="trials/01-0.05-simple_cnn/report.html"', "recommended", "Holm"):
        assert text in page, text
    assert (whole.path / "figures" / "trials.png").is_file()


def test_resumed_it_does_nothing_anew(four: Sweep, whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (whole.path / "results.json").read_bytes()
    monkeypatch.setattr(room, "run_trial", lambda *_, **__: pytest.fail("a finished trial is run again"))
    sweep(four, whole.path, resume=True)
    assert (whole.path / "results.json").read_bytes() == before
    with pytest.raises(InputError, match="add --resume"):
        sweep(four, whole.path)


def test_one_that_fails_is_named_the_others_go_on_and_resume_tries_it_again(
    photos: Path, whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, done = (
        plan(photos, {"model": MODELS}, attacks=Attacks(methods=("fgsm",), eps=(0.02, 0.05))),
        whole.path / "trials",
    )
    ran = []

    def run_trial(of: Audit, folder: Path, *_: object, **__: object) -> None:
        ran.append(of.model)
        if len(ran) == 1:
            raise InputError("memory does not hold two images")
        shutil.copytree(done / f"01-0.05-{folder.name[3:]}", folder)

    monkeypatch.setattr(room, "run_trial", run_trial)
    shutil.copytree(done / "02-0.05-logistic", done / "01-0.05-logistic")
    run = sweep(tried, tmp_path / "run")
    first, second = run.results["sweep"]["rows"]
    assert first["failed"] == "memory does not hold two images"
    found = {"trial": second["name"], "level": 0.05, "criterion": "robust_validation", "alike": [], "tests": {}}
    assert run.results["sweep"]["recommended"] == found
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "One trial failed." in page
    assert "memory does not hold two images" in page
    sweep(tried, run.path, resume=True)
    assert ran == ["simple-cnn", "logistic", "simple-cnn"]
    assert all("validation" in row for row in run.results["sweep"]["rows"])
    ran.clear()
    with pytest.raises(InputError, match="every trial failed, 01-logistic since memory"):
        sweep(plan(photos, {"model": ("logistic",)}), tmp_path / "lone")


@pytest.mark.slow
def test_side_by_side_gives_the_same_numbers_and_outlives_a_dead_process(
    photos: Path, four: Sweep, whole: Run, tmp_path: Path
) -> None:
    source = tmp_path / "net.py"
    source.write_text(
        "import multiprocessing, os, signal\nfrom torch import nn\n"
        "def mortal(classes):\n"
        "    if multiprocessing.parent_process():\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(432, classes))\n"
    )
    two = Sweep(trial=replace(four.trial, attacks=()), vary={"model": (f"{source}:mortal", "logistic")})
    run = sweep(two, tmp_path / "run", jobs=2)
    dead, alive = run.results["sweep"]["rows"]
    assert "ended with signal 9" in dead["failed"]
    alike = whole.results["sweep"]["rows"][1]
    assert untimed(alive) == untimed(alike)


def rows(**rates: tuple[int, float]) -> list[dict]:
    return [{"name": name, "validation": counted_rate(right, 100), "validation_loss": loss,
             "measured": counted_rate(measured, 100)}
            for measured, (name, (right, loss)) in enumerate(rates.items())]  # fmt: skip


def test_validation_recommends_and_pairs_tell_apart() -> None:
    images = np.arange(100)
    right = {"a": images < 70, "b": images < 90, "c": images >= 12, "d": images < 89}
    found = recommended(rows(a=(70, 0.5), b=(90, 0.4), c=(88, 0.1), d=(89, 0.1)), right)
    assert found is not None
    assert found["trial"] == "b"  # not d, which comes last and so does best on the test images
    assert found["tests"] == {name: mcnemar(right["b"], right[name]) for name in "acd"}
    assert found["tests"]["a"]["only_first"] == 20
    assert found["alike"] == ["c", "d"]


def test_of_equals_the_one_of_lower_loss() -> None:
    right = {"a": np.ones(100, bool), "b": np.ones(100, bool)}
    found = recommended(rows(a=(100, 0.5), b=(100, 0.4)), right)
    assert found is not None
    assert (found["trial"], found["alike"]) == ("b", ["a"])
    assert recommended([{"name": "a", "diverged": "the loss ..."}], {}) is None


def hardened(**rates: tuple[int, int]) -> list[dict]:
    return [{"name": name, "validation": counted_rate(right, 100), "validation_loss": 0.1,
             "robust_validation": counted_rate(robust, 100)} for name, (right, robust) in rates.items()]  # fmt: skip


def test_where_every_trial_was_attacked_on_validation_images_that_decides() -> None:
    right = {"plain": np.arange(100) < 5, "some": np.arange(100) < 60, "much": np.arange(100) < 58}
    found = recommended(hardened(plain=(99, 5), some=(80, 60), much=(70, 58)), right)
    assert found is not None
    assert (found["trial"], found["criterion"], found["alike"]) == ("some", "robust_validation", ["much"])
    mixed = hardened(plain=(99, 5), some=(80, 60))
    del mixed[0]["robust_validation"]
    found = recommended(mixed, right)
    assert found is not None
    assert (found["trial"], found["criterion"]) == ("plain", "validation")


def test_clean_images_choose_where_that_is_asked() -> None:
    right = {"plain": np.arange(100) < 99, "some": np.arange(100) < 80}
    found = recommended(hardened(plain=(99, 5), some=(80, 60)), right, choose_by="clean")
    assert found is not None
    assert (found["trial"], found["criterion"]) == ("plain", "validation")


def test_of_those_that_none_beats_in_both_the_best_sum() -> None:
    rates = {"plain": (99, 5), "some": (85, 60), "much": (70, 62), "beaten": (84, 59)}
    right = {name: np.arange(100) < robust for name, (_, robust) in rates.items()}
    found = recommended(hardened(**rates), right, choose_by="pareto")
    assert found is not None
    assert (found["trial"], found["criterion"]) == ("some", "pareto")
    assert found["front"] == ["plain", "some", "much"]
    assert set(found["tests"]) == {"plain", "much", "beaten"}
    assert recommended(hardened(**rates), right, choose_by="robust")["trial"] == "much"  # type: ignore[index]


@pytest.mark.parametrize("seeds", [1, 3])
def test_among_equal_arms_no_winner_is_claimed_and_a_better_one_is_found(seeds: int) -> None:
    """50 sweeps of 4 equal settings, and 50 with a better one; every training differs by its own draw."""

    def claimed(draws: np.random.Generator, shares: tuple[float, ...]) -> tuple[str, bool]:
        easy = draws.normal(0, 0.1, 400)  # images that are easy are so for every network
        right = {
            f"{place}{seed}": draws.random(400) < np.clip(share + draws.normal(0, 0.01) + easy, 0, 1)
            for place, share in enumerate(shares)
            for seed in range(seeds)
        }
        given = rows(**{f"t{name}": (0, 0.5) for name in right})
        flags = {f"t{name}": one for name, one in right.items()}
        given = [row | {"validation": counted_rate(int(flags[row["name"]].sum()), 400)} for row in given]
        groups = [[f"t{place}{seed}" for seed in range(seeds)] for place in range(len(shares))]
        found = recommended(given, flags, groups)
        assert found is not None
        return found["trial"], not found["alike"]

    draws = np.random.default_rng(seeds)
    equal = [claimed(draws, (0.7,) * 4)[1] for _ in range(50)]
    assert sum(equal) <= 2  # of 50 at most 5 %
    better = [claimed(draws, (0.7, 0.7, 0.9, 0.7)) for _ in range(50)]
    assert all(trial.startswith("t2") and alone for trial, alone in better)


def test_seeds_of_one_setting_are_one_setting() -> None:
    drawn = np.random.default_rng(0)
    right = {name: drawn.random(100) < share for name, share in (("a", 0.3), ("b", 0.9), ("c", 0.6))}
    given = rows(**{name: (int(flags.sum()), 0.5) for name, flags in right.items()})
    found = recommended(given, right, [["a", "b", "c"]])
    assert found is not None
    assert (found["trial"], found["same"], found["alike"], found["tests"]) == ("b", ["a", "c"], [], {})


def test_settings_are_compared_by_the_mean_over_their_seeds() -> None:
    right = {"a": np.arange(100) < 99, "b": np.arange(100) < 40, "c": np.arange(100) < 80, "d": np.arange(100) < 78}
    found = recommended(rows(a=(99, 0.1), b=(40, 0.1), c=(80, 0.1), d=(78, 0.1)), right, [["a", "b"], ["c", "d"]])
    assert found is not None
    assert (found["trial"], found["same"]) == ("c", ["d"])  # a is the highest of all, and its setting is not
    assert found["alike"] == ["a"]  # whose seeds lie so far apart that chance may be all
    assert found["tests"]["a"]["p_images"] < 0.05 < found["tests"]["a"]["p_seeds"] == found["tests"]["a"]["p"]


def test_a_sweep_that_hardens_attacks_validation_images_and_groups_its_seeds(photos: Path, tmp_path: Path) -> None:
    vary = {"stages.0.objective": ("cross-entropy", "n-fgsm"), "seed": (0, 1)}
    run = sweep(plan(photos, vary, attacks=Attacks(methods=("pgd-2",), eps=(0.02, 0.1))), tmp_path / "run")
    found = run.results["sweep"]
    assert found["recommended"]["criterion"] == "robust_validation"
    assert [one["trials"] for one in found["settings"]] == [
        [row["name"] for row in found["rows"][start : start + 2]] for start in (0, 2)]  # fmt: skip
    assert found["axes"][0]["names"] == ["Cross-entropy", "N-FGSM 8/255"]
    for one in found["settings"]:
        tested = [row["measured"]["value"] for row in found["rows"] if row["name"] in one["trials"]]
        assert one["measured"]["mean"]["value"] == pytest.approx(np.mean(tested))
        assert one["robust"]["mean"]["n"] == 2
    names = []
    for row in found["rows"]:
        table = pq.read_table(run.path / row["folder"] / "per_image" / "validation_attacked.parquet")
        assert row["robust_validation"] == counted_rate(sum(table["correct"].to_pylist()), table.num_rows)
        assert table.num_rows == 6  # as many as samples
        names.append(table["name"].to_pylist())
    assert all(one == names[0] for one in names)  # whatever the seed
    attacked = [
        pq.read_table(run.path / row["folder"] / "per_image" / "attacks.parquet")["name"].to_pylist()
        for row in found["rows"]
    ]
    assert all(one == attacked[0] for one in attacked)
    page = (run.path / "report.html").read_text(encoding="utf-8")
    for text in ("accuracy on validation images under attack", "are one setting", "the same setting, by another seed"):
        assert text in page, text


def test_every_combination_is_a_trial(photos: Path) -> None:
    tried = trials_of(plan(photos, {"stages.0.batch_size": (8, 16), "model": ("timm/resnet18", "logistic")}))
    assert [trial.name for trial in tried] == ["01-8-resnet18", "02-8-logistic", "03-16-resnet18", "04-16-logistic"]
    assert [(trial.plan.stages[0].batch_size, trial.plan.model) for trial in tried] == [
        (8, "timm/resnet18"), (8, "logistic"), (16, "timm/resnet18"), (16, "logistic")]  # fmt: skip
    assert all(trial.plan.steps == ("train", "evaluate") for trial in tried)


def test_axes_are_called_what_they_are(photos: Path) -> None:
    staged = Audit(stages=(Stage(trainable_from="head", name="head"), Stage(name="all layers")))
    assert axis_label(staged, "stages.1.peak_lr") == "learning rate (all layers)"
    assert axis_label(Audit(), "stages.0.peak_lr") == "learning rate"
    assert axis_label(Audit(), "stages.0.weight_decay") == "weight decay"
    assert axis_label(Audit(), "augment.crop") == "augment crop"


@pytest.mark.parametrize(
    ("vary", "says"),
    [
        ({}, "nothing is varied"),
        ({"stages.0.peak_lr": ()}, "at least one"),
        ({"stages.0.peak_lr": (0.1, 0.1)}, "each once"),
        ({"stages.0.peak_lr": (0.1, -1)}, "vary stages.0.peak_lr: peak_lr is -1: give a number above 0"),
        ({"stages.1.peak_lr": (0.1,)}, "there is no entry '1'"),
        ({"size_": (8,)}, "no field 'size_'"),
        ({"dataset": ("digits",)}, "compared on the same images"),
    ],
)
def test_what_cannot_be_varied_is_refused(photos: Path, vary: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        plan(photos, vary)


def test_nothing_is_written_before_every_model_was_built(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"trial 02-resnet81: timm has no model 'resnet81'"):
        sweep(plan(photos, {"model": ("logistic", "timm/resnet81")}), tmp_path / "run")
    with pytest.raises(InputError, match="jobs is 0"):
        sweep(plan(photos, {"seed": (0, 1)}), tmp_path / "run", jobs=0)
    assert not (tmp_path / "run").exists()


def test_the_results_are_json(whole: Run) -> None:
    json.dumps(whole.results, allow_nan=False)
