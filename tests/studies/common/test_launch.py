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


ATTACK = """
import sys
import ironglass as ig

def plan(model):
    return ig.Audit(
        name="attack", model=model, dataset="digits", steps=("attack",), samples=100, shown=0,
        attacks=ig.Attacks(methods=("fgsm", "pgd-2"), eps=("4/255", "16/255"), batch=16),
    )

if __name__ == "__main__":
    ig.audit(plan(sys.argv[1]), sys.argv[2], device="cpu")
"""


@pytest.mark.slow
def test_two_processes_attack_as_one(tmp_path: Path) -> None:
    import torch

    import ironglass as ig

    dataset = ig.load_dataset("digits")
    model = ig.load_classifier("logistic", classes=dataset.classes, size=dataset.size, channels=1, seed=0)
    ig.save_classifier(model, tmp_path / "model")
    (tmp_path / "attack.py").write_text(ATTACK)
    given: dict = {}
    exec(ATTACK, given)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)  # as each of the two has
        ig.audit(given["plan"](str(tmp_path / "model")), tmp_path / "one", device="cpu")
    finally:
        torch.set_num_threads(threads)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    words = [tmp_path / "attack.py", tmp_path / "model", tmp_path / "two"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([*launch, *map(str, words)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    one, two = (json.loads((tmp_path / name / "results.json").read_text())["attacks"] for name in ("one", "two"))
    assert one == two
    assert len(list((tmp_path / "two" / "adversarial").rglob("batch-*.safetensors"))) == 2 * 2 * 7
