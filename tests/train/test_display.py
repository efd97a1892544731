"""What a person sees while `fit` runs."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

import ironglass as ig
from ironglass.run import Run
from ironglass.train.display import displayed, epoch_line
from ironglass.train.status import Status

ROW = {"epoch": 1, "train_loss": 0.5, "train_accuracy": 0.25, "validation_accuracy": 0.75, "seconds": 2.0, "skipped": 0}
LINE = "epoch 1/3  loss 0.500  accuracy 25.0 %  validation 75.0 %  2.0 s"


def status(step: int, *history: dict) -> Status:
    return Status(
        step=step, steps=30, epoch=1, epochs=3, loss=0.5, accuracy=0.2, images_per_second=10.0, history=history
    )


def test_an_epoch_is_a_line() -> None:
    assert epoch_line(ROW, 3) == LINE
    without = ROW | {"validation_accuracy": None, "skipped": 2, "alarm": True}
    expected = "epoch 1/3  loss 0.500  accuracy 25.0 %  2.0 s  2 steps skipped  collapsed: back to the best epoch"
    assert epoch_line(without, 3) == expected


@pytest.mark.parametrize("terminal", [True, False])
def test_every_epoch_is_printed_once_and_stays(tmp_path: Path, terminal: bool) -> None:
    run = Run.create(tmp_path / "run", {"name": "x"})
    rows = [ROW | {"epoch": number} for number in (1, 2, 3)]
    text = io.StringIO()
    with displayed(run, 3, Console(file=text, force_terminal=terminal, width=100, force_jupyter=False)) as show:
        for step, done in ((1, 0), (11, 1), (12, 1), (21, 2), (13, 1), (22, 2)):
            show(status(step, *rows[:done]))
        run.write_history(rows)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue())
    lines = [line.strip() for line in plain.replace("\r", "\n").splitlines() if line.startswith("epoch")]
    assert lines == [LINE.replace("epoch 1", f"epoch {number}") for number in (1, 2, 2, 3)]
    assert ("training" in plain) == terminal


def test_what_was_trained_before_is_not_shown_again(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {"name": "x"})
    run.write_history([ROW])
    text = io.StringIO()
    with displayed(run, 3, Console(file=text)) as show:
        show(status(11, ROW))
        show(status(21, ROW, ROW | {"epoch": 2}))
        run.write_history([ROW, ROW | {"epoch": 2}])
    assert text.getvalue() == LINE.replace("epoch 1", "epoch 2") + "\n"


def test_fit_shows_its_epochs_and_may_be_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = ig.load_dataset("digits")
    recipe = ig.Recipe(stages=(ig.Stage(epochs=2, batch_size=256),))
    for folder, progress, count in (("shown", True, 2), ("silent", False, 0), ("counted", [].append, 0)):
        classifier = ig.load_classifier("logistic", classes=dataset.classes, size=32, channels=1)
        ig.fit(classifier, dataset, recipe, tmp_path / folder, progress=progress)
        printed = capsys.readouterr()
        assert printed.out == ""
        assert len(re.findall(r"^epoch \d/2  loss \d", printed.err, re.MULTILINE)) == count
