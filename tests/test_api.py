"""The functions that run plans."""

import pickle
from pathlib import Path
from typing import Any

import pytest

import ironglass as ig
from ironglass import api
from ironglass.errors import InputError
from ironglass.plans.transfer import Transfer
from ironglass.studies.common.options import RunOptions
from ironglass.studies.registry import STUDIES

AUDIT = ig.Audit(model="logistic", dataset="digits", attacks=("fgsm",), steps=("train", "evaluate", "attack"))
HARD = ig.Audit(model="logistic", dataset="digits", attacks=("fgsm",), stages=(ig.Stage(objective="n-fgsm"),))
PLANS = {
    "audit": AUDIT,
    "compare": ig.Comparison(base=AUDIT, arms={"hard": ig.Arm(stages=HARD.stages)}),
    "harden": ig.Hardening(after=HARD, baseline=(ig.Stage(),)),
    "inspect_data": ig.Inspection(dataset="digits"),
    "sweep": ig.Sweep(trial=AUDIT, vary={"seed": (0, 1)}),
    "transfer": Transfer(source=AUDIT, target=AUDIT),
}
PARALLEL = ("sweep", "transfer")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Path, RunOptions]]:
    """What each study was given; none of them is really run."""
    given: list[tuple[Any, Path, RunOptions]] = []
    for study in STUDIES.values():
        monkeypatch.setitem(vars(study), "run", lambda *those: given.append(those))
    return given


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("name", PLANS)
def test_each_plan_goes_to_its_study_with_its_options(name: str, by_name: bool, ran: list[Any]) -> None:
    run = getattr(ig, name) if by_name else ig.run
    told: list[Any] = []
    run(PLANS[name], "folder", resume=True, device="cpu", jobs=2 if name in PARALLEL else 1, progress=told.append)
    [(plan, folder, options)] = ran
    assert (plan, folder) == (PLANS[name], Path("folder"))
    assert (options.resume, options.download, options.device) == (True, False, "cpu")
    assert options.jobs == (2 if name in PARALLEL else 1)
    assert options.progress == told.append
    assert options.write_pages is api.write_pages


def test_every_study_has_been_tried() -> None:
    assert [study.plan for study in STUDIES.values()] == [type(plan) for plan in PLANS.values()]
    assert [name for name, study in STUDIES.items() if study.parallel] == list(PARALLEL)
    assert list(STUDIES) == [study.name for study in STUDIES.values()]


@pytest.mark.filterwarnings("ignore::ironglass.errors.Notice")  # that it has learned nothing
def test_an_audit_runs(tmp_path: Path) -> None:
    classes = tuple(map(str, range(10)))
    ig.save_classifier(ig.load_classifier("logistic", classes=classes, size=32, channels=1), tmp_path / "net")
    run = ig.run(ig.Audit(model=str(tmp_path / "net"), dataset="digits", steps=("evaluate",)), tmp_path / "run")
    assert run.results["evaluation"]["accuracy"]["n"] == 359
    assert (tmp_path / "run" / "report.html").is_file()
    assert (tmp_path / "run" / "README.md").is_file()


@pytest.mark.parametrize(
    ("plan", "fields", "says"),
    [
        ("digits", {}, r"plan is 'digits': give one of ironglass.Audit\(...\), Comparison"),
        (ig.Recipe(), {}, r"plan is Recipe\("),
        (AUDIT, {"jobs": 2}, "jobs is 2, for a sweep or a transfer, and train is neither"),
    ],
)
def test_what_cannot_be_run_is_refused(plan: Any, fields: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says) as raised:
        ig.run(plan, tmp_path / "run", **fields)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", PLANS)
def test_each_function_takes_its_own_plans_alone(name: str, tmp_path: Path, ran: list[Any]) -> None:
    other = AUDIT if name != "audit" else PLANS["sweep"]
    with pytest.raises(InputError, match=rf"give an ironglass\.{type(PLANS[name]).__name__}\(\.\.\.\)"):
        getattr(ig, name)(other, tmp_path / "run")
    assert not ran


def test_options_of_a_job_can_be_sent_to_another_process() -> None:
    options = RunOptions(jobs=3, progress=lambda *said: None, write_pages=api.write_pages, download=True)
    again = pickle.loads(pickle.dumps(options.for_job()))
    assert (again.jobs, again.resume, again.download, again.write_pages) == (1, True, True, api.write_pages)


def test_the_messages_of_a_part_begin_with_its_name() -> None:
    said: list[Any] = []
    RunOptions(progress=lambda *one: said.append(one)).for_part("before").for_part("x").progress("t", 1, 2, "d")
    assert said == [("before: x: t", 1, 2, "d")]
