"""The published hardenings, in small: the same code from the recipe to the run folder, on a few hundred images."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from ironglass.api import audit, transfer
from ironglass.models.loading.load import load_classifier
from ironglass.plans.audit import Audit
from ironglass.plans.hardening import Hardening
from ironglass.plans.transfer import Transfer
from ironglass.recipes import RECIPES
from ironglass.run import Run
from ironglass.train.recipe import Stage


@pytest.fixture
def some(shared_data: Path, tmp_path: Path) -> Callable[..., str]:
    """The first images of a shared data set, in the same layout, their column named as on the hub."""

    def write(name: str, train: int, test: int, image: str = "image") -> str:
        folder = tmp_path / name
        folder.mkdir()
        for split, count in (("train", train), ("test", test)):
            table = pq.read_table(shared_data / name / f"{split}-00000-of-00001.parquet").slice(0, count)
            known = {
                key: value.replace(b'"image"', f'"{image}"'.encode()) for key, value in table.schema.metadata.items()
            }
            table = table.rename_columns([image, "label"]).replace_schema_metadata(known)
            pq.write_table(table, folder / f"{split}.parquet")
        return str(folder)

    return write


def recipe(name: str) -> Hardening:
    found = RECIPES[name]
    assert isinstance(found, Hardening)
    return found


def shortened(stages: tuple[Stage, ...], **fields: int) -> tuple[Stage, ...]:
    return tuple(replace(stage, **({"epochs": 1, "batch_size": 32} | fields)) for stage in stages)


def hardened(name: str, data: str, folder: Path, **fields: object) -> Run:
    """What the recipe's own stages, an epoch each, make of a few images."""
    plan = recipe(name).after
    known = {"dataset": data, "stages": shortened(plan.stages), "steps": ("train",)}
    return audit(replace(plan, **(known | fields)), folder)


def test_threes_and_sevens(some, tmp_path: Path) -> None:
    small = {"samples": 30, "shown": 2, "steps": ("train", "attack")}
    small["attacks"] = replace(RECIPES["mnist-3v7"].after.attacks, methods=("fgsm", "pgd-20"))
    run = hardened("mnist-3v7", some("mnist", 600, 200), tmp_path / "run", **small)
    assert run.read("data.json")["classes"] == ["3", "7"]
    measured = run.results["attacks"]
    assert measured["clean"]["value"] > 0.8
    (fgsm,), (pgd,) = (attack["points"] for attack in measured["attacks"])
    assert (
        fgsm["accuracy"] == pgd["accuracy"] == measured["worst"][0]["accuracy"]
    )  # of a linear network one step is all
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Weights of the linear network" in page
    assert "Here a change of 0.25 moves the score" in page
    assert (run.path / "figures" / "linear.png").is_file()


def test_maxout_learns_one_step_and_nobody_takes_it_back(some, tmp_path: Path) -> None:
    run = hardened(
        "mnist-maxout", some("mnist", 600, 100), tmp_path / "run", options={"mean": 0, "std": 1, "units": 20}
    )
    (row,) = run.history
    assert row["merit"] == row["fgsm_accuracy"]
    assert not row["alarm"]
    assert run.results["training"]["watch"]["eps"] == 0.25


def test_eps_rises_from_stage_to_stage(some, tmp_path: Path) -> None:
    run = hardened("mnist-linf", some("mnist", 300, 50), tmp_path / "run")
    assert [row["stage_name"] for row in run.history] == ["eps 0.1", "eps 0.2", "eps 0.3"]
    assert [row["alarm"] for row in run.history] == [False] * 3  # however far it still is from standing 0.3
    assert run.results["training"]["watch"]["eps"] == 0.3
    assert run.results["model"]["name"] == "strided-cnn"


def test_the_recipe_for_a_gpu_runs_thinner_on_a_cpu(some, tmp_path: Path) -> None:
    data = some("cifar10", 130, 40, image="img")
    run = hardened("cifar10-linf", data, tmp_path / "run", options={"width": 8})
    assert run.results["model"]["parameters"] < 200_000
    assert run.history[0]["pgd_accuracy"] is not None


def test_blocks_are_copied_from_one_half_of_tiny_imagenet_to_the_other(shared_data: Path, tmp_path: Path) -> None:
    halves = {}
    for half in ("a", "b"):
        (tmp_path / half).mkdir()
        for split, every in (("train", 250), ("validation", 50)):
            table = pq.read_table(shared_data / f"tiny_imagenet/parquet_{half}/{split}-00000-of-00001.parquet")
            pq.write_table(table.take(list(range(0, len(table), every))), tmp_path / half / f"{split}.parquet")
        halves[half] = str(tmp_path / half)
    plan = RECIPES["transfer-defence"]
    assert isinstance(plan, Transfer)
    small = replace(
        plan,
        source=replace(plan.source, model="timm/mobilenetv2_035", pretrained=False, dataset=halves["a"], size=32,
                       stages=shortened(plan.source.stages)),
        target=replace(plan.target, dataset=halves["b"], size=32, stages=shortened(plan.target.stages)),
        frozen_stages=shortened(plan.frozen_stages),
        fine_tuned_stages=shortened(plan.fine_tuned_stages),
        blocks=(0, 17),
        controls=(17,),
        transfer_attacks=("fgsm",),
    )  # fmt: skip
    run = transfer(small, tmp_path / "run")
    found = run.results["transfer"]
    names = ["base-B-s0", "A00B-s0", "A00B+-s0", "A17B-s0", "A17B+-s0", "B17B-s0", "B17B+-s0", "R17B-s0"]
    assert [network["name"] for network in found["networks"]] == names
    assert (found["blocks"], found["source_knows_classes"], found["source"]["classes"]) == (17, False, 20)
    assert {one["seeds"] for one in found["claims"]} == {1}
    assert found["n"] == 20


def test_published_weights_are_moved_to_renditions(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "renditions").mkdir()
    for split, every in (("train", 40), ("validation", 20), ("test", 20)):
        table = pq.read_table(next((shared_data / "renditions").rglob(f"{split}-*.parquet")))
        pq.write_table(table.take(list(range(0, len(table), every))), tmp_path / "renditions" / f"{split}.parquet")
    weights = shared_data / "weights_squeezenet1_1" / "squeezenet1_1_imagenet_fp16.pt"
    once = (Stage(epochs=1, peak_lr=0.001, batch_size=16, trainable_from="blocks"),)
    plan = Transfer(
        source=Audit(model="torchvision/squeezenet1_1", weights=str(weights), size=64),
        target=Audit(
            dataset=str(tmp_path / "renditions"), label_column="label", stages=(Stage(epochs=1, peak_lr=0.01),)
        ),
        frozen_stages=once,
        fine_tuned_stages=once,
        blocks=(8,),
        controls=(8,),
        transfer_attacks=("fgsm",),
        white_box_attacks=("fgsm",),
    )
    run = transfer(plan, tmp_path / "run")
    found = run.results["transfer"]
    assert (found["blocks"], found["source_knows_classes"]) == (8, False)
    assert (found["source"]["classes"], found["target"]["classes"]) == (1000, 6)
    published = torch.load(weights, weights_only=True)
    moved = load_classifier(str(run.path / "networks" / "A08B-s0")).network.state_dict()
    features = [name for name in moved if name.startswith("features.")]
    assert len(features) == 50
    assert all(torch.equal(moved[name], published[name].float()) for name in features)
