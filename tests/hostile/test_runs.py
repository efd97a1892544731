"""Run folders that somebody else has written into: each ends in one line, or in a page that says what is amiss."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from ironglass.report.page import page as page_module
from ironglass.report.page.page import write_report
from ironglass.results.versions import sections_of, with_counts
from ironglass.run import Run

OLD = "<p>the page of yesterday</p>"
DEEP = "[" * 100_000
JSON = (
    "results.json",
    "recipe.json",
    "data.json",
    "environment.json",
    "samples.json",
    "explained.json",
    "failures.json",
)
TEXT: dict[str, str | bytes] = {
    "empty": "",
    "a cut": '{"evaluation": {"accu',
    "no UTF-8": b"\xff\xfe\x00{",
    "zeros": bytes(200),
    "a list": "[]",
    "null": "null",
    "a number": "7",
    "a string": '"text"',
    "NaN": '{"model": {"parameters": NaN}, "seed": NaN}',
    "infinity": '{"model": {"parameters": -Infinity}, "seed": 1e999}',
    "a huge number": json.dumps({"model": {"parameters": 10**400}, "seed": 10**400}),
    "too deep": DEEP,
    "deep objects": '{"a":' * 50_000,
    "twice": "{}{}",
}
SAFETENSORS = ("samples.safetensors", "explained.safetensors", "failures.safetensors")
TENSORS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:500]),
    "a huge header": lambda path: path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:]),
    "no header": lambda path: path.write_bytes(b"\x02" + bytes(7) + b"[]"),
    "other keys": lambda path: save_file({"something": np.zeros(3, np.float32)}, path),
    "other shapes": lambda path: save_file(
        {name: np.zeros((1,), np.float32) for name in ("images", "clean/images", "clean/maps/saliency")}, path
    ),
    "other types": lambda path: save_file({"images": np.zeros((2, 8, 8, 1), np.int64)}, path),
    "Parquet": lambda path: pq.write_table(pa.table({"images": [1]}), path),
}
HISTORY: dict[str, str | bytes] = {
    "cut": '{"stage": 0, "sta',
    "lists": "[]\n[]\n",
    "another thing": '{"epoch": 1}\n',
    "words": '{"stage": 0, "epoch": 1, "train_loss": "low", "train_accuracy": 0.5, "validation_loss": 1,'
    ' "validation_accuracy": 0.5}\n',
    "an accuracy of 7": '{"stage": 0, "epoch": 1, "train_loss": 1, "train_accuracy": 7, "validation_loss": 1,'
    ' "validation_accuracy": 0.5}\n',
    "NaN": '{"stage": 0, "epoch": 1, "train_loss": NaN}\n',
    "no UTF-8": b"\xff\xfe",
    "zeros": bytes(64),
    "too deep": DEEP,
}
PLACES: dict[str, Callable[[Path], object]] = {
    "a folder": lambda path: path.mkdir(),
    "a FIFO": lambda path: os.mkfifo(path),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has trained, explained and attacked, and has a report."""
    from ironglass.api import audit
    from ironglass.plans.attacks import Attacks
    from ironglass.plans.audit import Audit
    from ironglass.plans.explanation import Explained
    from ironglass.train.recipe import Stage

    folder = tmp_path_factory.mktemp("made") / "run"
    plan = Audit(
        name="made", dataset="digits", model="simple-cnn", only=("3", "7"),
        steps=("train", "evaluate", "explain", "attack"), stages=(Stage(epochs=1),), samples=8, shown=2,
        attacks=Attacks(methods=("fgsm",), eps=(8 / 255,)), explained=Explained(methods=("saliency",), quality=0),
    )  # fmt: skip
    audit(plan, folder)
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(made, tmp_path / "run"))
    (folder / "report.html").write_text(OLD)
    return folder


@pytest.fixture
def unlisted(run: Path) -> Path:
    """The same as an older version would have left it, so that nothing is known of its files."""
    (run / "checksums.b2").unlink()
    return run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its charts a page takes a tenth of the time."""
    monkeypatch.setattr(page_module, "chart_list", lambda source, facts: {})
    monkeypatch.setattr(page_module, "sheets", lambda samples: {})


def put(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def reported(ends_well: Callable[..., Any], folder: Path) -> str:
    """The one line that refuses, with the old page still there, or "" where there is a page that says what is amiss."""
    outcome = ends_well(lambda: write_report(Run(folder)).read_text())
    page = (folder / "report.html").read_text()
    if outcome.refused is None:
        assert 'class="caution"' in page, "a page that looks whole"
        return ""
    assert page == OLD, "the old page is lost"
    assert str(folder) in outcome.refused or folder.name in outcome.refused
    return outcome.refused


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", TEXT)
@pytest.mark.parametrize("name", JSON)
def test_json_of_another_kind(ends_well: Callable[..., Any], unlisted: Path, name: str, how: str) -> None:
    put(unlisted / name, TEXT[how])
    said = reported(ends_well, unlisted)
    assert not said or name in said
    assert said or how in ("null", "twice", "a huge number", "infinity", "NaN") or name.startswith(("samp", "expl"))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", TENSORS)
@pytest.mark.parametrize("name", SAFETENSORS)
def test_tensors_of_another_kind(ends_well: Callable[..., Any], unlisted: Path, name: str, how: str) -> None:
    TENSORS[how](unlisted / name)
    assert name in reported(ends_well, unlisted)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", HISTORY)
def test_history_of_another_kind(ends_well: Callable[..., Any], unlisted: Path, how: str) -> None:
    put(unlisted / "history.jsonl", HISTORY[how])
    assert "history.jsonl" in reported(ends_well, unlisted)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", PLACES)
@pytest.mark.parametrize("name", [*JSON, "history.jsonl", "model_summary.txt", *SAFETENSORS])
def test_no_file_in_a_files_place(ends_well: Callable[..., Any], unlisted: Path, name: str, how: str) -> None:
    (unlisted / name).unlink()
    PLACES[how](unlisted / name)
    assert name in reported(ends_well, unlisted)


@pytest.mark.usefixtures("quick")
def test_a_summary_that_is_no_text(ends_well: Callable[..., Any], unlisted: Path) -> None:
    put(unlisted / "model_summary.txt", b"\xff\xfe")
    assert "model_summary.txt" in reported(ends_well, unlisted)


def entries(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every entry of a JSON value."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from entries(part, (*path, key))


INSTEAD: tuple[Any, ...] = (None, "text", [], {}, -1, 7, 10**19, True, [[]], {"value": "x"}, "absent")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("seed", range(60))
def test_any_entry_replaced_or_taken_out(ends_well: Callable[..., Any], unlisted: Path, seed: int) -> None:
    draw = random.Random(seed)
    name = draw.choice(["results.json"] * 4 + ["data.json", "environment.json", "samples.json", "explained.json"])
    value = json.loads((unlisted / name).read_text())
    *path, last = draw.choice(list(entries(value)))
    inner = value
    for key in path:
        inner = inner[key]
    instead = draw.choice(INSTEAD)
    if instead == "absent":
        del inner[last]
    else:
        inner[last] = instead
    put(unlisted / name, json.dumps(value))
    said = reported(ends_well, unlisted)
    assert not said or "json" in said or "safetensors" in said


RATES: dict[str, dict[str, Any]] = {
    "above one": {"value": 7.5, "low": 7.0, "high": 8.0, "n": 10},
    "below nought": {"value": -0.5, "low": -0.6, "high": -0.4, "n": 10},
    "outside its interval": {"value": 0.99, "low": 0.1, "high": 0.2, "n": 10},
    "a string": {"value": "0.9", "low": 0.8, "high": 1.0, "n": 10},
    "true": {"value": True, "low": 0.8, "high": 1.0, "n": 10},
    "of no images": {"value": 0.9, "low": 0.8, "high": 1.0},
    "of minus ten": {"value": 0.9, "low": 0.8, "high": 1.0, "n": -10},
    "of half an image": {"value": 0.9, "low": 0.8, "high": 1.0, "n": 0.5},
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", RATES)
def test_a_rate_that_is_none(ends_well: Callable[..., Any], unlisted: Path, how: str) -> None:
    results = json.loads((unlisted / "results.json").read_text())
    results["evaluation"]["accuracy"] = RATES[how]
    put(unlisted / "results.json", json.dumps(results))
    assert "evaluation.accuracy" in reported(ends_well, unlisted)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", [*JSON, "history.jsonl", "model_summary.txt", *SAFETENSORS])
def test_in_a_run_with_checksums_one_byte_is_enough(ends_well: Callable[..., Any], run: Path, name: str) -> None:
    whole = (run / name).read_bytes()
    for place in (len(whole) // 2, len(whole) - 1):
        put(run / name, whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        said = reported(ends_well, run)
        assert f"{name} is not" in said  # as it was written, or valid JSON
    (run / name).unlink()
    if name == "results.json":
        assert "results.json is gone" in reported(ends_well, run)
    elif name != "recipe.json":
        assert reported(ends_well, run) == ""
        assert f"gone: {name}" in (run / "report.html").read_text()


def test_an_edited_number_is_found(ends_well: Callable[..., Any], run: Path) -> None:
    results = json.loads((run / "results.json").read_text())
    results["evaluation"]["accuracy"]["value"] = results["evaluation"]["accuracy"]["high"]
    put(run / "results.json", json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    assert "results.json is not as it was written" in reported(ends_well, run)


def test_a_whole_run_is_a_page_without_a_caution(run: Path, unlisted: Path, made: Path) -> None:
    assert 'class="caution"' in write_report(Run(unlisted)).read_text()
    assert 'class="caution"' not in (made / "report.html").read_text()


@pytest.mark.usefixtures("quick")
def test_no_verdict_is_never_a_trusted_one(unlisted: Path) -> None:
    whole = write_report(Run(unlisted)).read_text()
    results = json.loads((unlisted / "results.json").read_text())
    for point in (*results["attacks"]["worst"], *(p for row in results["attacks"]["attacks"] for p in row["points"])):
        point["verdict"] = None
    put(unlisted / "results.json", json.dumps(with_counts(sections_of(results))))
    page = write_report(Run(unlisted)).read_text()
    assert page.count("not judged") > whole.count("not judged")
    assert 'class="verdict trusted"' not in page
    assert "No check found a reason" not in page


def test_every_key_of_an_audit_counts(made: Path, refuses_every_change: Callable[[Path], int]) -> None:
    assert refuses_every_change(made) > 150


def without(run: Path, *keys: str | int) -> None:
    """Takes one key out of results.json."""
    results = json.loads((run / "results.json").read_text())
    inner = results
    for key in keys[:-1]:
        inner = inner[key]
    del inner[keys[-1]]
    put(run / "results.json", json.dumps(results))


@pytest.mark.usefixtures("quick")
def test_a_file_of_an_older_version_is_read_and_called_so(unlisted: Path) -> None:
    put(unlisted / "results.json", json.dumps(sections_of(json.loads((unlisted / "results.json").read_text()))))
    assert "an older version" in write_report(Run(unlisted)).read_text()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda run: without(run, "attacks", "worst", 0, "verdict"), "attacks.worst.0.verdict is missing"),
        (lambda run: without(run, "model", "parameters"), "model.parameters is missing"),
        (lambda run: without(run, "evaluation"), "evaluation is missing"),
        (lambda run: put(run / "results.json", "[]"), "results.json"),
        (lambda run: put(run / "recipe.json", "[]"), "recipe.json"),
        (lambda run: (run / "recipe.json").unlink(), "not a run folder"),
        (lambda run: put(run / "history.jsonl", '{"stage": 0, "sta'), "history.jsonl"),
        (lambda run: put(run / "model_summary.txt", b"\xff\xfe"), "model_summary.txt"),
        (lambda run: shutil.rmtree(run), "not a run folder"),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_the_command_line_says_one_line_and_status_2(
    ends_well: Callable[..., Any], run: Path, spoil: Callable[[Path], object], says: str, listed: bool
) -> None:
    from ironglass.cli.main import _status

    if not listed:
        (run / "checksums.b2").unlink()
    spoil(run)

    def work() -> int:
        sys.argv = ["ironglass", "report", str(run)]
        return _status()

    outcome = ends_well(work)
    says = says if not listed or "missing" not in says else "results.json is not as it was written"
    assert outcome.value == 2
    assert outcome.output.count("\n") == 1
    assert outcome.output.startswith("ironglass: ")
    assert says in outcome.output
