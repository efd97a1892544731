"""A run that is killed at any moment and resumed ends in the same bits as one that was left alone."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

KILLS = 10
# as many images as it takes for a few seconds of training, saved far more often than a user would want
WORDS = ["--set", "stages.0.epochs=6", "--set", "samples=40", "--set", "shown=4", "--set", "probe_images=200"]

# Loads once all that a run needs, becomes a process of its own for each line of words; says its id, and how it ended.
PARENT = """
import json, os, sys
import gc
import torch._dynamo, torch.utils.flop_counter
import ironglass.api, ironglass.recipes
from ironglass.__main__ import main
from ironglass.train.loop import loop

loop.CHECKPOINT_SECONDS = 0.2
gc.freeze()
for line in sys.stdin:
    child = os.fork()
    if not child:
        sys.argv = ["ironglass", *json.loads(line)]
        main()
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def words(folder: Path, *more: str) -> list[str]:
    return ["run", "digits", *WORDS, "--quiet", "--output", str(folder), *more]


class Runs:
    """Runs of the same recipe, one at a time."""

    def __init__(self) -> None:
        self.parent = subprocess.Popen(
            [sys.executable, "-c", PARENT],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start(self, folder: Path, *more: str) -> int:
        """The id of a new process."""
        assert self.parent.stdin is not None
        self.parent.stdin.write(json.dumps(words(folder, *more)) + "\n")
        self.parent.stdin.flush()
        return self._said()

    def end(self) -> int:
        """Waits for the process; its exit status, negative for a signal."""
        return self._said()

    def _said(self) -> int:
        assert self.parent.stdout is not None
        return int(self.parent.stdout.readline())


@pytest.fixture
def runs() -> Iterator[Runs]:
    found = Runs()
    with found.parent:
        yield found
        os.killpg(found.parent.pid, signal.SIGKILL)  # and the run that a failed test has left


def numbers(folder: Path) -> dict:
    """Everything that was measured, without the clock."""
    results = json.loads((folder / "results.json").read_text())
    del results["training"]["seconds"]
    return results


@pytest.mark.slow
def test_killed_ten_times_and_resumed_is_bitwise_the_same(tmp_path: Path, runs: Runs) -> None:
    runs.start(tmp_path / "whole")
    started = time.monotonic()
    assert runs.end() == 0
    seconds = time.monotonic() - started
    moments, folder = random.Random(0), tmp_path / "killed"
    for _ in range(KILLS):
        process = runs.start(folder, *(["--resume"] if folder.exists() else []))
        # counted from when it has something to lose: how it starts is not what is tested
        began = time.monotonic()
        while not _ended(process) and not _new_work(folder, began) and time.monotonic() - began < 120:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, seconds / 10))
        assert not _ended(process), "it finished: give it more to do"
        os.kill(process, signal.SIGKILL)
        assert runs.end() == -signal.SIGKILL
        assert not list(folder.glob("*.json")) or all(json.loads(f.read_text()) for f in folder.glob("*.json"))
    # the last one in a fresh interpreter, which hashes words in another way
    again = [sys.executable, "-m", "ironglass", *words(folder, "--resume")]
    subprocess.run(again, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    for name in ("model.safetensors", "predictions.csv", "samples.json", "samples.safetensors", "model_summary.txt"):
        ours, theirs = ((tmp_path / run / name).read_bytes() for run in ("killed", "whole"))
        assert ours == theirs, name
    assert numbers(folder) == numbers(tmp_path / "whole")
    assert not list(folder.rglob("*.part"))
    assert (folder / "report.html").is_file()


def _ended(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def _new_work(folder: Path, since: float) -> bool:
    """Whether the process has written anything since it began."""
    border = time.time() - (time.monotonic() - since)
    return any(path.stat().st_mtime > border for path in folder.glob("checkpoint/*")) or (
        (folder / "results.json").is_file() and (folder / "results.json").stat().st_mtime > border
    )


@pytest.mark.slow
def test_ctrl_c_leaves_with_130_and_a_way_back(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    words = ["run", "digits", "--set", "stages.0.epochs=200", "--quiet", "--output", str(folder)]
    process = subprocess.Popen([sys.executable, "-m", "ironglass", *words], env=environment, stderr=subprocess.PIPE)
    while not (folder / "checkpoint" / "state.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint.decode().strip() == ("ironglass: interrupted; the same command with --resume goes on from here")
