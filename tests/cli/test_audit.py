"""`ironglass audit`: every measurement of a trained model, and what `--quick` leaves out."""

import json
from pathlib import Path
from typing import Any

import pytest

from ironglass.cli import audit
from ironglass.plans.audit import Audit


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[Audit]:
    """The plans that were run; none of them is."""
    found: list[Audit] = []
    monkeypatch.setattr(audit, "run_plan", lambda plan, common, **rest: found.append(plan))
    return found


def test_everything_is_measured_and_nothing_trained(call, planned: list[Audit]) -> None:
    status, out, err = call("audit", "runs/mine", "digits")
    assert (status, out, err) == (0, "", "")
    [plan] = planned
    assert plan.steps == ("evaluate", "corrupt", "explain", "attack")
    assert plan.attacks.methods == ("fgsm", "pgd-20", "apgd-ce", "square")
    assert plan.corruptions.names == ("all",)
    assert (plan.model, plan.samples) == ("runs/mine", 1000)


def test_quick_says_what_it_leaves_out(call, planned: list[Audit]) -> None:
    status, out, _ = call("audit", "runs/mine", "digits", "--quick")
    assert status == 0
    assert out.splitlines() == [
        "left out by --quick:",
        "  attacks apgd-ce and square",
        "  attacks at eps 2/255 and 4/255",
        "  corruptions: 11 kinds",
        "  occlusion by black, mean and blur",
        "  images under attack and occlusion beyond 128",
        "  images under corruptions beyond 200",
        "  images for the probes of layers beyond 500",
    ]
    assert "Left out: attacks apgd-ce and square; attacks at eps 2/255" in planned[0].description


def test_what_was_changed_by_hand_is_not_said_to_be_left_out(call, planned: list[Audit]) -> None:
    changes = ("--set", "samples=1000", "--set", 'attacks.eps=["2/255","4/255","8/255"]')
    status, out, err = call("audit", "runs/mine", "digits", "--quick", *changes)
    assert (status, err) == (0, "")
    assert planned[0].samples == 1000
    assert "eps" not in out
    assert "under attack" not in out
    assert "corruptions: 11 kinds" in out


def test_quiet_and_json_print_no_list(call, planned: list[Audit]) -> None:
    assert call("audit", "runs/mine", "digits", "--quick", "--quiet")[1] == ""
    assert call("audit", "runs/mine", "digits", "--quick", "--json")[1] == ""


def test_a_quick_audit_of_a_trained_run(call, trained: Path, photos: Path) -> None:
    status, out, _ = call("audit", trained, photos, "--quick", "--output", "quick")
    assert status == 0
    assert "left out by --quick:" in out
    results: dict[str, Any] = json.loads(Path("quick/results.json").read_text("utf-8"))
    assert {"evaluation", "corruptions", "layers", "occlusion", "attacks"} <= results.keys()
    assert "training" not in results
    assert [one["name"] for one in results["attacks"]["attacks"]] == ["fgsm", "pgd-20"]
    page = Path("quick/report.html").read_text("utf-8")
    assert "Left out: attacks apgd-ce and square" in page


def test_a_model_without_weights_is_refused(call) -> None:
    status, _, err = call("audit", "simple-cnn", "digits", "--quick")
    assert status == 2
    assert err.count("\n") == 1
