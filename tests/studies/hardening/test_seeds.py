"""A hardening by several seeds: the same images, a row a seed, and what holds over seeds."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ironglass.api import harden
from ironglass.errors import InputError
from ironglass.harden import NFGSM
from ironglass.measure.statistics import mean_interval
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.hardening import Hardening
from ironglass.report.hardening.section import SECTION
from ironglass.report.hardening.words import seed_words
from ironglass.results.evaluation import Naming
from ironglass.results.sections import read_results
from ironglass.run import Run
from ironglass.run.stored_recipes import settings_of
from ironglass.train.recipe import Stage
from ironglass.train.record import as_json

BLIND = Naming(named="cat", named_share=1.0, named_true_share=0.5, commonest="dog", commonest_share=0.5)
SEEDS = 2


@pytest.fixture(scope="module")
def photos(draw_photos: Callable[[int, int], Path]) -> Path:
    return draw_photos(30, 16)


def plan(photos: Path, model: str = "logistic", **fields: object) -> Hardening:
    stage = Stage(epochs=1, peak_lr=0.05, batch_size=8)
    after = Audit(
        name="harden", dataset=str(photos), model=model, stages=(replace(stage, objective=NFGSM(eps=0.1)),), seed=4,
        attacks=Attacks(methods=("fgsm",), eps=(0.05, 0.1)), sampling={"images": 6, "report_images": 2},
    )  # fmt: skip
    return Hardening(after=after, baseline=(stage,), curve_images=0, **fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return harden(plan(photos, seeds=SEEDS), tmp_path_factory.mktemp("seeds") / "run")


def names(folder: Path) -> list[str]:
    return pq.read_table(folder / "per_image" / "attacks.parquet")["name"].to_pylist()


def test_every_seed_is_judged_on_the_images_of_the_first(whole: Run) -> None:
    for side in ("before", "after"):
        run = Run.open(whole.path / "seeds" / "5" / side)
        assert names(run.path) == names(whole.path / side)
        assert run.read("recipe.json")["seed"] == 5
    weights = {(whole.path / at / "model.safetensors").read_bytes() for at in ("after", "seeds/5/after")}
    assert len(weights) == 2


def test_a_seed_whose_network_names_one_class_is_called_so(whole: Run) -> None:
    results = read_results(whole.read_object("results.json"), file="results.json")
    hardening = results.hardening
    assert hardening is not None
    assert hardening.seeds is not None
    assert not any("by seed 5" in words and "one class" in words for words in SECTION.cautions(results))
    first, second = hardening.seeds.rows
    assert second.evaluation
    blind = replace(second.evaluation, naming=BLIND)
    seeds = replace(hardening.seeds, rows=(first, replace(second, evaluation=blind)))
    cautions = SECTION.cautions(replace(results, hardening=replace(hardening, seeds=seeds)))
    assert any(words.startswith("After hardening by seed 5 it names one class, “cat”") for words in cautions)


def test_rows_and_spreads(whole: Run) -> None:
    measured = whole.results["hardening"]
    seeds = measured["seeds"]
    assert [row["seed"] for row in seeds["rows"]] == [4, 5]
    assert seeds["trained_before"] is True
    first = seeds["rows"][0]
    assert (first["clean_after"], first["robust_before"]) == (
        measured["rows"][0]["after"],
        measured["rows"][-1]["before"],
    )
    for row in seeds["rows"][1:]:
        run = Run.open(whole.path / "seeds" / str(row["seed"]) / "after")
        worst = next(point for point in run.results["attacks"]["worst"] if point["eps"] == 0.1)
        assert row["robust_after"] == worst["accuracy"]
        assert row["clean_after"] == run.results["evaluation"]["accuracy"]
        assert row["evaluation"]["naming"] == run.results["evaluation"]["naming"]
    changes = np.array([row["robust_after"]["value"] - row["robust_before"]["value"] for row in seeds["rows"]])
    spread = seeds["robust_change"]
    assert spread["mean"] == dict(mean_interval(changes, within=(-1.0, 1.0)))
    assert (spread["lowest"], spread["highest"]) == (changes.min(), changes.max())


def test_the_page_says_it(whole: Run) -> None:
    text = re.sub(r"<[^>]+>", "", (whole.path / "report.html").read_text("utf-8"))
    assert "Both models were trained by 2 seeds and judged on the same images." in text
    assert "All other numbers of this page are those of seed 4" in text


def test_a_trained_model_before_is_the_same_for_all(whole: Run, photos: Path, tmp_path: Path) -> None:
    hardened = harden(plan(photos, model=str(whole.path / "before"), seeds=2), tmp_path / "run")
    seeds = hardened.results["hardening"]["seeds"]
    assert seeds["trained_before"] is False
    assert len({str(row["robust_before"]) for row in seeds["rows"]}) == 1
    assert not (hardened.path / "seeds" / "5" / "before").exists()
    measured = read_results(hardened.read("results.json"), file="results.json").hardening
    assert measured is not None
    assert seed_words(measured).startswith("The hardened model was trained by 2 seeds and judged on the same images.")


def test_one_seed_says_nothing_of_seeds(photos: Path) -> None:
    assert plan(photos).seeds == 1
    recorded = as_json(plan(photos))
    older = {name: value for name, value in recorded.items() if name != "seeds"}
    assert settings_of(older) == settings_of(recorded)
    with pytest.raises(InputError, match="seeds is 0: give a number of at least 1"):
        plan(photos, seeds=0)
