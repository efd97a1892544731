"""A command line that can be called in this process, a folder of images and a trained run."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ironglass.cli.main import _status

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs `ironglass ...` in an empty folder; gives the exit status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ironglass", *map(str, words)])
        capsys.readouterr()
        status = _status()
        return status, *capsys.readouterr()

    return run


def draw_folder(
    folder: Path, *, per_class: int = 20, size: int = 16, classes: tuple[str, ...] = ("dark", "light")
) -> Path:
    """An ImageFolder of noise, each class of its own brightness."""
    random = np.random.default_rng(0)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            low = number * 250 // len(classes)
            pixels = random.integers(low, low + 60, (size, size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i:02}.png")
    return folder


@pytest.fixture(scope="session")
def draw() -> Callable[..., Path]:
    """The function that draws a folder of images."""
    return draw_folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("photos") / "photos")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """The folder of a finished `train` run on the photos."""
    from ironglass.api import audit
    from ironglass.plans.audit import Audit
    from ironglass.train.recipe import Stage

    folder = tmp_path_factory.mktemp("runs") / "trained"
    plan = Audit(
        name="train",
        dataset=str(photos),
        model="simple-cnn",
        steps=("train", "evaluate"),
        stages=(Stage(epochs=2, peak_lr=0.05, batch_size=8),),
    )
    audit(plan, folder)
    return folder
