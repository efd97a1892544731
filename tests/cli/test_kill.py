"""A run that is killed at any moment and resumed ends in the same bits as one that was left alone."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

KILLS = 10
# as many images as it takes for a few seconds of training, saved far more often than a user would want
WORDS = ["--set", "stages.0.epochs=6", "--set", "samples=40", "--set", "shown=4", "--set", "probe_images=200"]
PROGRAM = "import ironglass.train.loop as loop; loop.CHECKPOINT_SECONDS = 0.2; from ironglass.cli import main; main()"


def command(folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, "run", "digits", *WORDS, "--quiet", "--output", str(folder), *more]


def numbers(folder: Path) -> dict:
    """Everything that was measured, without the clock."""
    results = json.loads((folder / "results.json").read_text())
    del results["training"]["seconds"]
    return results


@pytest.mark.slow
def test_killed_ten_times_and_resumed_is_bitwise_the_same(tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    started = time.monotonic()
    subprocess.run(command(tmp_path / "whole"), check=True, env=environment)
    seconds = time.monotonic() - started
    moments, killed = random.Random(0), 0
    folder = tmp_path / "killed"
    while killed < KILLS:
        resume = ["--resume"] if folder.exists() else []
        process = subprocess.Popen(command(folder, *resume), env=environment)
        # counted from when it has something to lose: loading torch is not what is tested
        began = time.monotonic()
        while process.poll() is None and not _new_work(folder, began) and time.monotonic() - began < 120:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, seconds / 10))
        assert process.poll() is None, f"it finished after {killed} kills: give it more to do"
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += 1
        assert not list(folder.glob("*.json")) or all(json.loads(f.read_text()) for f in folder.glob("*.json"))
    subprocess.run(command(folder, "--resume"), check=True, env=environment)
    for name in ("model.safetensors", "predictions.csv", "samples.json", "samples.safetensors", "model_summary.txt"):
        ours, theirs = ((tmp_path / run / name).read_bytes() for run in ("killed", "whole"))
        assert ours == theirs, name
    assert numbers(folder) == numbers(tmp_path / "whole")
    assert not list(folder.rglob("*.part"))
    assert (folder / "report.html").is_file()


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
