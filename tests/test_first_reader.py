"""A first-time reader's tasks: docs/architecture.md names the one file to open, and what to change stands in it."""

import ast
import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from PIL import Image

import ironglass as ig
from ironglass.measure.robustness.evidence import Evidence, Observations
from ironglass.measure.robustness.verdict import judge
from ironglass.measure.statistics import counted_rate
from ironglass.models.loading.native import check_name
from ironglass.report.kit.palette import theme_css
from ironglass.studies.registry import study_of
from ironglass.train.schedule import SCHEDULES, ScheduleName

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "ironglass"


def tasks() -> dict[str, tuple[str, str]]:
    """File and symbol by task, as the table in docs/architecture.md says."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("## Where to change what")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w[^|]*) \| `([^`]+)` \| `([^`]+)` \|$", table, re.MULTILINE)
    assert len(rows) == table.count("\n|") - 2, "a row of the table has another form"
    return {task: (file, symbol) for task, file, symbol in rows}


def defined(path: Path) -> list[str]:
    """The functions, classes and constants of a module."""
    names = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    return names


def test_ten_tasks_and_more_have_a_file() -> None:
    assert len(tasks()) >= 10


@pytest.mark.parametrize("task", tasks())
def test_the_file_holds_what_is_to_be_changed(task: str) -> None:
    file, symbol = tasks()[task]
    assert symbol in defined(SOURCE / file)


def test_the_numbers_of_the_transfer_table_come_from_its_file() -> None:
    file, symbol = tasks()["fix a wrong number in the transfer table"]
    template = (SOURCE / file).with_name("section.html.jinja").read_text(encoding="utf-8")
    shown = re.findall(r"for row in (transfer_\w+)", template)
    assert shown
    assert f'"transfer_rows": {symbol}(' in (SOURCE / file).read_text(encoding="utf-8")
    assert "transfer_rows" in shown


class Anything:
    """Stands for an attack, an explainer, an objective, a study, ..."""

    label, family, words, plan = "Anything", "mine", "", dict

    def matches(self, name: str) -> bool:
        return name.startswith("mine:")

    def build(self, wanted: object) -> object:
        return wanted


def is_found_by_name(kind: Callable[[], list[str]]) -> Callable[[], bool]:
    return lambda: "mine" in kind()


# what shows that an entry more in the table's dict or tuple is all that it takes to be found
FOUND: dict[str, Callable[[], bool]] = {
    "add an attack": is_found_by_name(ig.list_attacks),
    "add an explanation method": is_found_by_name(ig.list_explainers),
    "add a corruption": is_found_by_name(ig.list_corruptions),
    "add a training objective": lambda: isinstance(
        importlib.import_module("ironglass.harden").find_objective("mine"), Anything
    ),
    "add a form of model name": lambda: check_name("mine:net") is None,
    "add a study": lambda: isinstance(study_of({}), Anything),
    "change a colour of the page and its charts": lambda: "mine" in theme_css(),
}


@pytest.mark.parametrize("task", FOUND)
def test_one_more_entry_there_is_found(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file, symbol = tasks()[task]
    name = "ironglass." + file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    module = importlib.import_module(name)
    before: Any = getattr(module, symbol)
    entry: Any = ("#000000", "#ffffff") if symbol == "COLOURS" else Anything()
    try:
        already = FOUND[task]()
    except ig.InputError:
        already = False
    assert not already
    if isinstance(before, tuple):
        monkeypatch.setattr(module, symbol, (entry, *before))
    else:
        monkeypatch.setitem(before, "mine", entry)
    assert FOUND[task]()


def test_a_schedule_stands_in_one_file_alone() -> None:
    assert tasks()["add a learning-rate schedule"] == ("train/schedule.py", "SCHEDULES")
    assert get_args(ScheduleName) == tuple(SCHEDULES)
    assert get_type_hints(ig.Stage)["schedule"] is ScheduleName


def test_a_verdict_follows_from_the_checks_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    file, symbol = tasks()["change when a robustness number counts as trusted"]
    module = importlib.import_module("ironglass." + file.removesuffix(".py").replace("/", "."))
    broken = Evidence(observations=Observations(n=200, non_finite=200), steps=20, points=((0.1, counted_rate(0, 200)),))
    assert judge(broken).word == "invalid"
    monkeypatch.setattr(module, symbol, ())
    assert judge(broken).word == "trusted"


def test_a_label_column_is_found_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, symbol = tasks()["change how a CSV's label column is found"]
    lines = ["file_name,label,group"]
    for i in range(24):
        Image.fromarray(np.full((8, 8, 3), 10 * i, dtype=np.uint8)).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{'ab'[i % 2]},{'xy'[i // 12]}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    assert ig.load_dataset(tmp_path / "labels.csv", size=8).classes == ("a", "b")
    (tmp_path / "other.csv").write_text("\n".join(lines))
    module = importlib.import_module("ironglass." + file.removesuffix(".py").replace("/", "."))
    monkeypatch.setattr(module, symbol, lambda _path, header, *_: header.index("group"))
    assert ig.load_dataset(tmp_path / "other.csv", size=8).classes == ("x", "y")
