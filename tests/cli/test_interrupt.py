"""Ctrl-C at any moment: one line, status 130, no traceback, nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ironglass.cli import interrupt

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="tells moments and children by /proc")
SWEEP = """
from ironglass import Audit, Stage
from ironglass.plans.sweep import Sweep

TRIAL = Audit(name="s", dataset={photos!r}, model="logistic", steps=("train", "evaluate"),
              stages=(Stage(epochs=200000),))
RECIPE = Sweep(trial=TRIAL, vary={{"seed": (0, 1)}})
"""


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ironglass", *map(str, words)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a suite that a shell has started in the background ignores Ctrl-C, and so would what it starts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_until(process: subprocess.Popen[str], there: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def loaded(process: subprocess.Popen[str], library: str) -> Callable[[], bool]:
    """Whether the process has that library in memory: a moment within its imports."""
    return lambda: library in Path(f"/proc/{process.pid}/maps").read_text()


def children(process: int) -> list[int]:
    """Those that a process has started, and those that they have."""
    try:
        mine = [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return [*mine, *(one for child in mine for one in children(child))]


def ended(process: subprocess.Popen[str]) -> str:
    """What is said by a process that is interrupted as by a terminal; it and those it started are gone soon."""
    started = children(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    out, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert out == ""
    lines = said.splitlines()
    assert len(lines) == 1, said
    end = time.monotonic() + 20
    while left := [one for one in started if Path(f"/proc/{one}").exists()]:
        assert time.monotonic() < end, left
        time.sleep(0.05)
    return lines[0]


@pytest.mark.parametrize("library", ["_ssl", "libtorch_cpu", "libtorch_python"])
def test_while_modules_are_imported(tmp_path: Path, library: str) -> None:
    process = start("train", "logistic", "digits", "--epochs", 5000, "--quiet", "--output", tmp_path / "run")
    try:
        wait_until(process, loaded(process, library))
        assert ended(process) == "ironglass: interrupted before anything was written"
    finally:
        process.kill()
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["children start", "children train"])
def test_in_a_sweep_with_children(tmp_path: Path, photos: Path, moment: str) -> None:
    (tmp_path / "recipe.py").write_text(SWEEP.format(photos=str(photos)))
    folder = tmp_path / "run"
    words = ["run", tmp_path / "recipe.py", "--jobs", 2, "--quiet", "--output", folder]
    process = start(*words)
    try:
        trained = "trials/*/checkpoint/state.safetensors"
        wait_until(process, lambda: (folder / "data.json").exists())
        if moment == "children train":
            wait_until(process, lambda: len([*folder.glob(trained)]) == 2)
        assert ended(process) == "ironglass: interrupted; the same command with --resume goes on from here"
    finally:
        process.kill()
    assert not list(folder.rglob("*.lock"))
    assert not list(folder.rglob("*.part"))
    again = start(*words, "--resume")
    try:
        wait_until(again, lambda: (folder / ".ironglass.lock").exists() and len([*folder.glob(trained)]) == 2)
        ended(again)
    finally:
        again.kill()


def test_two_processes_do_not_write_one_folder(tmp_path: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    folder = tmp_path / "run"
    words = ["train", "logistic", "digits", "--only", "3,7", "--epochs", 20_000, "--quiet", "--output", folder]
    process = start(*words)
    try:
        wait_until(process, lambda: (folder / "checkpoint" / "state.safetensors").exists())
        for other in (words, [*words, "--resume"], ["report", folder]):
            status, _, said = call(*other)
            assert status == 2
            assert f"is being written by process {process.pid} on " in said
            assert len(said.splitlines()) == 1
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
    process.communicate()
    status, _, said = call("report", folder)  # which the killed one's lock does not hold up
    assert (status, said) == (0, "")


@pytest.mark.parametrize("after", [0, 3, 6, 9, 12])
def test_a_full_disk_is_one_line_and_what_is_finished_stays(
    tmp_path: Path, call: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    words = ["train", "logistic", "digits", "--only", "3,7", "--epochs", 1, "--quiet", "--output", tmp_path / "run"]
    left = [after]

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        status, out, said = call(*words)
    assert status == 2
    assert "No space left on device" in said
    assert len(said.splitlines()) == 1
    assert out == ""
    assert not list(tmp_path.rglob("*.part"))
    assert not list(tmp_path.rglob("*.lock"))
    if (tmp_path / "run").exists():
        words.append("--resume")
    status, _, said = call(*words)
    assert (status, said) == (0, "")
    assert (tmp_path / "run" / "report.html").exists()


def test_what_a_library_swallows_is_raised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGINT), sys.unraisablehook
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interrupt.watch_for_ctrl_c()
        monkeypatch.setattr(interrupt, "_was_interrupted", False)
        interrupt.check_interrupted()
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        except BaseException:
            pass
        assert interrupt.interrupted()
        with pytest.raises(KeyboardInterrupt):
            interrupt.check_interrupted()
        interrupt.ignore_ctrl_c()
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before[0])
        sys.unraisablehook = before[1]


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupt.watch_for_ctrl_c()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
