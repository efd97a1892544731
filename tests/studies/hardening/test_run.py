"""Before and after: the pairs are those of the two runs' own rows."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn
from torch.nn import functional

from ironglass.api import harden
from ironglass.errors import InputError
from ironglass.harden import NFGSM
from ironglass.measure.statistics import mcnemar
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.hardening import Hardening
from ironglass.run import Run
from ironglass.studies.hardening.curve import curve_attack
from ironglass.studies.hardening.pairs import compared
from ironglass.train.recipe import Stage

STAGE = Stage(epochs=2, peak_lr=0.05, batch_size=8)
ATTACKS = Attacks(methods=("fgsm", "pgd-3"), eps=(0.05, 0.1))
HARD = Stage(epochs=2, peak_lr=0.05, batch_size=8, objective=NFGSM(eps=0.1))


@pytest.fixture(scope="module")
def photos(draw_photos: Callable[[int, int], Path]) -> Path:
    return draw_photos(30, 16)


def plan(photos: Path, **fields: object) -> Hardening:
    known = {"model": "simple-cnn", "attacks": ATTACKS, "samples": 8, "shown": 2}
    after = Audit(**{"name": "harden", "dataset": str(photos), "stages": (HARD,)} | known | fields)
    return Hardening(after=after, baseline=(STAGE,))


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return harden(plan(photos), tmp_path_factory.mktemp("harden") / "run")


def test_every_key_of_the_results_counts(whole: Run, refuses_every_change: Callable[[Path], int]) -> None:
    assert refuses_every_change(whole.path) > 60


def test_each_side_is_a_run_of_its_own(whole: Run) -> None:
    before, after = (Run.open(whole.path / side) for side in ("before", "after"))
    assert before.results["training"]["stages"][0]["objective"]["kind"] == "CrossEntropy"
    assert after.results["training"]["stages"][0]["objective"] == {"kind": "NFGSM", **vars(NFGSM(eps=0.1))}
    assert all("pgd_accuracy" in row for row in after.history)  # guarded
    assert not any("pgd_accuracy" in row for row in before.history)
    for run in (whole, before, after):
        assert (run.path / "report.html").is_file()


def test_the_pairs_are_those_of_the_rows(whole: Run) -> None:
    found = whole.results["hardening"]
    names = [(row["name"], row["eps"]) for row in found["rows"]]
    several = [(name, eps) for name in ("fgsm", "pgd-3") for eps in (0.05, 0.1)]
    assert names == [("clean", 0.0), *several, ("worst", 0.05), ("worst", 0.1)]
    tables = [
        pq.read_table(whole.path / side / "per_image" / "attacks.parquet").to_pandas() for side in ("before", "after")
    ]
    right = {}
    for name, eps in several:
        pair = [table[(table["condition"] == name) & (table["eps"] == eps)]["correct"].to_numpy() for table in tables]
        right[name, eps] = pair
        row = found["rows"][names.index((name, eps))]
        assert [row[side]["value"] for side in ("before", "after")] == [one.mean() for one in pair]
        assert row["test"] == mcnemar(*pair)
        assert set(row["verdicts"]) == {"before", "after"}
    worst = [right["fgsm", 0.1][side] & right["pgd-3", 0.1][side] for side in (0, 1)]
    row = found["rows"][-1]
    assert [row[side]["value"] for side in ("before", "after")] == [one.mean() for one in worst]
    assert row["test"] == mcnemar(*worst)
    assert len(found["watched"]) == 2


def test_the_curve_is_of_the_same_images_at_every_eps(whole: Run) -> None:
    curve = whole.results["hardening"]["curve"]
    assert (curve["attack"], curve["label"], curve["n"]) == ("pgd-3", "PGD, 3 steps", 8)
    assert [point["eps"] for point in curve["points"]] == [0.0, 0.025, 0.05, 0.1, 0.2, 0.4]
    table = pq.read_table(whole.path / "per_image" / "curve.parquet").to_pandas()
    attacked = pq.read_table(whole.path / "after" / "per_image" / "attacks.parquet").to_pandas()
    for point in curve["points"]:
        flags = {
            side: table[(table["side"] == side) & (table["eps"] == point["eps"])]["correct"].to_numpy()
            for side in ("before", "after")
        }
        assert [point[side]["value"] for side in flags] == [one.mean() for one in flags.values()]
        assert point["test"] == mcnemar(*flags.values())
        if point["eps"] in ATTACKS.eps:  # as the attack step has measured them
            rows = attacked[(attacked["condition"] == "pgd-3") & (attacked["eps"] == point["eps"])]
            assert rows["correct"].tolist() == flags["after"].tolist()


def test_every_class_stands_on_both_sides(whole: Run) -> None:
    section = whole.results["hardening"]
    assert [row["class"] for row in section["classes"]] == ["dark", "light"]
    for key, row in (("clean", section["rows"][0]), ("attacked", section["rows"][-1])):
        pairs = [one[key] for one in section["classes"] if one[key]]
        for side in ("before", "after"):
            counts = [(pair[side]["value"] * pair[side]["n"], pair[side]["n"]) for pair in pairs]
            assert sum(right for right, _ in counts) == pytest.approx(row[side]["value"] * row[side]["n"])
            assert sum(n for _, n in counts) == row[side]["n"]
    assert section["methods"] == [{"name": "N-FGSM 0.1", "eps": 0.1, "norm": "linf", "forward": 2, "backward": 2}]
    assert section["stages_before"][0]["objective"]["kind"] == "CrossEntropy"


def test_pictures_are_of_what_fooled_each_side(whole: Run) -> None:
    facts, tensors = whole.read("hardened.json"), load_file(whole.path / "hardened.safetensors")
    assert sum(facts["counts"].values()) == facts["n"]
    assert len(facts["images"]) == len(tensors["images"]) == min(6, facts["n"])
    for side in ("before", "after"):
        table = pq.read_table(whole.path / side / "per_image" / "attacks.parquet").to_pandas()
        change = np.abs(tensors[side] - tensors["images"] / 255).reshape(len(tensors[side]), -1).max(1)
        assert (change <= 0.1 + 1e-6).all()
        for entry, largest in zip(facts["images"], change, strict=True):
            rows = table[(table["name"] == entry["name"]) & (table["eps"] == 0.1)].set_index("condition")
            row = rows.loc[entry[side]["attack"]]
            assert (entry[side]["right"], row["linf"]) == (row["correct"], pytest.approx(largest, abs=1e-6))
            assert entry[side]["right"] == rows["correct"].all()
            assert (entry["outcome"] in (side, "both")) == (not entry[side]["right"])


def test_a_curve_of_ones_own_or_none(whole: Run, photos: Path, tmp_path: Path) -> None:
    asked = {"model": str(whole.path / "before"), "attacks": Attacks(methods=("fgsm",), eps=(0.05,))}
    one = Stage(epochs=1, peak_lr=0.01, batch_size=8, objective=NFGSM(eps=0.1))
    after = plan(photos, stages=(one,), **asked).after
    found = harden(Hardening(after=after, curve_images=0), tmp_path / "none").results["hardening"]
    assert "curve" not in found
    assert "stages_before" not in found
    assert Hardening(after=after, curve_eps=("8/255",)).curve_sizes == [8 / 255, 0.05]
    assert curve_attack(after.attacks) == "fgsm"
    assert curve_attack(Attacks(methods=("fgsm", "square-50"), eps=(0.05,))) == "pgd-20"
    with pytest.raises(ValueError, match="curve_eps 8 is beyond 1"):
        Hardening(after=after, curve_eps=(8,))


def test_what_is_there_is_not_done_again(whole: Run, photos: Path) -> None:
    files = [*whole.path.rglob("*.safetensors"), *whole.path.rglob("*.parquet")]
    kept = {path: path.stat().st_mtime_ns for path in files}
    again = harden(plan(photos), whole.path, resume=True)
    assert again.results["hardening"] == whole.results["hardening"]
    changed = [path for path, written in kept.items() if path.stat().st_mtime_ns != written]
    assert changed == []


def test_a_trained_model_is_hardened_from_where_it_is(whole: Run, photos: Path, tmp_path: Path) -> None:
    trained = str(whole.path / "before")
    found = harden(Hardening(after=plan(photos, model=trained).after), tmp_path / "run")
    before = Run.open(found.path / "before")
    assert "training" not in before.results
    assert before.results["evaluation"]["accuracy"] == Run.open(trained).results["evaluation"]["accuracy"]
    weights = [(run / "model.safetensors").read_bytes() for run in (whole.path / "after", found.path / "after")]
    assert weights[0] != weights[1]  # from other weights


def noisy(classifier: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    logits = classifier((images + 0.1 * torch.randn_like(images)).clamp(0, 1))
    return functional.cross_entropy(logits, labels), logits


def broken(classifier: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    return classifier(images)


def test_a_function_of_the_users_own_hardens(whole: Run, photos: Path, tmp_path: Path) -> None:
    asked = {"model": str(whole.path / "before"), "attacks": Attacks(methods=("pgd-2",), eps=(0.05,))}
    one = Stage(epochs=1, peak_lr=0.01, batch_size=8, objective=noisy)
    found = harden(plan(photos, stages=(one,), **asked), tmp_path / "run")
    row = Run.open(found.path / "after").history[0]
    assert "pgd_accuracy" in row  # guarded, by the eps that it is judged by
    assert found.results["hardening"]["stages"][0]["objective"] == "noisy"
    wrong = plan(photos, stages=(replace(one, objective=broken),), **asked)
    with pytest.raises(InputError, match=r"objective broken must give the loss or \(loss, logits\).* not a tensor \("):
        harden(wrong, tmp_path / "broken")
    failing = plan(photos, stages=(replace(one, objective=lambda classifier, images, labels: 1 / 0),), **asked)
    with pytest.raises(InputError, match="lambda> failed: ZeroDivisionError"):
        harden(failing, tmp_path / "failing")
    assert not (tmp_path / "broken").exists()
    assert not (tmp_path / "failing").exists()


def test_what_cannot_be_compared_is_refused(whole: Run, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="attacks is empty"):
        plan(photos, attacks=())
    with pytest.raises(ValueError, match="no stage hardens"):
        plan(photos, stages=(STAGE,))
    with pytest.raises(InputError, match="no trained weights to compare with"):
        harden(Hardening(after=plan(photos).after), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    other = harden(
        plan(photos, seed=5, attacks=Attacks(methods=("fgsm",), eps=(0.1,)), stages=(HARD,)), tmp_path / "other"
    )
    with pytest.raises(InputError, match="different images"):
        compared(Run.open(whole.path / "before"), Run.open(other.path / "after"))


def test_the_page_says_it_in_words(whole: Run) -> None:
    page = (whole.path / "report.html").read_text(encoding="utf-8")
    for text in (
        "Before and after, in pairs",
        "were right under every attack at eps",
        'href="after/report.html"',
        "ten steps of PGD",
        "How it was hardened, and at what cost",
        "Over eps",
        "Every class",
        "The same images, before and after",
    ):
        assert text in page, text
    assert {"hardening.png", "hardening-curve.png", "watched.png"} <= {
        path.name for path in (whole.path / "figures").iterdir()
    }
    assert json.loads((whole.path / "recipe.json").read_text())["after"]["stages"][0]["objective"]["eps"] == 0.1
