"""The attack step: the same bits whoever does which part of it, and whatever kills it."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ironglass.attacks import ATTACKS, L2, PGD, Linf
from ironglass.data.dataset import Split
from ironglass.data.load import load_dataset
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.plans.attacks import Attacks as Plan
from ironglass.plans.audit import Audit
from ironglass.run import Run
from ironglass.studies.common.draws import generator
from ironglass.studies.common.processes import Processes
from ironglass.studies.steps.attack.attack_list import Attacks
from ironglass.studies.steps.attack.batch_files import tag
from ironglass.studies.steps.attack.results import write_results
from ironglass.studies.steps.attack.run import check_attacks, run_share

CLASSES = ("cat", "dog", "../fox")
NAMES = ("fgsm", "pgd-3", "square-20")


def make(**fields: object) -> Attacks:
    """A step on 40 random images of 4×4 pixels in 3 batches, and a small network of fixed weights."""
    random = np.random.default_rng(0)
    labels = np.arange(40) % 3
    pixels = random.integers(0, 256, (40, 4, 4, 3), dtype=np.uint8)
    split = Split(pixels, labels, tuple(f"{CLASSES[label]}/{i}.jpg" for i, label in enumerate(labels)))
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 16), nn.ReLU(), nn.Linear(16, 3))
    classifier = Classifier(network, mean=(0.5,) * 3, std=(0.25,) * 3, classes=CLASSES, input_size=4)
    with torch.no_grad():  # what it says counts as true for most
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        labels[:30] = classifier(images).argmax(1)[:30]
    attacks = replace(Plan(methods=NAMES, eps=(4 / 255, 0.03), batch=16), **fields)
    return Attacks(Audit(name="mine", model="mine", dataset="drawn", attacks=attacks), classifier, split)


def do(attacks: Attacks, folder: Path, *ranks: tuple[int, int]) -> dict:
    run = Run(folder)
    for rank, count in ranks or ((0, 1),):
        run_share(run, attacks, Processes(rank, count), lambda what, done, of, detail: None)
    write_results(run, attacks, split_name="test")
    return run.results["attacks"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    do(make(), folder)
    return folder


def test_the_numbers_are_those_of_the_files(whole: Path) -> None:
    found = json.loads((whole / "results.json").read_text())["attacks"]
    attacks = make()
    assert [entry["name"] for entry in found["attacks"]] == list(NAMES)
    assert (found["norm"], found["n"], found["split"], found["batch"]) == ("linf", 40, "test", 16)
    worst = {eps: np.ones(40, dtype=bool) for eps in found["eps"]}
    clean = attacks.classifier(attacks.split[:][0]).argmax(1).numpy() == attacks.split.labels
    assert found["clean"]["value"] == clean.mean()
    for entry in found["attacks"]:
        for point in entry["points"]:
            parts = [load_file(path) for path in sorted((whole / point["folder"]).glob("*.safetensors"))]
            batch = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
            images, labels = attacks.split[:]
            assert batch["images"].dtype == torch.float32
            assert Linf(point["eps"]).allows(images, batch["images"]).all()
            assert torch.equal(batch["labels"], labels)
            fresh = attacks.classifier(batch["images"])
            assert torch.equal(batch["predictions"], fresh.argmax(1))
            torch.testing.assert_close(batch["logits"], fresh.detach())
            right = (fresh.argmax(1) == labels).numpy()
            assert point["accuracy"]["value"] == right.mean()
            assert point["fooled"]["value"] == (clean & ~right).sum() / clean.sum()
            worst[point["eps"]] &= right
            torch.testing.assert_close(batch["linf"], (batch["images"] - images).abs().flatten(1).amax(1))
    assert [point["accuracy"]["value"] for point in found["worst"]] == [right.mean() for right in worst.values()]
    assert found["worst"][-1]["accuracy"]["value"] < found["clean"]["value"]
    rows = pq.read_table(whole / "per_image" / "attacks.parquet")
    assert rows.num_rows == 3 * 2 * 40
    assert set(rows["condition"].to_pylist()) == set(NAMES)
    assert [entry["label"] for entry in found["attacks"]] == ["FGSM", "PGD, 3 steps", "Square, 20 queries"]
    assert {probe["kind"] for probe in found["probes"]} == {"grey", "noise", "longer"}


def test_an_attack_draws_from_seed_batch_and_name_alone(whole: Path) -> None:
    attacks = make()
    images, labels = attacks.split[16:32]
    expected = PGD(threat=Linf(4 / 255), steps=3, leave=True)(
        attacks.classifier,
        images.contiguous(memory_format=torch.channels_last),
        labels,
        generator=generator(0, 1, "pgd-3"),
    )
    found = load_file(whole / "adversarial" / "pgd-3" / "linf-4_255" / "batch-00001.safetensors")
    torch.testing.assert_close(found["images"], expected, rtol=0, atol=1e-6)
    draws = {
        tuple(torch.rand(2, generator=generator(*given)).tolist())
        for given in ((0, 1, "a"), (0, 2, "a"), (1, 1, "a"), (0, 1, "b"))
    }
    assert len(draws) == 4


def test_shares_add_up_to_the_same_files(whole: Path, tmp_path: Path) -> None:
    do(make(), tmp_path, (1, 2), (0, 2))
    assert contents(tmp_path) == contents(whole)


def test_a_share_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"batch-00001.*not there.*--resume"):
        do(make(methods=("fgsm",)), tmp_path, (0, 2))


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import ironglass.studies.steps.attack.batch_files as files
from test_run import do, make
written = []
def save(tensors):
    written.append(tensors)
    if len(written) == 9:  # in the middle of a batch, its PNGs written and its file begun
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(tensors)
plain, files.save = files.save, save
from pathlib import Path
do(make(), Path(sys.argv[2]))
"""


def test_killed_and_resumed_is_bitwise_the_same(whole: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(tmp_path)]
    assert subprocess.run(words, env=dict(os.environ)).returncode == -signal.SIGKILL
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    assert len(kept) == 8
    do(make(), tmp_path)
    assert contents(tmp_path) == contents(whole)
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())  # nothing done twice


def test_the_png_are_a_data_set_for_others(whole: Path) -> None:
    from torchvision.datasets import ImageFolder

    folder = whole / "adversarial" / "pgd-3" / "linf-0.0300"
    meta = json.loads((folder / "metadata.json").read_text())
    theirs = ImageFolder(str(folder / "png"))
    assert [meta["classes"][name] for name in theirs.classes] == ["../fox", "cat", "dog"]
    attacks, (images, labels) = make(), make().split[:]
    place = {name: i for i, name in enumerate(attacks.split.names)}
    pixels, right = torch.zeros_like(images), 0
    for number, (path, which) in enumerate(theirs.samples):
        i = place[meta["images"][str(Path(path).relative_to(folder / "png"))]]
        assert CLASSES[labels[i]] == meta["classes"][theirs.classes[which]]
        pixels[i] = torch.from_numpy(np.array(theirs[number][0])).permute(2, 0, 1).float() / 255
    assert (pixels - images).abs().max() <= 0.03 + 1e-6
    right = (attacks.classifier(pixels).argmax(1) == labels).double().mean().item()
    found = json.loads((whole / "results.json").read_text())["attacks"]["attacks"][1]["points"]
    assert right == next(p["png_accuracy"]["value"] for p in found if p["eps"] == 0.03) == meta["png_accuracy"]["value"]
    ours = load_dataset(f"folder:{folder / 'png'}")
    assert sum(len(split) for split in ours.splits.values()) == 40
    assert "load_dataset" in (folder / "README.md").read_text()


def test_l2_with_an_eps_above_1(tmp_path: Path) -> None:
    attacks = make(methods=("pgd-3", "deepfool-3"), norm="l2", eps=(0.5, 1.5))
    found = do(attacks, tmp_path)
    images, _ = attacks.split[:16]
    for entry in found["attacks"]:
        for point in entry["points"]:
            assert f"{entry['name']}/l2-{point['eps']:.4f}" in point["folder"]
            batch = load_file(tmp_path / point["folder"] / "batch-00000.safetensors")
            assert L2(point["eps"]).allows(images, batch["images"]).all()
    assert found["worst"][-1]["accuracy"]["value"] < found["clean"]["value"]


def test_tags() -> None:
    assert [tag("linf", eps) for eps in (4 / 255, 0.03, 1.0, 1 / 7)] == [
        "linf-4_255", "linf-0.0300", "linf-255_255", "linf-0.14285714285714285"]  # fmt: skip
    assert tag("l2", 1.0) == "l2-1.0000"


def test_too_few_classes_are_found_before_the_work() -> None:
    check_attacks(make(methods=tuple(name for name in ATTACKS if name != "apgd-t")).plan, make().classifier)
    with pytest.raises(InputError, match=r"^apgd-t-5: .* needs 4 classes and the classifier has 3"):
        check_attacks(make(methods=("apgd-t-5",)).plan, make().classifier)


def test_an_ensemble_says_which_it_is_and_what_fooled(tmp_path: Path) -> None:
    found = do(make(methods=("ensemble-2",), eps=(0.5,)), tmp_path)
    [entry] = found["attacks"]
    assert "margin-loss variant of AutoAttack (3 classes" in entry["label"]
    assert entry["settings"] == {"steps": 2, "queries": 5000}
    [point] = entry["points"]
    batch = load_file(tmp_path / point["folder"] / "batch-00000.safetensors")
    fooled = batch["predictions"] != batch["labels"]
    assert torch.equal(batch["fooled_by"] >= 0, fooled)
    assert (batch["linf"][batch["fooled_by"] == 0] == 0).all()  # misread as they were
