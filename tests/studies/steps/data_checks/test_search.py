"""Near-duplicates, images at fault and flipped labels are found at the head of a run; clean data stay clean."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

import ironglass as ig
from ironglass.data.dataset import Dataset, Split
from ironglass.data.survey.of_pixels import survey_of
from ironglass.measure.inspection.outliers import outliers
from ironglass.report.inspection.checks import check_line, check_paragraphs, check_plain
from ironglass.results.sections import Results, read_results
from ironglass.run import Run
from ironglass.studies.steps.data_checks import search

SIDE = 32
FIELDS: dict[str, Any] = {
    "model": "logistic", "size": SIDE, "channels": 3, "stages": (ig.Stage(epochs=1, batch_size=32),),
    "data_checks": True, "training": True, "evaluation": True,
}  # fmt: skip
FLIPPED = {"train/along/90.png": "across", "train/across/91.png": "along", "test/along/92.png": "across"}


def grain(seed: int, name: str) -> Image.Image:
    """A picture of its own whose grain runs along the rows or across them."""
    random, widths = np.random.default_rng(seed), (0.6, 4) if name == "along" else (4, 0.6)
    layers = [gaussian_filter(random.normal(size=(SIDE, SIDE)), np.array(widths) * s) * s for s in (1, 2.5)]
    values = np.sum(layers, axis=0)
    return Image.fromarray(np.uint8(255 * (values - values.min()) / np.ptp(values))).convert("RGB")


def drawn(root: Path) -> Path:
    for number, (split, images) in enumerate({"train": 60, "validation": 10, "test": 25}.items()):
        for label, name in enumerate(("along", "across")):
            (root / split / name).mkdir(parents=True)
            for i in range(images):
                grain(1000 * number + 100 * label + i, name).save(root / split / name / f"{i:02}.png")
    return root


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("clean")
    return ig.run(ig.Audit.of_parts(**FIELDS, dataset=str(drawn(root / "photos"))), root / "run")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("planted")
    data = drawn(root / "photos")
    Image.open(data / "train/along/03.png").save(data / "test/along/near.jpg", quality=70)
    Image.open(data / "train/across/04.png").save(data / "train/across/again.jpg", quality=70)
    Image.new("RGB", (SIDE, SIDE), (9, 99, 200)).save(data / "test/across/blank.png")
    grain(8000, "along").point(lambda v: v // 12).save(data / "train/along/dark.png")
    grain(8001, "along").resize((4 * SIDE, SIDE)).save(data / "train/along/wide.png")
    for number, (name, other) in enumerate(FLIPPED.items()):
        grain(9000 + number, other).save(data / name)
    return ig.run(ig.Audit.of_parts(**FIELDS, dataset=str(data)), root / "run")


def results_of(run: Run) -> Results:
    return read_results(run.read_object("results.json"), file="results.json")


def findings_of(run: Run) -> Any:
    checks = results_of(run).data_checks
    assert checks is not None
    assert checks.findings is not None
    return checks.findings


def test_near_duplicates_within_and_across_splits(planted: Run) -> None:
    pairs = {frozenset({p.first.name, p.second.name}): p for p in findings_of(planted).near_duplicates.pairs}
    leak, twin = (
        frozenset({"train/along/03.png", "test/along/near.jpg"}),
        frozenset({"train/across/04.png", "train/across/again.jpg"}),
    )
    assert set(pairs) == {leak, twin}
    assert pairs[leak].across
    assert not pairs[twin].across
    assert all(pair.certain for pair in pairs.values())


def test_images_unlike_the_others(planted: Run) -> None:
    found = {fault.fault: {row.image.name for row in fault.images} for fault in findings_of(planted).outliers}
    assert {fault: names for fault, names in found.items() if names} == {
        "blank": {"test/across/blank.png"},
        "dark": {"train/along/dark.png"},
        "odd shape": {"train/along/wide.png"},
    }


def test_flipped_labels_are_named_with_score_and_picture(planted: Run) -> None:
    errors = findings_of(planted).label_errors
    suspects = {row.image.name: row for row in errors.suspects}
    assert set(FLIPPED) <= set(suspects)
    assert len(suspects) <= len(FLIPPED) + 3
    assert all(suspects[name].suggested == other for name, other in FLIPPED.items())
    assert all(suspects[name].score < 0.5 for name in FLIPPED)
    pictured = {name for _, name in json.loads((planted.path / "data_checks.json").read_text())["images"]}
    assert {*FLIPPED, "test/along/near.jpg", "test/across/blank.png"} <= pictured


def test_the_effect_on_the_accuracy_is_paired_and_stands_at_the_head(planted: Run) -> None:
    results = results_of(planted)
    assert results.evaluation is not None
    assert results.data_effects is not None
    rows = {effect.removed: effect for effect in results.data_effects.rows}
    assert [effect.only.n for effect in rows.values()][:2] == [1, 1], "the near leak, the blank image"
    assert rows["images whose label may be wrong"].only.n >= 1
    for effect in rows.values():
        assert effect.all == results.evaluation.accuracy
        assert effect.without.n + effect.only.n == effect.all.n
    page = (planted.path / "report.html").read_text(encoding="utf-8")
    head = page[: page.index("<nav")]
    assert "The data put the numbers in doubt: near-duplicates in two splits (2 images)." in head
    assert "Without the images that are in train, too, or nearly (1)" in head
    assert "dark (1 image)" in head
    assert "Checks of the data" in page
    assert f"ironglass inspect {planted.read('recipe.json')['dataset']}" in page
    assert "labels that are worth a look" in page, "what is left out"
    assert "labels that may be wrong (" in head
    (line,) = check_line(results)
    assert line.startswith("data: near-duplicates in two splits (2 images). Without the images that are in train")


def test_clean_data_stay_clean(clean: Run) -> None:
    results = results_of(clean)
    found = findings_of(clean)
    assert found.near_duplicates.pairs == ()
    assert all(fault.images == () for fault in found.outliers)
    assert found.label_errors.suspects == ()
    assert results.data_effects is None
    assert check_plain(results) == check_line(results) == []
    page = (clean.path / "report.html").read_text(encoding="utf-8")
    assert "Nothing of what was searched for was found in the images." in page
    assert not (clean.path / "data_checks.json").exists()


def test_other_runs_on_the_same_images_search_nothing_again(
    planted: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = planted.read("recipe.json")["dataset"]
    first = ig.run(ig.Audit.of_parts(**FIELDS, dataset=data), tmp_path / "first")
    monkeypatch.setattr(search, "survey_of", None)
    again = ig.run(ig.Audit.of_parts(**FIELDS | {"seed": 5}, dataset=data), tmp_path / "again")
    assert again.results["data_checks"] == first.results["data_checks"] == planted.results["data_checks"]


def test_a_lost_picture_is_made_again(planted: Run) -> None:
    before, results = (planted.path / "data_checks.safetensors").read_bytes(), planted.results
    (planted.path / "data_checks.safetensors").write_bytes(b"damaged")
    plan = ig.Audit.of_parts(**FIELDS, dataset=planted.read("recipe.json")["dataset"])
    with pytest.warns(UserWarning, match="made anew"):
        again = ig.run(plan, planted.path, resume=True)
    assert (planted.path / "data_checks.safetensors").read_bytes() == before
    assert again.results == results


@pytest.mark.parametrize(("free", "left"), [(0.0, "would take too long"), (2.0, "wrong labels (nothing is trained)")])
def test_a_run_that_trains_nothing_says_what_is_left_out(
    planted: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, left: str
) -> None:
    monkeypatch.setattr(search, "FREE", free)
    plan = ig.Audit.of_parts(
        model=str(planted.path), dataset=planted.read("recipe.json")["dataset"], data_checks=True, evaluation=True
    )
    run = ig.run(plan, tmp_path / "run")
    found = findings_of(run)
    assert any(left in note for note in found.left_out)
    assert found.label_errors is None
    assert (found.near_duplicates is None) == (free == 0)
    assert left in (run.path / "report.html").read_text(encoding="utf-8")


def test_an_enlarged_image_is_not_called_blurred() -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 255, (60, 64, 64, 1)).astype(np.uint8)
    small = Image.fromarray(pixels[0, :8, :8, 0]).resize((64, 64), Image.Resampling.BICUBIC)
    pixels[0] = np.asarray(small)[..., None]
    dataset = Dataset("d", {"train": Split(pixels, np.zeros(60, int))}, ("a",), "")
    sizes = np.full((60, 2), 64.0)

    def blurred(sizes: np.ndarray | None) -> list[int]:
        return next(one for one in outliers(survey_of(dataset, sizes)) if one.fault == "blurred").positions.tolist()

    assert blurred(sizes) == [0]
    sizes[0] = 8
    assert blurred(sizes) == []
    assert blurred(None) == []


def test_the_effect_of_labels_stands_only_beside_the_labels(planted: Run) -> None:
    """A joint page may have the checks of one run and the effects of another."""
    results = results_of(planted)
    assert results.data_checks is not None
    assert results.data_checks.findings is not None
    findings = replace(results.data_checks.findings, label_errors=None)
    others = replace(results, data_checks=replace(results.data_checks, findings=findings))
    assert "label may be wrong (" in " ".join(check_paragraphs(results))
    assert "label may be wrong (" not in " ".join(check_paragraphs(others))


def test_a_run_from_the_cache_gives_its_own_reason(planted: Run, tmp_path: Path) -> None:
    """The first run fills the cache with nothing trained; the second has too little training for the labels' search."""
    data = planted.read("recipe.json")["dataset"]
    plan = ig.Audit.of_parts(model=str(planted.path), dataset=data, data_checks=True, evaluation=True)
    notes = findings_of(ig.run(plan, tmp_path / "first")).left_out
    assert "wrong labels (nothing is trained)" in notes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "costs", lambda images, values: (0.0, 99.0))
        trained = findings_of(ig.run(ig.Audit.of_parts(**FIELDS, dataset=data), tmp_path / "second"))
    assert trained.label_errors is None
    assert "wrong labels (that would take longer than a tenth of the training)" in trained.left_out
    assert "wrong labels (nothing is trained)" not in trained.left_out
