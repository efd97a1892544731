"""Before and after: the pairs are those of the two runs' own rows."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
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


def test_what_is_there_is_not_done_again(whole: Run, photos: Path) -> None:
    kept = {path: path.stat().st_mtime_ns for path in whole.path.rglob("*.safetensors")}
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
    return functional.cross_entropy(classifier(images), labels)


def test_a_function_of_the_users_own_hardens(whole: Run, photos: Path, tmp_path: Path) -> None:
    asked = {"model": str(whole.path / "before"), "attacks": Attacks(methods=("pgd-2",), eps=(0.05,))}
    one = Stage(epochs=1, peak_lr=0.01, batch_size=8, objective=noisy)
    found = harden(plan(photos, stages=(one,), **asked), tmp_path / "run")
    row = Run.open(found.path / "after").history[0]
    assert "pgd_accuracy" in row  # guarded, by the eps that it is judged by
    assert found.results["hardening"]["stages"][0]["objective"] == "noisy"
    wrong = plan(photos, stages=(replace(one, objective=broken),), **asked)
    with pytest.raises(InputError, match=r"objective broken must give \(loss, logits\).* not a tensor \(\)"):
        harden(wrong, tmp_path / "broken")
    failing = plan(photos, stages=(replace(one, objective=lambda classifier, images, labels: 1 / 0),), **asked)
    with pytest.raises(InputError, match="lambda> failed: ZeroDivisionError"):
        harden(failing, tmp_path / "failing")


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
    ):
        assert text in page, text
    assert {"hardening.png", "watched.png"} <= {path.name for path in (whole.path / "figures").iterdir()}
    assert json.loads((whole.path / "recipe.json").read_text())["after"]["stages"][0]["objective"]["eps"] == 0.1
