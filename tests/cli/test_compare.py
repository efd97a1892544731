"""`ironglass compare`: tables, thresholds and exit status."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from made_up_runs import made_up

EPS = 8 / 255


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    a = made_up(tmp_path / "a", [i >= 30 for i in range(100)], {("pgd-20", EPS): [i >= 40 for i in range(60)]})
    b = made_up(tmp_path / "b", [i >= 10 for i in range(100)], {("pgd-20", EPS): [i >= 20 for i in range(60)]})
    return a, b


def test_the_terminal_says_what_differs(call, two: tuple[Path, Path]) -> None:
    status, out, err = call("compare", *two, "--baseline", "a")
    assert (status, err) == (0, "")
    said = " ".join(out.split())
    assert "a (baseline) 70.0 %" in said
    assert "On unchanged images (100) b is right for 90.0\u202f%, a for 70.0\u202f%: +20.0 (" in out
    assert "b is better." in out
    assert f"report: {Path('runs/compare-1/report.html')}" in out


@pytest.mark.parametrize(("bound", "status"), [("0.3", 0), ("0.40", 3)])
def test_a_missed_threshold_is_exit_status_3(call, two: tuple[Path, Path], bound: str, status: int) -> None:
    text = f"robust_accuracy[pgd-20,8/255] < {bound}"
    found, out, _ = call("compare", *two, "--fail-if", text, "--fail-if", "accuracy < 0.1", "--output", "gate")
    assert found == status
    word = "missed" if status else "met"
    assert f"{word} by a: fails if {text} (robust_accuracy[pgd-20,8/255] = 0.333333)" in out
    assert f"met by b: fails if {text} (robust_accuracy[pgd-20,8/255] = 0.666667)" in out
    assert "met by b: fails if accuracy < 0.1 (accuracy = 0.9)" in out
    kept = json.loads(Path("gate/results.json").read_text("utf-8"))["runs_compared"]["thresholds"]
    assert [one["missed"] for one in kept] == [bool(status), False, False, False]


def test_json_alone_on_standard_output(call, two: tuple[Path, Path]) -> None:
    status, out, err = call("compare", *two, "--json", "--fail-if", "accuracy < 0.8")
    assert (status, err) == (3, "")
    assert json.loads(out)["results"]["runs_compared"]["runs"][1]["name"] == "b"


def test_markdown_for_a_pull_request(call, two: tuple[Path, Path], tmp_path: Path) -> None:
    status, out, err = call("compare", *two, "--markdown", "-", "--fail-if", "accuracy < 0.8")
    assert (status, err) == (3, "")
    assert "| a | 70.0\u202f% (" in out
    assert "| clean | b less a | +20.0 (" in out
    assert "- **missed** by a: fails if accuracy &lt; 0.8 (accuracy = 0.7)" in out
    status, again, _ = call("compare", *two, "--markdown", "table.md", "--fail-if", "accuracy < 0.8")
    assert Path("table.md").read_text("utf-8") == out
    assert "report: " in again


def test_markdown_holds_names_as_text(call, two: tuple[Path, Path], tmp_path: Path) -> None:
    odd = made_up(tmp_path / "<b>|x_[y](z)", [i >= 10 for i in range(100)])
    _, out, _ = call("compare", two[0], odd, "--markdown", "-")
    assert "| &lt;b>\\|x\\_\\[y\\](z) |" in out
    assert "<b>" not in out


REFUSED = {
    ("a",): "give two runs or more",
    ("a", "a"): "a is named twice",
    ("a", "nowhere"): "nowhere is not a run folder",
    ("a", "b", "--fail-if", "acuracy < 1"): "did you mean accuracy",
    ("a", "b", "--seed", "3"): "leave --seed out",
    ("a", "b", "--resume"): "leave --resume out",
    ("a", "b", "--markdown", "-", "--json"): "give --markdown a file",
    ("a", "b", "--markdown", "no/such/table.md"): "there is no folder no/such",
    ("a", "b", "--baseline", "c"): "c is not a run folder",
}


@pytest.mark.parametrize("words", REFUSED)
def test_wrong_input_is_one_line_and_status_2(call, two: tuple[Path, Path], words: tuple[str, ...]) -> None:
    status, out, err = call("compare", *words)
    assert (status, out) == (2, "")
    assert REFUSED[words] in err
    assert err.count("\n") == 1
    assert not Path("runs").exists()


def test_a_reader_that_leaves_is_no_fault(two: tuple[Path, Path]) -> None:
    words = [sys.executable, "-m", "ironglass", "compare", *map(str, two), "--output", str(two[0].parent / "piped")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (1, "")
