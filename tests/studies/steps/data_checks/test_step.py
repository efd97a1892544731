"""Checks of a run's data: leaks and twin labels are named with their effect; clean data say nothing alarming."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import ironglass as ig
from ironglass.cli.show import show_run
from ironglass.data.dataset import Dataset, Split
from ironglass.data.twins import Twins
from ironglass.errors import Notice
from ironglass.measure.inspection.effect import effect_of
from ironglass.measure.inspection.same_pixels import same_pixels
from ironglass.report.about.checks import check_lines, check_words, other_notes
from ironglass.results.sections import read_results
from ironglass.results.versions import with_counts
from ironglass.run import Run

FIELDS: dict[str, Any] = {"model": "logistic", "size": 8, "channels": 3, "stages": (ig.Stage(epochs=1, batch_size=16),)}
LEAKED = {"test/ant/leak.bmp", "test/ant/again.png", "test/bee/leak.png"}


def drawn(root: Path) -> Path:
    """24 images of each of two classes to learn from, 8 to choose by and to test on, that hardly differ."""
    random = np.random.default_rng(3)
    for split, count in (("train", 24), ("validation", 8), ("test", 8)):
        for label, name in enumerate(("ant", "bee")):
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                values = random.normal(110 + 10 * label, 40, (8, 8, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(values).save(root / split / name / f"{i:02}.png")
    return root


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("clean")
    data = str(drawn(root / "photos"))
    return ig.run(
        ig.Audit.of_parts(**FIELDS, dataset=data, data_checks=True, training=True, evaluation=True), root / "run"
    )


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("leaky")
    data = drawn(root / "photos")
    for old, new in {
        "train/ant/00.png": "test/ant/leak.bmp",
        "train/bee/01.png": "test/bee/leak.png",
        "train/ant/02.png": "train/bee/twin.png",
        "validation/bee/03.png": "validation/bee/copy.png",
    }.items():
        Image.open(data / old).save(data / new)
    Image.open(data / "train/ant/00.png").save(data / "test/ant/again.png")
    plan = ig.Audit.of_parts(**FIELDS, dataset=str(data), data_checks=True, training=True, evaluation=True)
    return ig.run(plan, root / "run")


def results_of(run: Run) -> Any:
    return read_results(run.read_object("results.json"), file="results.json")


def test_planted_leaks_and_twin_labels_are_counted_and_named(leaky: Run) -> None:
    checks = results_of(leaky).data_checks
    assert (checks.within, checks.across, checks.two_labels, checks.leaked) == (6, 5, 2, 3)
    assert (checks.split, checks.classes, checks.groups) == ("test", 2, 4)
    assert {row.name: row.per_class for row in checks.splits} == {
        "train": {"ant": 24, "bee": 25}, "validation": {"ant": 8, "bee": 9}, "test": {"ant": 10, "bee": 9},
    }  # fmt: skip
    groups = {frozenset(image.name for image in group.images): group for group in checks.examples}
    assert set(groups) == {
        frozenset({"train/ant/00.png", "test/ant/leak.bmp", "test/ant/again.png"}),
        frozenset({"train/bee/01.png", "test/bee/leak.png"}),
        frozenset({"train/ant/02.png", "train/bee/twin.png"}),
        frozenset({"validation/bee/03.png", "validation/bee/copy.png"}),
    }
    assert [(group.across, group.labels_differ) for group in checks.examples] == [
        (True, False), (True, False), (False, True), (False, False),
    ]  # fmt: skip
    splits = [image.split for image in next(g for names, g in groups.items() if len(names) == 3).images]
    assert splits[:2] == ["train", "test"], "an image of every split comes first"


def test_the_effect_is_that_of_the_same_predictions(leaky: Run) -> None:
    table = pq.read_table(leaky.path / "per_image" / "clean.parquet").to_pylist()
    right = np.array([row["correct"] for row in table])
    leaked = np.array([row["name"] in LEAKED for row in table])
    expected = effect_of(right, leaked)
    effect = leaky.results["leak_effect"]
    assert leaked.sum() == 3
    assert {name: effect[name] for name in expected} == expected
    assert effect["all"] == leaky.results["evaluation"]["accuracy"]


def test_the_page_and_one_line_of_the_terminal_say_so(leaky: Run, capsys: pytest.CaptureFixture[str]) -> None:
    results = results_of(leaky)
    page = (leaky.path / "report.html").read_text()
    without = results.leak_effect.without
    leak, others = check_words(results)
    assert leak.startswith("Of 19 test images, 3 also stand in training: accuracy without them is ")
    assert f"{100 * without.value:.1f}" in leak
    assert "n = 16" in leak
    assert "5 have the pixels of an image of another split" in others
    assert leak in page
    assert others in page
    assert "Without the test images whose pixels are in train, too (3)" in page[: page.index("<nav")]
    assert all(name in page for name in (*LEAKED, "train/bee/twin.png"))
    assert "Some images are in two parts" in page
    assert "have the very pixels of images of" not in page, "said twice"
    show_run(leaky, as_json=False, quiet=False)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("data: ")]
    assert lines == check_lines(results)
    assert len(lines) == 1


def test_clean_data_say_nothing_alarming(clean: Run) -> None:
    results = results_of(clean)
    assert results.data_checks.groups == results.data_checks.across == 0
    assert results.leak_effect is None
    assert check_lines(results) == []
    words = ["No two of the 80 images have the same pixels, at the size that the network reads."]
    assert check_words(results) == words
    page = (clean.path / "report.html").read_text()
    assert words[0] in page
    assert "Some images are in two parts" not in page
    assert "that share no file" in page


def test_a_run_that_only_evaluates_is_checked_and_the_switch_works(leaky: Run, tmp_path: Path) -> None:
    fields = {"model": str(leaky.path), "dataset": leaky.read("recipe.json")["dataset"]}
    plan = ig.Audit.of_parts(**fields, data_checks=True, evaluation=True)
    run = ig.run(plan, tmp_path / "run")
    assert run.results["data_checks"] == leaky.results["data_checks"]
    assert run.results["leak_effect"] == leaky.results["leak_effect"]
    off = ig.run(ig.Audit.of_parts(**fields, evaluation=True), tmp_path / "off")
    assert not {"data_checks", "leak_effect"} & off.results.keys()
    assert off.results["evaluation"] == run.results["evaluation"]


def test_the_page_of_an_older_run_is_as_it_was(leaky: Run, tmp_path: Path) -> None:
    from ironglass.report import write_report

    old = Run(tmp_path / "old")
    old.path.mkdir()
    for name in ("recipe.json", "data.json"):
        old.write(name, leaky.read(name))
    kept = {name: part for name, part in leaky.results.items() if name not in ("data_checks", "leak_effect")}
    old.write("results.json", with_counts(kept))
    page = write_report(old).read_text()
    assert "3 images of test have the very pixels of images of train" in page
    assert "Only the same pixels" not in page
    assert "The images of the same pixels" not in page
    assert check_words(results_of(old)) == []


def test_a_resumed_run_gains_the_checks_and_a_damaged_table_is_measured_anew(leaky: Run) -> None:
    results, recipe = leaky.results, leaky.read("recipe.json")
    plan = ig.Audit.of_parts(**FIELDS, dataset=recipe["dataset"], data_checks=True, training=True, evaluation=True)
    leaky.write("recipe.json", {name: value for name, value in recipe.items() if name != "data_checks"})
    leaky.write("results.json", with_counts({name: part for name, part in results.items() if name != "data_checks"}))
    (leaky.path / "per_image" / "clean.parquet").write_bytes(b"damaged")
    with pytest.warns(Notice, match="made anew"):
        again = ig.run(plan, leaky.path, resume=True)
    assert again.results == results


def test_every_key_counts(leaky: Run, refuses_every_change: Callable[[Path], int]) -> None:
    assert refuses_every_change(leaky.path) > 100


def test_data_too_large_to_be_read_once_more_are_said_not_to_be_searched(
    leaky: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ironglass.studies.steps.data_checks.step.MOST_BYTES", 1000)
    fields = {"model": str(leaky.path), "dataset": leaky.read("recipe.json")["dataset"]}
    with pytest.warns(Notice, match="data: not searched for equal images"):
        run = ig.run(ig.Audit.of_parts(**fields, data_checks=True, evaluation=True), tmp_path / "run")
    assert not {"data_checks", "leak_effect"} & run.results.keys()
    assert "evaluation" in run.results


def _split(*values: int, labels: tuple[int, ...]) -> Split:
    return Split(np.stack([np.full((2, 2, 1), value, np.uint8) for value in values]), np.array(labels))


def test_groups_by_split_and_label() -> None:
    splits = {"train": _split(1, 1, 2, 3, labels=(0, 0, 0, 1)), "test": _split(2, 3, 4, labels=(1, 1, 0))}
    same = same_pixels(Dataset("d", splits, ("a", "b"), ""))
    assert [group.tolist() for group in same.groups] == [[0, 1], [2, 4], [3, 5]]
    assert same.within.tolist() == [True, True, False, False, False, False, False]
    assert same.across.tolist() == [False, False, True, True, True, True, False]
    assert same.two_labels.tolist() == [False, False, True, False, True, False, False]
    assert same.also_in("test", "train").tolist() == [True, True, False]
    assert not same.also_in("train", "train").any()
    assert not same.also_in("test", "validation").any()


@pytest.mark.parametrize("images", [1, 4500])
def test_progress_is_reported_of_many_images_alone(images: int) -> None:
    calls: list[tuple[int, int]] = []
    split = Split(np.zeros((images, 1, 1, 1), np.uint8), np.zeros(images, int))
    same_pixels(Dataset("d", {"test": split}, ("a",), ""), lambda done, of: calls.append((done, of)))
    assert calls == ([(2000, 4500), (4000, 4500), (4500, 4500)] if images > 1 else [])


def test_notes_of_the_same_pixels_are_said_once(leaky: Run) -> None:
    twins = Twins()
    for split, label, name in (("train", 0, "a"), ("test", 0, "b"), ("test", 1, "c")):
        twins.note(split, label, name, np.zeros((2, 2, 1), np.uint8))
    notes = twins.sentences()
    assert len(notes) == 2
    assert other_notes([*notes, "7 files are empty"], results_of(leaky).data_checks) == ["7 files are empty"]
    assert other_notes(notes, None) == notes
