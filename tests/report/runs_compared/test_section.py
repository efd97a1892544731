"""The page of runs compared, its chart and its words, from made-up runs."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import ironglass as ig
from ironglass.report.runs_compared.chart import best_of_both, clean_robust
from ironglass.report.runs_compared.markdown import markdown
from ironglass.report.runs_compared.section import SECTION
from ironglass.report.runs_compared.words import compared_words, strongest
from ironglass.results.evaluation import Naming
from ironglass.results.runs_compared import RunsCompared
from ironglass.results.sections import Results, read_results
from made_up_runs import made_up

EPS = 8 / 255


def run_of(tmp_path: Path, **wrong: tuple[int, int]) -> ig.Run:
    """The comparison of runs with so many of 100 images wrong, unchanged and under PGD-20."""
    folders = [
        made_up(tmp_path / name, [i >= clean for i in range(100)], {("pgd-20", EPS): [i >= robust for i in range(100)]})
        for name, (clean, robust) in wrong.items()
    ]
    return ig.compare_runs(folders, tmp_path / "compared", fail_if=["accuracy < 0.85"])


def compared_of(run: ig.Run) -> RunsCompared:
    found = read_results(run.read_object("results.json"), file="results.json").runs_compared
    assert found is not None
    return found


def test_the_page_says_what_differs(tmp_path: Path) -> None:
    run = run_of(tmp_path, plain=(5, 80), hard=(20, 40))
    page = (run.path / "report.html").read_text("utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Missed by hard: fails if accuracy &lt; 0.85 (accuracy = 0.8)." in text
    assert "hard less plain" in text
    assert "plain better" in text  # on unchanged images
    assert "hard better" in text  # under attack
    assert "hard beside plain: 0 gained, 15 lost" in text
    assert "images/5.png" in text  # without a picture, by name
    assert (run.path / "figures" / "clean-robust.png").is_file()
    assert "whole change" not in text


def test_the_page_can_be_written_anew(tmp_path: Path) -> None:
    run = run_of(tmp_path, plain=(5, 80), hard=(20, 40))
    before = (run.path / "report.html").read_bytes()
    assert ig.write_report(run.path).read_bytes() == before


@pytest.mark.parametrize("narrow", [False, True])
def test_runs_that_none_beats_in_both_are_ringed(tmp_path: Path, narrow: bool) -> None:
    compared = compared_of(run_of(tmp_path, plain=(5, 80), hard=(20, 40), worse=(25, 60)))
    attacked = strongest(compared)
    assert attacked is not None
    assert best_of_both(compared.conditions[0], attacked) == ["plain", "hard"]
    [axes] = clean_robust(compared, narrow=narrow).axes
    assert len([line for line in axes.lines if line.get_markersize() == 13]) == 2


def test_the_words_of_three_runs(tmp_path: Path) -> None:
    words = compared_words(compared_of(run_of(tmp_path, plain=(5, 80), hard=(20, 40), worse=(25, 60))))
    assert "plain has the highest accuracy, 95.0\u202f%; it is better than hard and worse." in words[0]
    assert "Of 3 pairs 2 differ by more than chance explains." in words[0]
    assert "Under pgd-20, eps 8/255, on 100 images hard has the highest accuracy" in words[1]
    assert words[2].startswith("All 6 tests of this comparison are read together (Holm)")


def test_a_highest_run_that_may_be_no_better_is_called_so(tmp_path: Path) -> None:
    run = run_of(tmp_path, plain=(5, 80), near=(7, 40), hard=(20, 38))
    words = compared_words(compared_of(run))
    assert "plain has the highest accuracy, 95.0\u202f%; near may be as good." in words[0]
    assert "hard has the highest accuracy, 62.0\u202f%; near may be as good." in words[1]
    against = ig.compare_runs([tmp_path / name for name in ("plain", "near", "hard")], tmp_path / "against",
                              baseline=tmp_path / "near")  # fmt: skip
    [clean, *_] = compared_words(compared_of(against))
    assert (
        "plain has the highest accuracy, 95.0\u202f%; near may be as good, and 1 of the others were not tested" in clean
    )


def text_of(run: ig.Run) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (run.path / "report.html").read_text("utf-8")))


@pytest.mark.parametrize("count", [2, 3, 10])
def test_the_page_of_two_three_and_ten_runs_has_every_part(count: int, tmp_path: Path) -> None:
    run = run_of(tmp_path, **{f"r{i}": (5 + i, 80 - 4 * i) for i in range(count)})
    text = text_of(run)
    for part in ("Differences", "Classes", "Images gained and lost", "Calibration", "parameters", "multiply-adds",
                 "training time", "Holm", "trusted", "Agresti"):  # fmt: skip
        assert part in text, part
    assert (run.path / "figures" / "clean-robust.png").is_file()
    page = (run.path / "report.html").read_text("utf-8")
    table = page[page.index("<caption>Accuracy</caption>") :].partition("</table>")[0]
    heads = [head.strip() for head in re.findall(r'<th scope="(?:col|row)">([^<]*)', table)]
    assert heads[0] == ("run" if count > 4 else "condition")  # the longer side goes down
    assert heads[1 if count > 4 else 1 + count] == "pgd-20, eps 8/255"
    assert all(f"r{i}" in text for i in range(count))


def test_the_worst_case_comes_first(tmp_path: Path) -> None:
    attacked = {(name, eps): [i >= 50 for i in range(100)] for name in ("fgsm", "pgd-20") for eps in (4 / 255, EPS)}
    runs = [made_up(tmp_path / name, [True] * 100, attacked) for name in ("a", "b")]
    run = ig.compare_runs(runs, tmp_path / "compared")
    page = (run.path / "report.html").read_text("utf-8")
    table = page[page.index("<caption>Accuracy</caption>") :].partition("</table>")[0]
    rows = re.findall(r'<th scope="row">([^<]*)', table)
    assert [row.strip() for row in rows] == [
        "worst case, eps 8/255", "worst case, eps 4/255", "clean", "fgsm, eps 4/255", "fgsm, eps 8/255",
        "pgd-20, eps 4/255", "pgd-20, eps 8/255",
    ]  # fmt: skip


def test_one_test_is_not_called_all(tmp_path: Path) -> None:
    runs = [made_up(tmp_path / name, [i >= clean for i in range(100)]) for name, clean in (("a", 5), ("b", 40))]
    run = ig.compare_runs(runs, tmp_path / "compared")
    assert compared_of(run).tests == 1
    said = text_of(run) + " ".join(compared_words(compared_of(run)))
    assert "1 tests" not in said
    assert "only where the difference stands: p at most 5 %." in said


def test_numbers_on_the_first_screen_of_many_runs(tmp_path: Path) -> None:
    run = run_of(tmp_path, plain=(5, 80), near=(7, 60), hard=(20, 38))
    lines = SECTION.headlines(read_results(run.read_object("results.json"), file=""))
    assert [(one.label, one.under_attack) for one in lines if one.first] == [
        ("plain", True), ("hard", True), ("plain", False), ("hard", False),
    ]  # fmt: skip
    assert len(lines) == 6


def test_numbers_on_the_first_screen(tmp_path: Path) -> None:
    run = run_of(tmp_path, plain=(5, 80), hard=(20, 40))
    lines = SECTION.headlines(read_results(run.read_object("results.json"), file=""))
    assert [(one.label, one.rate.value, one.first, one.under_attack) for one in lines] == [
        ("plain", 0.2, True, True), ("hard", 0.6, True, True), ("plain", 0.95, True, False), ("hard", 0.8, True, False),
    ]  # fmt: skip


def test_pictures_of_data_that_can_be_read(tmp_path: Path) -> None:
    stages = (ig.Stage(epochs=1, batch_size=256),)
    runs = [
        ig.run(ig.Audit(dataset="digits", model="logistic", stages=stages, seed=seed, steps=("train", "evaluate")),
               tmp_path / f"seed-{seed}").path
        for seed in (0, 1)
    ]  # fmt: skip
    run = ig.compare_runs(runs, tmp_path / "compared")
    [pair] = run.results["runs_compared"]["images"]
    names = run.read("compared.json")["names"]
    assert names
    assert set(names) == {*pair["gained"][:8], *pair["lost"][:8]}
    page = (run.path / "report.html").read_text("utf-8")
    assert page.count('class="photo small"') == len(names)
    (run.path / "compared.json").unlink()
    assert ig.write_report(run.path).read_text("utf-8").count('class="photo small"') == 0


def test_a_constant_run_is_called_so_on_the_page_and_in_markdown(tmp_path: Path) -> None:
    run = run_of(tmp_path, plain=(5, 80), hard=(20, 40))
    compared = compared_of(run)
    named = Naming(named="cat", named_share=1.0, named_true_share=0.5, commonest="cat", commonest_share=0.5)
    constant = replace(compared, runs=(compared.runs[0], replace(compared.runs[1], naming=named)))
    [line, *_] = SECTION.cautions(Results(runs_compared=constant))[1:]
    assert line.startswith("The network of hard names one class, “cat”")
    text = markdown(constant)
    assert 0 < text.index("**The network of hard names one class") < text.index("On unchanged images")
    assert "names one class" not in markdown(compared)
