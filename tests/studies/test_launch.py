"""The same run in two processes on this machine, over the loopback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_two_processes_train_one_model(tmp_path: Path) -> None:
    words = [
        "train",
        "simple-cnn",
        "digits",
        "--epochs",
        "2",
        "--device",
        "cpu",
        "--json",
        "--output",
        str(tmp_path / "run"),
    ]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone", "-m", "ironglass"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([*launch, *words], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)  # one process speaks, or this would be no JSON
    assert found["results"]["evaluation"]["accuracy"]["value"] > 0.9
    [first, second] = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    assert second["train_loss"] < first["train_loss"]
    assert [first["best"], second["best"]].count(True) == 1
