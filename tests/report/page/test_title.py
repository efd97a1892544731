"""The title, and the line below it that says what was measured."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ironglass.report.kit.section import Source
from ironglass.report.page.reading import check_files
from ironglass.report.page.source import read_source
from ironglass.report.page.title import day, page_title, short_name, subtitle
from ironglass.results.sections import Results
from ironglass.run import Run

NOBREAK = "\u00a0"


@pytest.fixture
def source(two_classes: Run) -> Source:
    return read_source(two_classes, check_files(two_classes))


def test_the_title_is_model_data_and_day(source: Source):
    dated = replace(source, environment=source.environment | {"date": "2026-02-01"})
    assert page_title(dated) == f"small_cnn · made-up · 1{NOBREAK}February{NOBREAK}2026"
    assert page_title(source) == "small_cnn · made-up", "of an older run, whose day is not known"


def test_what_is_not_known_is_left_out_of_the_title(source: Source):
    nothing: dict[str, Any] = {"results": Results(), "data": {}, "environment": {}}
    assert (
        page_title(replace(source, recipe={"model": "resnet18", "dataset": "digits"}, **nothing)) == "resnet18 · digits"
    )
    assert page_title(replace(source, recipe={"name": "transfer-defence"}, **nothing)) == "transfer-defence"
    assert page_title(replace(source, recipe={}, **nothing)) == source.run.path.name


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("/home/me/runs/first", "first"), ("runs/first/", "first"), ("./cats", "cats"), ("folder:/data/cats", "cats"),
        ("timm/resnet18.a1_in1k", "timm/resnet18.a1_in1k"), ("hf:uoft-cs/cifar10", "hf:uoft-cs/cifar10"),
        ("digits", "digits"),
    ],
)  # fmt: skip
def test_a_path_is_named_by_its_last_part(name: str, short: str):
    assert short_name(name) == short


@pytest.mark.parametrize("text", [None, 3, "", "yesterday", "2026-13-01"])
def test_what_is_no_day_is_left_out(text: Any):
    assert day(text) == ""


def test_the_subtitle_says_what_was_measured(source: Source, attacked: Run):
    assert subtitle(source) == (
        "Accuracy on 1,000 test images, what each of 6 layers contributes, accuracy under a covering patch and "
        "accuracy under FGSM at 5 eps."
    )
    named = read_source(attacked, check_files(attacked))
    assert subtitle(named).endswith("accuracy under FGSM, PGD and margin-loss variant of AutoAttack at 4 eps.")


def test_the_subtitle_of_a_run_that_measured_nothing_says_what_the_network_is(
    source: Source, partial_run: Callable[..., Run]
):
    nothing = replace(source, results=Results())
    assert subtitle(nothing) == "small_cnn telling 2 classes apart, on made-up."
    assert subtitle(replace(nothing, recipe={}, data={})) == "An image classifier."
