"""The section on training says of adversarial stages how eps grew, and what the guard did."""

import re
from pathlib import Path
from typing import Any

import pytest

from ironglass.report import write_report
from ironglass.run import Run

STAGE: dict[str, Any] = {
    "epochs": 4, "peak_lr": 0.1, "schedule": "one-cycle", "last_lr": None, "optimiser": "sgd", "weight_decay": 5e-4,
    "batch_size": 64, "objective": {"kind": "FastAT", "norm": "l2", "eps": 0.5}, "eps_ramp": 2.0,
    "trainable_from": None, "until": None, "aux_weight": 0.0, "name": "",
}  # fmt: skip
WATCH: dict[str, Any] = {
    "kind": "OverfittingGuard", "eps": 0.5, "norm": "l2", "steps": 10, "seed": 0, "alarms": True, "merit": "pgd",
}  # fmt: skip
ALARM = {"epoch": 3, "back_to": 2, "factor": 0.5}


def page(folder: Path, *, stage: dict[str, Any] = STAGE, balance: str | None = None, **fields: Any) -> str:
    recipe = {"name": "hardened", "dataset": "drawn", "model": "logistic", "seed": 0}
    run = Run.create(folder, recipe if balance is None else recipe | {"balance": balance})
    section = {"seconds": 1.0, "epochs": 4, "best_epoch": 4, "skipped": 0, "rollbacks": [], "micro_batch": None}
    run.record("training", section | {"stages": [stage]} | fields)
    write_report(run)
    text = re.sub(r"<[^>]+>", "", (folder / "report.html").read_text("utf-8"))
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(
    ("watch", "alarms", "says"),
    [
        (WATCH, [], "at eps 0.5 (L2), and the weights kept are those of highest accuracy under it. Had it suddenly"),
        (WATCH, [ALARM], "It suddenly succeeded after epoch 3: training went back to its best weights"),
        (WATCH | {"alarms": False, "merit": "fgsm"}, [], "under one step (FGSM). As was asked, training went on"),
        ({**WATCH, "norm": "linf", "eps": 8 / 255}, [], "at eps 8/255"),
    ],
)
def test_the_guard_in_words(watch: dict[str, Any], alarms: list[Any], says: str, tmp_path: Path) -> None:
    assert says in page(tmp_path / "run", watch=watch, alarms=alarms, clean_best_epoch=1)


@pytest.mark.parametrize("watch", [None, "another", {"kind": "Script", "merits": [0.5]}])
def test_no_words_of_a_guard_that_was_not_there(watch: Any, tmp_path: Path) -> None:
    fields = {} if watch is None else {"watch": watch, "alarms": [], "clean_best_epoch": 1}
    assert "catastrophic" not in page(tmp_path / "run", **fields)


def test_how_eps_grew(tmp_path: Path) -> None:
    assert "eps grows from 0 over the first 2 epochs, a little every step" in page(tmp_path / "two")
    assert "over the first 1 epoch, a" in page(tmp_path / "one", stage=STAGE | {"eps_ramp": 1.0})
    before = {name: value for name, value in STAGE.items() if name != "eps_ramp"}
    assert "eps grows" not in page(tmp_path / "none", stage=before)


@pytest.mark.parametrize(
    ("balance", "says"),
    [("weights", "so that every class counts alike"), ("sampler", "Every class was drawn as often"), ("none", "")],
)
def test_the_balance_of_the_classes(balance: str, says: str, tmp_path: Path) -> None:
    text = page(tmp_path / "run", balance=balance)
    assert says in text
    assert ("balance of the classes" in text) == bool(says)
    assert "balance of the classes" not in page(tmp_path / "older")
