"""Any plan by one function."""

from pathlib import Path
from typing import Any

import pytest

import ironglass as ig
from ironglass.errors import InputError, Notice
from ironglass.plans.transfer import Transfer
from ironglass.studies import run as home

AUDIT = ig.Audit(model="logistic", dataset="digits", attacks=("fgsm",), steps=("train", "evaluate", "attack"))
HARD = ig.Audit(model="logistic", dataset="digits", attacks=("fgsm",), stages=(ig.Stage(objective="n-fgsm"),))
PLANS = (
    AUDIT,
    ig.Comparison(base=AUDIT, arms={"hard": ig.Arm(stages=HARD.stages)}),
    ig.Hardening(after=HARD, baseline=(ig.Stage(),)),
    ig.Sweep(trial=AUDIT, vary={"seed": (0, 1)}),
    Transfer(source=AUDIT, target=AUDIT),
)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: type(plan).__name__)
def test_each_plan_goes_to_its_study(plan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    studies = {kind: lambda *given, kind=kind, **fields: made.append((kind, given, fields)) for kind in home.STUDIES}
    monkeypatch.setattr(home, "STUDIES", studies)
    monkeypatch.setattr(home, "PARALLEL", (studies[ig.Sweep], studies[Transfer]))
    ig.run(plan, "folder", resume=True, device="cpu")
    [(kind, given, fields)] = made
    assert (kind, given) == (type(plan), (plan, "folder"))
    assert (fields["resume"], fields["download"], fields["device"]) == (True, False, "cpu")
    assert ("jobs" in fields) == (kind in (ig.Sweep, Transfer))


def test_the_studies_are_the_public_ones() -> None:
    assert list(home.STUDIES.values()) == [ig.audit, ig.compare, home.harden, ig.sweep, ig.transfer]


def test_an_audit_runs(tmp_path: Path) -> None:
    classes = tuple(map(str, range(10)))
    ig.save_classifier(ig.load_classifier("logistic", classes=classes, size=32, channels=1), tmp_path / "net")
    with pytest.warns(Notice):  # that it has learned nothing
        run = ig.run(ig.Audit(model=str(tmp_path / "net"), dataset="digits", steps=("evaluate",)), tmp_path / "run")
    assert run.results["evaluation"]["accuracy"]["n"] == 359
    assert (tmp_path / "run" / "report.html").is_file()


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
