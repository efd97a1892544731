"""A model tells its data's images from others by its scores, and from ones of the same kind it does not."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ironglass as ig
from ironglass.errors import InputError, Notice
from ironglass.report.inspection.words import against_words
from ironglass.results.inspection.against import OutlyingScore, OutOfDistribution
from ironglass.results.numbers import Mean
from ironglass.run import Run

SIDE = 8


def draw(folder: Path, seed: int, count: int, kind: str) -> None:
    """Pictures of which one half is bright, of each class its own; or noise."""
    draws = np.random.default_rng(seed)
    for label, name in enumerate(("left", "right")):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = draws.integers(0, 60, (SIDE, SIDE, 3)) + 90 * (kind == "noise")
            if kind == "halves":
                pixels[:, label * SIDE // 2 : (label + 1) * SIDE // 2] += draws.integers(120, 190)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i:02}.png")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("against")
    for seed, (split, count) in enumerate((("train", 60), ("test", 40))):
        draw(root / "data" / split, seed, count, "halves")
    draw(root / "noise" / "test", 10, 40, "noise")
    draw(root / "alike" / "test", 11, 40, "halves")
    (root / "flat").mkdir()
    for i, path in enumerate(sorted((root / "noise").rglob("*.png"))):
        Image.open(path).resize((20, 14)).convert("L").save(root / "flat" / f"{i}.png")
    (root / "net.py").write_text(
        "from torch import nn\n\n\ndef build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(192, 2))\n"
    )
    half = (torch.arange(SIDE) < SIDE // 2).float().expand(3, SIDE, SIDE).reshape(-1)
    weights = torch.stack([half, 1 - half]) / 8
    torch.save({"1.weight": weights, "1.bias": torch.zeros(2)}, root / "net.pt")
    return root


@pytest.fixture(scope="module")
def inspect(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    def run(against: str, **fields: object) -> Run:
        plan = ig.Inspection(
            dataset=str(world / "data"),
            model=f"{world}/net.py:build",
            weights=str(world / "net.pt"),
            size=SIDE,
            channels=3,
            classes=("left", "right"),
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            searches=(),
            against=str(world / against),
            **fields,  # pyright: ignore[reportArgumentType]
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "model: .* no effect to measure", Notice)
            return ig.run(plan, tmp_path_factory.mktemp("inspected") / "run")

    return run


@pytest.fixture(scope="module")
def noisy(inspect: Callable[..., Run]) -> Run:
    return inspect("noise")


def test_others_are_told_and_images_of_the_kind_are_not(noisy: Run, inspect: Callable[..., Run]) -> None:
    found = noisy.results["inspection"]["against"]
    assert (found["split"], found["images"], found["other_images"]) == ("test", 80, 80)
    assert (found["neighbour"], found["references"]) == (1, 108)
    areas = {score["name"]: score["auc"] for score in found["scores"]}
    assert [*areas] == ["maximum probability", "energy", "nearest neighbours"]
    assert areas["maximum probability"]["low"] > 0.9
    assert areas["nearest neighbours"]["low"] > 0.9
    alike = inspect("alike").results["inspection"]["against"]
    for score in alike["scores"]:
        assert not score["widened"]
        assert score["auc"]["low"] < 0.5 < score["auc"]["high"]


def test_the_page_and_the_words_have_it(noisy: Run) -> None:
    page = (noisy.path / "report.html").read_text(encoding="utf-8")
    assert "The model tells the 80 test images from 80 of" in page
    assert "neighbour 1, counted from the nearest, among 108 training images" in page
    assert "nearest neighbours" in page


def test_a_folder_of_images_of_other_sizes_will_do(inspect: Callable[..., Run]) -> None:
    found = inspect("flat").results["inspection"]["against"]
    assert (found["other_split"], found["other_images"]) == ("images", 80)
    assert found["scores"][0]["auc"]["low"] > 0.9


def test_without_training_images_there_are_no_neighbours(inspect: Callable[..., Run]) -> None:
    found = inspect("noise", split="train").results["inspection"]["against"]
    assert [score["name"] for score in found["scores"]] == ["maximum probability", "energy"]
    assert found["neighbour"] is None
    assert "no training images beside those" in found["remarks"][0]


def test_the_same_images_are_refused(world: Path, inspect: Callable[..., Run]) -> None:
    with pytest.raises(InputError, match="80 of its 80 test images have the pixels of images of"):
        inspect("data")
    draw(world / "mixed" / "test", 12, 30, "noise")
    Image.open(world / "data/train/left/00.png").save(world / "mixed/test/left/copy.bmp")
    with pytest.raises(InputError, match="1 of its 61 test images have"):
        inspect("mixed")


def test_without_a_model_nobody_tells() -> None:
    with pytest.raises(InputError, match="--against other: a model tells the images apart, and none is named"):
        ig.Inspection(dataset="digits", against="other")


def test_an_area_below_a_half_is_explained() -> None:
    def words(low: float, value: float, high: float) -> str:
        area = Mean(value=value, low=low, high=high, n=100)
        score = OutlyingScore(name="energy", auc=area, widened=False)
        return against_words(
            OutOfDistribution(other="o", split="test", images=50, other_split="test", other_images=50, neighbour=None,
                              references=None, scores=(score,), remarks=())
        )  # fmt: skip

    assert "Surely below 0.5, energy holds the others for more familiar" in words(0.2, 0.3, 0.4)
    assert "Surely" not in words(0.4, 0.49, 0.6)
