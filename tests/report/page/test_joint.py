"""One page of several runs of one model."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ironglass.cli.main import _status
from ironglass.errors import InputError
from ironglass.report.page.joint import write_joint_report
from ironglass.run import Run


@pytest.fixture
def make(tmp_path: Path, two_classes: Run, attacked: Run) -> Callable[..., Path]:
    """A run folder of that name with these sections of results.json, and these weights."""
    known = attacked.results | two_classes.results

    def build(name: str, *steps: str, weights: bytes | None = b"the same", **results: Any) -> Path:
        run = Run.create(tmp_path / name, {"name": name})
        for step in steps:
            run.record(step, known[step] | results.get(step, {}))
        if weights is not None:
            with run.atomic(run.path / "model.safetensors") as path:
                path.write_bytes(weights)
        return run.path

    return build


@pytest.fixture
def trained(make: Callable[..., Path]) -> Path:
    return make("trained", "model", "evaluation", "occlusion")


@pytest.fixture
def attacked_alone(make: Callable[..., Path]) -> Path:
    return make("attack-1", "evaluation", "attacks", evaluation={"loss": 7.125})


def test_sections_of_all_runs_stand_on_one_page_and_say_whose_they_are(
    trained: Path, attacked_alone: Path, tmp_path: Path
):
    page = write_joint_report([trained, attacked_alone], tmp_path / "whole")
    assert page == tmp_path / "whole" / "report.html"
    text = " ".join(page.read_text(encoding="utf-8").split())
    order = [text.index(f'<section id="{key}"') for key in ("model", "evaluation", "occlusion", "attacks", "making")]
    assert order == sorted(order)
    names = [trained.name, attacked_alone.name]
    assert f"From the run {names[0]}." in text[text.index('<section id="occlusion"') :]
    assert f"From the run {names[1]}. {names[0]} measured the same before: this, the later, stands." in text
    assert "mean loss 7.125 nats" in text, "that of the later run"
    assert "Worst case, eps" in text[: text.index("<nav")], "numbers of both are on the first screen"
    assert "Worst patch position" in text[: text.index("<nav")]
    assert "accuracy under a covering patch (the run" not in text
    assert {path.stem for path in (tmp_path / "whole" / "figures").iterdir()} >= {"confusion", "occlusion", "attacks"}
    again = page.read_bytes()
    assert write_joint_report([trained, attacked_alone], tmp_path / "whole").read_bytes() == again
    write_joint_report([trained, attacked_alone], tmp_path / "pdf", pdf=True)
    pdf = tmp_path / "pdf" / "figures" / "confusion.pdf"
    assert {path.name for path in pdf.parent.iterdir()} >= {"confusion.pdf", "attacks.pdf"}
    pdf.write_bytes(b"of an older page")
    write_joint_report([trained, attacked_alone], tmp_path / "pdf")
    assert pdf.read_bytes().startswith(b"%PDF-")


def test_the_order_of_the_runs_decides_which_stands(trained: Path, attacked_alone: Path, tmp_path: Path):
    text = write_joint_report([attacked_alone, trained], tmp_path / "whole").read_text(encoding="utf-8")
    assert "mean loss 7.125 nats" not in text


def test_links_lead_from_the_page_into_the_runs(trained: Path, attacked_alone: Path, tmp_path: Path):
    page = write_joint_report([trained, attacked_alone], tmp_path / "deep" / "whole")
    text = page.read_text(encoding="utf-8")
    links = [
        part.partition('"')[0] for part in text[text.index('<dl class="facts files">') :].split('<dt><a href="')[1:]
    ]
    assert len(links) > 3
    assert all((page.parent / link).exists() for link in links)


def test_what_cannot_share_a_page_is_refused_by_name(
    trained: Path, make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    other = make("other", "evaluation", weights=b"others")
    bare = make("bare", "evaluation", weights=None)
    used = tmp_path / "used"
    used.mkdir()
    (used / "thesis.tex").touch()
    same = make("same", "evaluation")
    for runs, folder, words in (
        ([trained, other], tmp_path / "new", f"{trained} and {other} are of other weights"),
        ([trained, bare], tmp_path / "new", f"{bare} has no model.safetensors"),
        ([trained, trained], tmp_path / "new", "is named twice"),
        ([trained], tmp_path / "new", "two or more"),
        ([trained, same], used, f"{used} is in use"),
    ):
        with pytest.raises(InputError) as raised:
            write_joint_report(runs, folder)
        assert words in str(raised.value)
    assert not (tmp_path / "new").exists()
    assert [path.name for path in used.iterdir()] == ["thesis.tex"]
    for words, said in (((trained, other), "other weights"), ((trained,), "leave --output out")):
        monkeypatch.setattr(sys, "argv", ["ironglass", "report", *map(str, words), "--output", str(tmp_path / "new")])
        assert _status() == 2
        assert said in capsys.readouterr().err


def test_the_command_writes_the_page_and_prints_its_path(
    trained: Path, attacked_alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ironglass", "report", trained.name, attacked_alone.name, "--json"])
    assert _status() == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["report"] == "runs/report-1/report.html"
    assert (tmp_path / printed["report"]).is_file()


def test_changed_weights_are_refused(trained: Path, attacked_alone: Path, tmp_path: Path):
    (attacked_alone / "model.safetensors").write_bytes(b"changed")
    with pytest.raises(InputError, match="is not as it was written"):
        write_joint_report([trained, attacked_alone], tmp_path / "new")
