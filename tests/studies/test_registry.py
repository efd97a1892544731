"""The registries: one line each, and no other place asks of which kind a plan is."""

import ast
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import ChoiceLoader, DictLoader

import ironglass as ig
from ironglass.cli.main import main
from ironglass.errors import InputError
from ironglass.measure.statistics import wilson
from ironglass.recipes import load_recipe
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Section
from ironglass.report.page import environment, page, registry
from ironglass.results import sections
from ironglass.results.codec import result
from ironglass.results.numbers import Rate
from ironglass.results.sections import Results
from ironglass.run import Run
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.study import Study
from ironglass.studies.registry import STUDIES
from ironglass.studies.steps.registry import STEPS
from ironglass.studies.steps.step import Step

SOURCE = Path(__file__).parents[2] / "src" / "ironglass"
KINDS = {"Audit", "Comparison", "Sweep", "Transfer", "Hardening"}


# A study of a user's own: its plan, what it finds, and what runs it.


@dataclass(frozen=True)
class Counting:
    """How many images of each class there are."""

    name: str = "counting"
    dataset: str = "digits"
    most: int = 100
    seed: int = 0


@result
class Counted:
    """The section of `results.json`."""

    images: dict[str, int]
    largest: Rate
    seed: int


@result
class WithCounted(Results):
    """All sections, with one line more."""

    counting: Counted | None = None


def counted_headlines(results: Any) -> list[Headline]:
    """The number of the section, for page, terminal and model card."""
    found = getattr(results, "counting", None)
    return [Headline("Largest class", "of all images", found.largest)] if found else []


def run_counting(plan: Counting, folder: Path, options: RunOptions) -> Run:
    """Counts the images of each class."""
    known = {"name": plan.name, "description": "Counts.", "dataset": plan.dataset, "seed": plan.seed}
    data = ig.load_dataset(plan.dataset)
    with Run.hold(folder, known, resume=options.resume) as run:
        for number, name in enumerate(data.classes):
            options.progress("counting", number, len(data.classes), name)
        counts = {name: int((data.test.labels == label).sum()) for label, name in enumerate(data.classes)}
        images = {name: min(n, plan.most) for name, n in counts.items()}
        largest = wilson(max(images.values()), sum(images.values()))
        run.record("counting", {"images": images, "largest": largest, "seed": plan.seed})
        options.write_pages(run)
    return run


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line in each registry."""
    monkeypatch.setitem(STUDIES, "counting", Study(name="counting", plan=Counting, run=run_counting))
    monkeypatch.setitem(sections.SECTIONS, "counting", Counted)
    monkeypatch.setattr(sections, "Results", WithCounted)
    section = Section(
        key="counting",
        title="Images of each class",
        template="counting",
        results=("counting",),
        facts=lambda source: {"counting": source.results.counting},  # type: ignore[attr-defined]
        headlines=counted_headlines,
        terminal=lambda results: ["counted" for _ in counted_headlines(results)],
    )
    for module in (registry, page, environment):
        monkeypatch.setattr(module, "SECTIONS", (section, *registry.SECTIONS))
    found = environment.environment()
    loaders = [DictLoader({"counting.html.jinja": "{{ counting.images | length }} classes"}), found.loader]
    found.loader = ChoiceLoader([one for one in loaders if one is not None])
    monkeypatch.setattr(page, "environment", lambda: found)


@pytest.mark.usefixtures("counting")
def test_a_new_study_runs_from_python(tmp_path: Path) -> None:
    said: list[Any] = []
    run = ig.run(Counting(most=30), tmp_path / "run", progress=lambda *one: said.append(one))
    assert set(run.results["counting"]["images"].values()) == {30}
    assert said[0] == ("counting", 0, 10, "0")
    html = (tmp_path / "run" / "report.html").read_text()
    assert "Images of each class</h2>\n10 classes" in html
    assert "Largest class" in html
    with pytest.raises(InputError, match="--resume"):
        ig.run(Counting(most=30), tmp_path / "run")
    assert ig.run(Counting(most=30), tmp_path / "run", resume=True).path == run.path


@pytest.mark.usefixtures("counting")
def test_a_new_study_runs_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "count.py"
    recipe.write_text("from counting import Counting\n\nRECIPE = Counting()\n")
    monkeypatch.setitem(sys.modules, "counting", SimpleNamespace(Counting=Counting))
    words = ["run", recipe, "--seed", "7", "--set", "most=20", "--output", tmp_path / "run"]
    monkeypatch.setattr("sys.argv", ["ironglass", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert ended.value.code in (0, None), err
    assert re.search(r"Largest class, of all images +10.0 %", out)  # in the table
    assert "\ncounted\n" in out
    found = Run(tmp_path / "run").results["counting"]
    assert (found["seed"], found["images"]) == (7, dict.fromkeys(map(str, range(10)), 20))


@pytest.mark.usefixtures("counting")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--jobs", "2"], "--jobs is for a sweep or a transfer, and counting is neither"),
        (["--blocks", "2"], "--blocks is for a transfer, and counting is none"),
    ],
)
def test_options_of_other_studies_are_refused(
    words: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("ironglass.recipes.load_recipe", lambda name: Counting())
    monkeypatch.setattr("sys.argv", ["ironglass", "run", "count", *words, "--output", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("counting")
def test_a_new_study_is_listed_where_plans_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Transfer\(\.\.\.\), Counting\(\.\.\.\)"):
        ig.run("digits", tmp_path / "run")  # type: ignore[arg-type]
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(InputError, match="Sweep, Transfer or Counting"):
        load_recipe(str(tmp_path / "empty.py"))


def test_a_new_step_is_taken_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def run(context: Any) -> None:
        taken.append("run")
        context.run.record("trial", {"diverged": f"{context.split_name} {len(context.measured)}"})

    step = Step(
        key="trial",
        wanted=lambda context: context.plan.seed == 4,
        check=lambda context: taken.append("check"),
        run=run,
    )
    monkeypatch.setattr("ironglass.studies.audit.STEPS", [*STEPS[:3], step, *STEPS[3:]])
    stages = (ig.Stage(epochs=1),)
    plan = ig.Audit(model="logistic", dataset="digits", steps=("train", "evaluate"), stages=stages, seed=4)
    found = ig.audit(plan, tmp_path / "run")
    assert taken == ["check", "run"]
    assert found.results["trial"] == {"diverged": "test 359"}
    assert list(found.results) == [
        "model", "data_checks", "training", "evaluation", "trial", "data_effects", "confidence", "out_of_distribution",
        "failures",
    ]  # fmt: skip
    ig.audit(plan, tmp_path / "run", resume=True)
    assert taken == ["check", "run", "check"]


def test_a_step_s_check_comes_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(context: Any) -> None:
        raise InputError("no")

    step = Step(key="x", wanted=lambda context: False, check=refuse, run=lambda context: None)
    monkeypatch.setattr("ironglass.studies.audit.STEPS", [step, *STEPS])
    with pytest.raises(InputError, match="no"):
        ig.audit(ig.Audit(model="logistic", dataset="digits"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_every_step_has_a_key_of_its_own() -> None:
    assert len({step.key for step in STEPS}) == len(STEPS)


def kinds_asked(text: str) -> list[str]:
    """Where the code asks of which kind a plan is: isinstance, issubclass, `type(x) is`, or a case of match."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        asked: list[ast.AST] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            asked = node.args[1:] if node.func.id in ("isinstance", "issubclass") else []
        elif isinstance(node, ast.MatchClass):
            asked = [node.cls]
        elif isinstance(node, ast.Compare):
            calls = [one for one in ast.walk(node.left) if isinstance(one, ast.Call)]
            asked = node.comparators if any(getattr(one.func, "id", "") == "type" for one in calls) else []
        for one in (inner for part in asked for inner in ast.walk(part)):
            name = getattr(one, "id", None) or getattr(one, "attr", None)
            if name in KINDS:
                found.append(f"{node.lineno}: {name}")
    return found


def test_no_code_but_the_registries_asks_which_kind_a_plan_is() -> None:
    files = {path.relative_to(SOURCE).as_posix(): path.read_text() for path in SOURCE.rglob("*.py")}
    assert {name: asked for name, text in files.items() if (asked := kinds_asked(text))} == {}


LADDERS: list[Callable[[str], str]] = [
    "isinstance(plan, {})".format,
    "isinstance(plan, int | ig.{})".format,
    "isinstance(plan, (int, {}))".format,
    "issubclass(kind, {})".format,
    "type(plan) is {}".format,
    "match plan:\n    case {}():\n        pass".format,
]


@pytest.mark.parametrize("ladder", LADDERS)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_such_a_question_would_be_found(ladder: Callable[[str], str], kind: str) -> None:
    assert [one.rpartition(" ")[2] for one in kinds_asked(ladder(kind))] == [kind]
    assert kinds_asked(ladder("Other")) == []
