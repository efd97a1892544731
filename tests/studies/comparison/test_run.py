"""Arms side by side: their own attacks, each other's images, and what they look at."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.numpy import load_file

from ironglass.api import compare
from ironglass.attacks import FGSM, Linf
from ironglass.errors import InputError
from ironglass.harden import NFGSM
from ironglass.models.loading.load import load_classifier
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.comparison import Arm, Comparison
from ironglass.results.hardening import ArmPair
from ironglass.results.numbers import McNemar
from ironglass.run import Run
from ironglass.studies.common.prepare import prepare
from ironglass.studies.comparison.run import arm_pairs
from ironglass.studies.comparison.selection import select
from ironglass.train.recipe import Stage

STAGE = Stage(epochs=2, peak_lr=0.05, batch_size=8)
HEAD = Stage(epochs=1, peak_lr=0.01, batch_size=8, trainable_from="head")
HARD = Stage(epochs=2, peak_lr=0.05, batch_size=8, objective=NFGSM(eps=0.1))


@pytest.fixture(scope="module")
def photos(draw_photos: Callable[[int, int], Path]) -> Path:
    return draw_photos(30, 16)


def plan(photos: Path, **fields: object) -> Comparison:
    known = {
        "model": "simple-cnn",
        "attacks": Attacks(methods=("fgsm", "pgd-3"), eps=(0.05,)),
        "samples": 6,
        "shown": 2,
    }
    base = Audit(
        **{
            "name": "arms",
            "dataset": str(photos),
            "stages": (HEAD, STAGE),
            "steps": ("train", "evaluate", "corrupt", "attack"),
            "corruptions": ("gaussian-noise", "contrast"),
        }
        | known
        | fields
    )
    return Comparison(
        base=base,
        arms={"hard": Arm(stages=(HEAD, HARD), label="N-FGSM")},
        transferred_eps=(0.05, 0.2),
        pictured=2,
        maximised=2,
    )


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return compare(plan(photos), tmp_path_factory.mktemp("compare") / "run")


def test_every_key_of_the_results_counts(whole: Run, refuses_every_change: Callable[[Path], int]) -> None:
    assert refuses_every_change(whole.path) > 200


def test_each_arm_is_a_run_of_its_own(whole: Run) -> None:
    arms = {name: Run.open(whole.path / "arms" / name) for name in ("base", "hard")}
    kinds = {name: run.results["training"]["stages"][1]["objective"]["kind"] for name, run in arms.items()}
    assert kinds == {"base": "CrossEntropy", "hard": "NFGSM"}
    found = whole.results["comparison"]
    assert [(arm["name"], arm["label"], arm["starts"]) for arm in found["arms"]] == [
        ("base", "base", [2]),
        ("hard", "N-FGSM", [2]),
    ]
    for arm in found["arms"]:
        results = arms[arm["name"]].results
        rows = {row["name"]: row["after"] for row in arm["rows"]}
        assert rows["clean"] == results["evaluation"]["accuracy"]
        assert rows["pgd-3"] == results["attacks"]["attacks"][1]["points"][0]["accuracy"]
        assert arm["rows"][0]["before"] == arms["base"].results["evaluation"]["accuracy"]


def test_every_two_arms_are_tested_in_pairs(whole: Run) -> None:
    section = whole.results["comparison"]
    [pair] = section["pairs"]
    [row] = [row for row in section["arms"][1]["rows"] if row["name"] == "worst"]
    assert (pair["first"], pair["second"], pair["eps"], pair["test"]) == ("base", "hard", 0.05, row["test"])
    assert pair["stands"] == (row["test"]["p"] <= 0.05)


def test_an_arm_is_chosen_by_validation_images_under_attack(whole: Run) -> None:
    found = whole.results["comparison"]["selection"]
    tables = {
        name: pq.read_table(whole.path / "arms" / name / "per_image" / "validation_attacked.parquet").to_pandas()
        for name in ("base", "hard")
    }
    assert tables["base"]["name"].tolist() == tables["hard"]["name"].tolist()
    test = pq.read_table(whole.path / "arms" / "base" / "per_image" / "clean.parquet")["name"].to_pylist()
    assert not {*tables["base"]["name"]} & {*test}
    rates = {name: table["correct"].mean() for name, table in tables.items()}
    assert {name: rate["value"] for name, rate in found["rates"].items()} == rates
    assert found["best"] == max(rates, key=rates.__getitem__)
    assert found["eps"] == 0.05


def flagged(draws: np.random.Generator, shares: dict[str, float], n: int) -> dict[str, np.ndarray]:
    return {name: draws.random(n) < share for name, share in shares.items()}


def outcome(draws: np.random.Generator, shares: dict[str, float]) -> tuple[str, str]:
    """The arm that is chosen and what the other images say, of trainings that name these shares right under attack."""
    test, validation = ({name: [one] for name, one in flagged(draws, shares, 300).items()} for _ in range(2))
    pairs = [ArmPair(**{**one, "test": McNemar(**one["test"])}) for one in arm_pairs({0.05: test})]
    chosen = select(validation, pairs, 0.05)
    return chosen.best, chosen.outcome


def test_among_equal_arms_none_is_confirmed_and_a_planted_one_is() -> None:
    draws = np.random.default_rng(0)
    equal = dict.fromkeys(("base", "a", "b", "c"), 0.5)
    assert sum(outcome(draws, equal)[1] != "undecided" for _ in range(50)) <= 2
    assert all(outcome(draws, equal | {"b": 0.75}) == ("b", "confirmed") for _ in range(50))


def test_the_images_shown_to_all_are_those_of_their_maker(whole: Run, photos: Path) -> None:
    classifiers = {name: load_classifier(str(whole.path / "arms" / name)) for name in ("base", "hard")}
    _, dataset = prepare(plan(photos).base, torch.device("cpu"))
    for name, surrogates in (("test", ["base", "hard"]), ("train", ["base"])):
        found = whole.results["transferred"]["splits"][name]
        images, labels = dataset[name][:]
        assert found["n"] == len(labels)
        assert [(row["attack"], row["eps"]) for row in found["rows"]] == [("fgsm", 0.05), ("fgsm", 0.2)]
        for row in found["rows"]:
            assert list(row["surrogates"]) == surrogates
            for by, rates in row["surrogates"].items():
                adversarial = FGSM(threat=Linf(row["eps"]))(classifiers[by], images, labels)
                for victim, rate in rates.items():
                    right = (classifiers[victim](adversarial).argmax(1) == labels).float().mean()
                    assert rate["value"] == pytest.approx(float(right), abs=1 / len(labels))
    table = pq.read_table(whole.path / "transferred" / "test" / "hard" / "fgsm-linf-51_255.parquet")
    assert table.column_names == ["name", "base", "hard"]


def test_the_gallery_shows_the_same_images_of_every_arm(whole: Run) -> None:
    facts, tensors = whole.read("gallery.json"), load_file(whole.path / "gallery.safetensors")
    count = len(facts["images"])
    assert count == 2
    assert len({image["label"] for image in facts["images"]}) == 2
    assert [arm["name"] for arm in facts["arms"]] == ["base", "hard"]
    base = facts["arms"][0]
    assert [row["prediction"] for row in base["clean"]] == [image["label"] for image in facts["images"]]
    assert [row["asked"] for row in base["maximised"]] == facts["classes"] == [0, 1]
    for arm in ("base", "hard"):
        changed = np.abs(tensors[f"adversarial/{arm}"] - tensors["images"] / 255).max()
        assert 0 < changed <= 0.05 + 1e-6
        assert tensors[f"saliency/{arm}/clean"].shape == (count, 16, 16)
        assert tensors[f"maximised/{arm}"].shape == (2, 16, 16, 3)
        assert not np.array_equal(tensors[f"saliency/{arm}/clean"], tensors[f"saliency/{arm}/attacked"])
    assert len([name for name in tensors if name.startswith("layers/hard/")]) == 3


def test_what_is_there_is_not_done_again(whole: Run, photos: Path) -> None:
    files = [*whole.path.rglob("*.safetensors"), *whole.path.rglob("*.parquet")]
    kept = {path: path.stat().st_mtime_ns for path in files}
    (whole.path / "gallery.json").unlink()
    again = compare(plan(photos), whole.path, resume=True)
    assert again.read("gallery.json")["arms"]
    assert [path.name for path, at in kept.items() if path.stat().st_mtime_ns != at] == ["gallery.safetensors"]


def test_the_page_tells_the_two_numbers_apart(whole: Run) -> None:
    page = (whole.path / "report.html").read_text(encoding="utf-8")
    for text in (
        "made on the base",
        "made on itself",
        "N-FGSM",
        'href="arms/hard/report.html"',
        "Common corruptions",
    ):
        assert text in page, text
    assert {"comparison.png", "transferred.png"} <= {path.name for path in (whole.path / "figures").iterdir()}


def test_what_says_nothing_is_refused(photos: Path) -> None:
    with pytest.raises(ValueError, match="attacks is empty"):
        plan(photos, attacks=())
    with pytest.raises(ValueError, match="leave training, evaluation and attacks in base"):
        plan(photos, steps=("evaluate", "corrupt", "attack"))
    base = plan(photos).base
    for name in ("base", "../out", "a b", ""):
        with pytest.raises(ValueError, match=r"other names|will be a folder"):
            Comparison(base=base, arms={name: Arm(stages=(STAGE,))})
    with pytest.raises(ValueError, match="arms"):
        Comparison(base=base, arms={})
    with pytest.raises(ValueError, match="above 0"):
        Comparison(base=base, arms={"a": Arm(stages=(STAGE,))}, transferred_eps=(0.0,))


def test_a_wrong_layer_is_found_before_anything_is_written(photos: Path, tmp_path: Path) -> None:
    wrong = Comparison(base=plan(photos).base, arms={"a": Arm(stages=(Stage(epochs=1, trainable_from="nowhere"),))})
    with pytest.raises(InputError, match="no layer is named 'nowhere'"):
        compare(wrong, tmp_path / "run")
    assert not (tmp_path / "run").exists()
