"""Existing runs compared: pairs, thresholds, and what is refused."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ironglass as ig
from ironglass.errors import InputError
from ironglass.results.sections import read_results
from ironglass.studies.runs_compared.pairs import Condition, compared
from ironglass.studies.runs_compared.read import Answers
from made_up_runs import made_up

EPS = 8 / 255


def flags(wrong: int, n: int = 100, start: int = 0) -> list[bool]:
    """n images, of which `wrong` from `start` on are wrong."""
    return [not start <= i < start + wrong for i in range(n)]


def section(run: ig.Run) -> dict[str, Any]:
    return run.results["runs_compared"]


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """A has 30 of 100 wrong, B 10 of these; under PGD-20 50 and 20 of the first 60, under FGSM 5 others."""
    a = made_up(tmp_path / "a", flags(30), {("fgsm", EPS): flags(5, 60, 50), ("pgd-20", EPS): flags(50, 60)})
    b = made_up(tmp_path / "b", flags(10), {("fgsm", EPS): flags(5, 60, 30), ("pgd-20", EPS): flags(20, 60)})
    return a, b


def test_two_runs_are_paired_image_by_image(two: tuple[Path, Path], tmp_path: Path) -> None:
    found = section(ig.compare_runs(two, tmp_path / "compared"))
    rows = {row["name"]: row for row in found["conditions"]}
    assert list(rows) == ["clean", "fgsm", "pgd-20", "worst"]
    assert {name: row["n"] for name, row in rows.items()} == {"clean": 100, "fgsm": 60, "pgd-20": 60, "worst": 60}
    [pair] = rows["clean"]["pairs"]
    assert (pair["first"], pair["second"], pair["difference"]["value"]) == ("a", "b", pytest.approx(0.2))
    # 20 images of b alone, none of a alone: exact two-sided p = 2 · (1/2)^20
    assert pair["test"] == {"only_first": 0, "only_second": 20, "p": pytest.approx(2 * 0.5**20)}
    assert rows["worst"]["rates"]["a"]["value"] == 5 / 60  # 0..49 fooled by PGD-20, 50..54 by FGSM
    assert rows["worst"]["rates"]["b"]["value"] == 35 / 60
    assert rows["worst"]["verdicts"]["a"]["word"] == "trusted"
    assert found["tests"] == 4
    assert {name: row["pairs"][0]["stands"] for name, row in rows.items()} == {
        "clean": True, "fgsm": False, "pgd-20": True, "worst": True,
    }  # fmt: skip


def test_images_gained_and_lost(tmp_path: Path) -> None:
    a, b = made_up(tmp_path / "a", flags(2)), made_up(tmp_path / "b", flags(3, start=1))
    run = ig.compare_runs([a, b], tmp_path / "compared")
    assert section(run)["images"] == [
        {"first": "a", "second": "b", "gained": ["images/0.png"], "lost": ["images/2.png", "images/3.png"]}
    ]
    table = pq.read_table(run.path / "per_image" / "compared.parquet").to_pydict()
    assert table["correct: a"][:4] == [False, False, True, True]
    assert table["correct: b"][:4] == [True, False, False, False]


def test_another_order_of_the_images_changes_nothing(two: tuple[Path, Path], tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(100)
    shuffled = made_up(
        tmp_path / "other" / "b",
        np.asarray(flags(10))[order].tolist(),
        names=[f"images/{i}.png" for i in order],
        labels=[("cat", "dog")[i % 2] for i in order],
    )
    plain = section(ig.compare_runs([two[0], two[1]], tmp_path / "one"))
    mixed = section(ig.compare_runs([two[0], shuffled], tmp_path / "other-one"))
    assert mixed["conditions"][0] == plain["conditions"][0]
    assert mixed["images"] == plain["images"]
    assert mixed["classes"] == plain["classes"]


def test_classes(two: tuple[Path, Path], tmp_path: Path) -> None:
    found = section(ig.compare_runs(two, tmp_path / "compared"))["classes"]
    assert [(row["class"], row["rates"]["a"]["value"], row["rates"]["b"]["value"]) for row in found] == [
        ("cat", 0.7, 0.9), ("dog", 0.7, 0.9),
    ]  # fmt: skip


@pytest.mark.parametrize(("count", "pairs"), [(2, 1), (3, 3), (10, 45)])
def test_all_pairs_or_each_with_the_baseline(count: int, pairs: int, tmp_path: Path) -> None:
    runs = [made_up(tmp_path / f"r{i}", flags(i)) for i in range(count)]
    found = section(ig.compare_runs(runs, tmp_path / "all"))
    assert (found["tests"], len(found["conditions"][0]["pairs"]), len(found["images"])) == (pairs, pairs, pairs)
    against = section(ig.compare_runs(runs, tmp_path / "against", baseline=runs[1]))
    assert against["baseline"] == "r1"
    assert {pair["first"] for pair in against["conditions"][0]["pairs"]} == {"r1"}
    assert against["tests"] == count - 1
    assert against["runs"][0]["name"] == "r1"


def differ(rights: list[np.ndarray]) -> list[tuple[str, str]]:
    """The pairs of these networks that are called different."""
    names = np.arange(len(rights[0])).astype(str)
    answers = {f"r{i}": Answers(names, names, right) for i, right in enumerate(rights)}
    [row] = compared([Condition("clean", "unchanged images", None, 0.0, answers, {})], None)
    return [(pair.first, pair.second) for pair in row.pairs if pair.stands]


def test_among_equal_networks_none_is_called_different_and_a_better_one_is() -> None:
    random = np.random.default_rng(0)
    equal = [differ([random.random(500) < 0.8 for _ in range(4)]) for _ in range(200)]
    assert sum(map(bool, equal)) <= 10  # 5 % of 200
    planted = [differ([random.random(500) < (0.95 if i == 2 else 0.8) for i in range(4)]) for _ in range(50)]
    assert all({("r0", "r2"), ("r1", "r2"), ("r2", "r3")} <= set(found) for found in planted)


def test_what_only_one_run_went_through_is_left_out_and_said(tmp_path: Path) -> None:
    a = made_up(tmp_path / "a", flags(3), {("fgsm", EPS): flags(5), ("square", EPS): flags(5)})
    b = made_up(tmp_path / "b", flags(3), {("fgsm", EPS): flags(5)})
    found = section(ig.compare_runs([a, b], tmp_path / "compared"))
    assert [row["name"] for row in found["conditions"]] == ["clean", "fgsm"]
    assert found["remarks"] == ["a alone was attacked by square at eps 0.03137: not compared."]


def test_attacks_of_other_images_or_settings_are_not_compared(tmp_path: Path) -> None:
    a = made_up(tmp_path / "a", flags(3), {("fgsm", EPS): flags(5, 50)})
    b = made_up(tmp_path / "b", flags(3), {("fgsm", EPS): flags(5, 60)})
    c = made_up(tmp_path / "c", flags(3), {("fgsm", EPS): flags(5, 50)}, settings={"steps": 3})
    found = section(ig.compare_runs([a, b, c], tmp_path / "compared"))
    assert [row["name"] for row in found["conditions"]] == ["clean"]
    assert found["remarks"] == [
        "fgsm attacked other images in b than in a: not compared.",
        "fgsm had other settings in c than in a: not compared.",
    ]


def test_thresholds_met_and_missed_are_kept_with_their_date(two: tuple[Path, Path], tmp_path: Path) -> None:
    asked = ["robust_accuracy[pgd-20,8/255] < 0.40", "accuracy < 0.5 or parameters > 1e9"]
    found = section(ig.compare_runs(two, tmp_path / "compared", fail_if=asked))["thresholds"]
    assert [(one["run"], one["text"], one["missed"]) for one in found] == [
        ("a", asked[0], True), ("b", asked[0], False), ("a", asked[1], False), ("b", asked[1], False),
    ]  # fmt: skip
    assert found[0]["measured"] == {"robust_accuracy[pgd-20,8/255]": pytest.approx(10 / 60)}
    assert found[2]["measured"] == {"accuracy": pytest.approx(0.7), "parameters": 1000}
    assert datetime.fromisoformat(found[0]["date"]).tzinfo is not None


def test_thresholds_on_changes_are_about_all_but_the_baseline(two: tuple[Path, Path], tmp_path: Path) -> None:
    asked = ["accuracy_change < 0.1", "robust_accuracy_change[worst,8/255] < 0.6", "class_accuracy[dog] < 0.95"]
    found = section(ig.compare_runs(two, tmp_path / "compared", baseline=two[0], fail_if=asked))["thresholds"]
    assert [(one["run"], one["missed"]) for one in found] == [("b", False), ("b", True), ("b", True)]
    values = [value for one in found for value in one["measured"].values()]
    assert values == pytest.approx([0.2, 0.5, 0.9])


def test_one_run_can_be_checked_alone(two: tuple[Path, Path], tmp_path: Path) -> None:
    found = section(ig.compare_runs(two[:1], tmp_path / "compared", fail_if=["robust_accuracy[worst,8/255] < 0.05"]))
    assert [one["missed"] for one in found["thresholds"]] == [False]
    assert found["tests"] == 0


UNMEASURED = {
    "robust_accuracy[pgd20,8/255] < 0.4": "did you mean pgd-20",
    "robust_accuracy[pgd-20,4/255] < 0.4": "was not attacked by pgd-20 at eps 4/255: choose from 8/255",
    "class_accuracy[cta] < 0.4": "there is no class 'cta'",
    "corruption_accuracy < 0.4": "has no corruption_accuracy",
    "training_seconds > 3": "has no training_seconds",
    "accuracy_change < 0": "give --baseline",
}


@pytest.mark.parametrize("text", UNMEASURED)
def test_a_threshold_without_a_value_is_refused_before_anything_is_written(
    text: str, two: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError) as refused:
        ig.compare_runs(two, tmp_path / "compared", fail_if=[text])
    assert UNMEASURED[text] in str(refused.value)
    assert not (tmp_path / "compared").exists()


def test_other_images_are_refused_with_the_reason(tmp_path: Path) -> None:
    a = made_up(tmp_path / "a", flags(3))
    fewer = made_up(tmp_path / "fewer", flags(3, 90))
    split = made_up(tmp_path / "split", flags(3), split="validation")
    size = made_up(tmp_path / "size", flags(3), size=16)
    labels = made_up(tmp_path / "labels", flags(3), labels=["dog"] * 100)
    reasons = {
        fewer: "the one measured 100 images and the other 90, of which they share 90; 'images/90.png' stands",
        split: "the one measured test, the other validation images",
        size: "their images have 8 × 8 and 16 × 16 pixels: give both one --size, or add --any-size",
        labels: "image 'images/0.png' is of class 'cat' in the one and 'dog' in the other",
    }
    for other, reason in reasons.items():
        with pytest.raises(InputError, match=f"{a} and {other} cannot be compared") as refused:
            ig.compare_runs([a, other], tmp_path / "compared")
        assert reason in str(refused.value)
    said = section(ig.compare_runs([a, size], tmp_path / "compared", any_size=True))["remarks"]
    assert said == ["a and size were shown the same images at 8 × 8 and 16 × 16 pixels."]


def test_other_pixels_under_the_same_names_are_refused(tmp_path: Path) -> None:
    a = made_up(tmp_path / "a", flags(3), pixels="aa", others="1")
    b = made_up(tmp_path / "b", flags(3), pixels="bb", others="2")
    with pytest.raises(InputError, match=f"{a} and {b} cannot be compared: their test images have the same names and"):
        ig.compare_runs([a, b], tmp_path / "compared")
    assert not (tmp_path / "compared").exists()


@pytest.mark.parametrize(
    ("pixels", "end"),
    [
        (("aa", "aa"), "classes: other splits are not the same."),
        (("aa", None), "classes: their pixels, or other splits, are not the same."),
        ((None, None), "classes: their pixels, or other splits, are not the same."),
    ],
)
def test_what_differs_of_the_data_is_said(pixels: tuple[str | None, str | None], end: str, tmp_path: Path) -> None:
    runs = [
        made_up(tmp_path / name, flags(3), pixels=one, others=others)
        for name, one, others in zip("ab", pixels, "12", strict=True)
    ]
    [remark] = section(ig.compare_runs(runs, tmp_path / "compared"))["remarks"]
    assert remark.endswith(end)


def test_other_versions_are_refused_by_name_unless_asked_for(tmp_path: Path) -> None:
    a, b = made_up(tmp_path / "a", flags(3)), made_up(tmp_path / "b", flags(3), version="0.1.0")
    with pytest.raises(InputError, match=f"{a} and {b} cannot be compared: they were measured by ironglass 0.2.0 and"):
        ig.compare_runs([a, b], tmp_path / "compared")
    assert not (tmp_path / "compared").exists()
    said = section(ig.compare_runs([a, b], tmp_path / "compared", any_version=True))["remarks"]
    assert said == ["The runs were made by different versions of ironglass: 0.1.0, 0.2.0."]


def test_what_is_no_evaluated_run_is_refused(tmp_path: Path) -> None:
    a = made_up(tmp_path / "a", flags(3))
    outer = tmp_path / "outer"
    with ig.Run.hold(outer, {"name": "hardening"}):
        made_up(outer / "before", flags(3))
    bare = tmp_path / "bare"
    with ig.Run.hold(bare, {"name": "bare"}):
        pass
    reasons = {
        tmp_path / "nowhere": "is not a run folder",
        outer: f"holds runs within it, and no accuracy of its own: name them, for instance {outer / 'before'}",
        bare: "has no accuracy on unchanged images",
        a: "is named twice",
    }
    for other, reason in reasons.items():
        with pytest.raises(InputError) as refused:
            ig.compare_runs([a, other], tmp_path / "compared")
        assert reason in str(refused.value)
    with pytest.raises(InputError, match="give two runs or more"):
        ig.compare_runs([a], tmp_path / "compared")


def test_a_damaged_run_is_refused_by_its_file(two: tuple[Path, Path], tmp_path: Path) -> None:
    path = two[1] / "per_image" / "clean.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=f"{path} is not as it was written"):
        ig.compare_runs(two, tmp_path / "compared")


def test_runs_of_one_name_are_called_by_their_paths(tmp_path: Path) -> None:
    a, b = made_up(tmp_path / "one" / "run", flags(3)), made_up(tmp_path / "two" / "run", flags(3))
    assert [one["name"] for one in section(ig.compare_runs([a, b], tmp_path / "c"))["runs"]] == [str(a), str(b)]


def test_the_runs_are_only_read(two: tuple[Path, Path], tmp_path: Path) -> None:
    def state(folder: Path) -> dict[Path, tuple[int, bytes]]:
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}

    before = [state(folder) for folder in two]
    for folder in two:
        shutil.copytree(folder, tmp_path / "copies" / folder.name)
    run = ig.compare_runs(two, tmp_path / "compared")
    assert [state(folder) for folder in two] == before
    read_results(run.read_object("results.json"), file="results.json")


EDITED = {
    "environment.json": '{"versions": ["x"]}',
    "history.jsonl": '{"images_per_second": "fast"}\n{"images_per_second": -1}\n',
    "samples.json": '{"images": 3}',
    "data.json": '{"size": "large", "channels": [], "contents": 3, "reading": []}',
    "recipe.json": '{"dataset": "digits", "splits": 3, "only": 7}',
}


@pytest.mark.parametrize("name", EDITED)
def test_what_anybody_wrote_beside_the_results_does_no_harm(name: str, two: tuple[Path, Path], tmp_path: Path) -> None:
    (two[0] / "checksums.b2").unlink()
    (two[0] / name).write_text(EDITED[name])
    found = section(ig.compare_runs(two, tmp_path / "compared"))
    assert "Not checked, since there are no checksums: a." in found["remarks"]
    assert found["tests"] == 4


@pytest.mark.parametrize("part", ["clean", "attacks"])
@pytest.mark.parametrize("column", ["eps", "correct"])
def test_a_table_of_other_columns_is_refused_by_its_file(
    part: str, column: str, two: tuple[Path, Path], tmp_path: Path
) -> None:
    (two[0] / "checksums.b2").unlink()
    path = two[0] / "per_image" / f"{part}.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns([column]), path)
    with pytest.raises(InputError, match=f"{path} cannot be read"):
        ig.compare_runs(two, tmp_path / "compared")
    if part == "attacks" and column == "eps":
        pq.write_table(table.set_column(2, "eps", pa.array(["x"] * len(table))), path)
        with pytest.raises(InputError, match=f"{path} cannot be read"):
            ig.compare_runs(two, tmp_path / "compared")


def test_one_text_in_place_of_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="runs is 'runs/first': give a list"):
        ig.compare_runs("runs/first", tmp_path / "compared")
    with pytest.raises(InputError, match="fail_if is 'accuracy < 1': give a list"):
        ig.compare_runs(["runs/first", "runs/second"], tmp_path / "compared", fail_if="accuracy < 1")
    assert not (tmp_path / "compared").exists()
