"""Arms by several seeds: the same images, means and ranges, and a winner only where it is one over images and seeds."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ironglass.api import write_pages
from ironglass.errors import InputError
from ironglass.harden import NFGSM
from ironglass.measure.contrast import compared_settings
from ironglass.measure.statistics import mean_interval
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.comparison import Arm, Comparison
from ironglass.report.comparison.section import ARMS
from ironglass.results.codec import from_dict
from ironglass.results.evaluation import Naming
from ironglass.results.hardening import ArmPair
from ironglass.results.sections import read_results
from ironglass.run import Run
from ironglass.run.stored_recipes import settings_of
from ironglass.studies.common.options import RunOptions
from ironglass.studies.comparison.run import arm_pairs, run_comparison
from ironglass.studies.comparison.selection import select
from ironglass.train.recipe import Stage
from ironglass.train.record import as_json

STAGE = Stage(epochs=1, peak_lr=0.05, batch_size=8)
BLIND = Naming(named="cat", named_share=1.0, named_true_share=0.5, commonest="dog", commonest_share=0.5)
FOLDERS = ("arms/base", "arms/hard", "seeds/5/base", "seeds/5/hard")


@pytest.fixture(scope="module")
def photos(draw_photos: Callable[[int, int], Path]) -> Path:
    return draw_photos(30, 16)


def plan(photos: Path, **fields: object) -> Comparison:
    base = Audit(
        name="arms", dataset=str(photos), model="logistic", stages=(STAGE,), seed=4,
        steps=("train", "evaluate", "attack"), attacks=Attacks(methods=("fgsm",), eps=(0.05, 0.1)),
        sampling={"images": 6, "report_images": 2},
    )  # fmt: skip
    hard = Arm(stages=(replace(STAGE, objective=NFGSM(eps=0.1)),), label="N-FGSM")
    return Comparison(base=base, arms={"hard": hard}, images=4, pictured=1, maximised=0, **fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = run_comparison(plan(photos, seeds=2), tmp_path_factory.mktemp("seeds") / "run", RunOptions())
    write_pages(run)
    return run


def column(folder: Path, file: str, key: str) -> list[object]:
    return pq.read_table(folder / "per_image" / f"{file}.parquet")[key].to_pylist()


def test_every_seed_of_every_arm_is_judged_on_the_same_images(whole: Run) -> None:
    folders = [whole.path / at for at in FOLDERS]
    for file in ("clean", "attacks", "validation_attacked"):
        assert len({str(column(folder, file, "name")) for folder in folders}) == 1, file
    assert len({(folder / "model.safetensors").read_bytes() for folder in folders}) == len(folders)
    assert [Run.open(folder).read("recipe.json")["seed"] for folder in folders] == [4, 4, 5, 5]


def test_means_ranges_and_tests(whole: Run) -> None:
    section = whole.results["comparison"]
    assert section["seeds"] == [4, 5]
    for arm in section["arms"]:
        runs = [Run.open(whole.path / at / arm["name"]) for at in ("arms", "seeds/5")]
        clean, *attacked = arm["seeds"]
        assert clean["rates"] == [run.results["evaluation"]["accuracy"] for run in runs]
        assert [row["eps"] for row in attacked] == [0.05, 0.1]
        for index, row in enumerate(attacked):
            assert row["rates"] == [run.results["attacks"]["worst"][index]["accuracy"] for run in runs]
            values = np.array([rate["value"] for rate in row["rates"]])
            assert row["seeds"]["mean"] == dict(mean_interval(values, within=(0.0, 1.0)))
            assert (row["seeds"]["lowest"], row["seeds"]["highest"]) == (values.min(), values.max())
            assert row["images"]["value"] == pytest.approx(values.mean())
            assert (row["test"] is None) == (arm["name"] == "base")
    flags = [np.array(column(whole.path / at, "clean", "correct")) for at in FOLDERS]
    assert section["arms"][1]["seeds"][0]["test"] == compared_settings(flags[::2], flags[1::2])
    for pair, row in zip(section["pairs"], section["arms"][1]["seeds"][1:], strict=True):
        assert pair["seeds"] == row["test"]
        assert pair["stands"] == (pair["seeds"]["p"] <= 0.05)
    chosen = section["selection"]["rates"]["hard"]["value"]
    validation = [column(whole.path / at, "validation_attacked", "correct") for at in FOLDERS[1::2]]
    assert chosen == pytest.approx(np.mean(validation))


def test_the_page_and_the_terminal_say_it(whole: Run) -> None:
    text = re.sub(r"<[^>]+>", "", (whole.path / "report.html").read_text("utf-8"))
    assert "Every arm was trained by 2 seeds, 4, 5, and all are judged on the same images." in text
    lines = ARMS.terminal(read_results(whole.read("results.json"), file="results.json"))
    [line] = [line for line in lines if line.startswith("Every arm was trained by 2 seeds")]
    assert line.count("over seeds, 95\u202f%; the seeds ") == 2
    assert any("Student’s t over images and Welch’s over seeds" in line for line in lines)


def test_a_seed_whose_network_names_one_class_is_called_so(whole: Run) -> None:
    results = read_results(whole.read_object("results.json"), file="results.json")
    comparison = results.comparison
    assert comparison
    base, hard = comparison.arms
    run = Run.open(whole.path / "seeds" / "5" / "hard")
    assert [part.naming.named_share for part in hard.further] == [run.results["evaluation"]["naming"]["named_share"]]
    blind = replace(hard.further[0], naming=BLIND)
    arms = (base, replace(hard, further=(blind,)))
    cautions = ARMS.cautions(replace(results, comparison=replace(comparison, arms=arms)))
    assert any(words.startswith("The network 'N-FGSM' of seed 5 names one class, “cat”") for words in cautions)


def test_every_key_of_the_results_counts(whole: Run, refuses_every_change: Callable[[Path], int]) -> None:
    assert refuses_every_change(whole.path) > 100


def test_a_seed_that_is_missing_alone_is_made_again(whole: Run, photos: Path) -> None:
    before = whole.results["comparison"]
    kept = {at: (whole.path / at / "model.safetensors").stat().st_mtime_ns for at in FOLDERS}
    (whole.path / "seeds" / "5" / "hard" / "per_image" / "validation_attacked.parquet").unlink()
    again = run_comparison(plan(photos, seeds=2), whole.path, RunOptions(resume=True))
    assert again.results["comparison"] == before
    assert {at: (whole.path / at / "model.safetensors").stat().st_mtime_ns for at in FOLDERS} == kept


def outcome(draws: np.random.Generator, shares: dict[str, float], spread: float) -> tuple[str, str]:
    """The arm that is chosen and what the other images say, of three seeds an arm whose accuracies are spread."""
    trained = {name: share + spread * draws.standard_normal(3) for name, share in shares.items()}
    validation, test = (
        {name: [draws.random(300) < share for share in seeds] for name, seeds in trained.items()} for _ in range(2)
    )
    pairs = [from_dict(ArmPair, pair, file="pairs") for pair in arm_pairs({0.05: test})]
    chosen = select(validation, pairs, 0.05)
    return chosen.best, chosen.outcome


def test_among_arms_that_differ_by_seed_alone_none_is_confirmed_and_a_planted_one_is() -> None:
    draws = np.random.default_rng(0)
    equal = dict.fromkeys(("base", "a", "b"), 0.5)
    assert sum(outcome(draws, equal, 0.06)[1] != "undecided" for _ in range(50)) <= 2
    found = [outcome(draws, equal | {"b": 0.75}, 0.01) for _ in range(50)]
    assert all(best == "b" for best, _ in found)
    assert sum(said == "confirmed" for _, said in found) >= 48


def test_of_one_seed_each_the_same_arms_would_have_been_told_apart() -> None:
    draws, seeds = np.random.default_rng(0), {"base": (0.5, 0.65, 0.45), "a": (0.6, 0.45, 0.7)}
    right = {name: [draws.random(2000) < share for share in shares] for name, shares in seeds.items()}
    [one] = arm_pairs({0.05: {name: part[:1] for name, part in right.items()}})
    [several] = arm_pairs({0.05: right})
    assert one["stands"]
    assert "seeds" not in one
    assert several["seeds"]["p_images"] < 0.05 < several["seeds"]["p_seeds"]
    assert not several["stands"]


def test_one_seed_says_nothing_of_seeds(photos: Path) -> None:
    recorded = as_json(plan(photos))
    assert recorded["seeds"] == 1
    older = {name: value for name, value in recorded.items() if name != "seeds"}
    assert settings_of(older) == settings_of(recorded)
    with pytest.raises(InputError, match="seeds is 0: give a number of at least 1"):
        plan(photos, seeds=0)
    few = plan(photos)
    with pytest.raises(InputError, match="seed is 4294967296: give a whole number from 0"):
        replace(few, seeds=2, base=replace(few.base, seed=2**32 - 1))
