"""A folder of photograph-like images, clean, and the same with faults planted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps
from scipy.ndimage import gaussian_filter


def scene(seed: int, side: int = 96) -> Image.Image:
    """A picture with structure of every size, as photographs have, of its own for each seed."""
    random = np.random.default_rng(seed)
    layers = [gaussian_filter(random.normal(size=(side, side, 3)), (s, s, 0)) * s for s in (0.7, 1.5, 3, 6, 12)]
    values = np.sum(layers, axis=0)
    values = (values - values.min()) / np.ptp(values)
    return Image.fromarray((255 * values).astype(np.uint8))


def draw_clean(root: Path) -> Path:
    """60 images of each of two classes to learn from, 20 to test on."""
    for number, (split, count) in enumerate((("train", 60), ("test", 20))):
        for label, name in enumerate(("ant", "bee")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                scene(10_000 * number + 1_000 * label + i).save(folder / f"{i:02}.png")
    return root


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_clean(tmp_path_factory.mktemp("clean") / "clean")


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = draw_clean(tmp_path_factory.mktemp("planted") / "planted")

    def opened(name: str) -> Image.Image:
        return Image.open(root / name)

    opened("train/ant/00.png").save(root / "test/ant/leak.bmp")  # the same pixels in another file
    opened("train/ant/01.png").save(root / "train/ant/copy.tiff")
    opened("train/ant/02.png").save(root / "train/bee/contradiction.png")
    opened("train/ant/03.png").save(root / "test/ant/near.jpg", quality=60)
    ImageOps.mirror(opened("train/ant/04.png")).save(root / "train/ant/mirror.jpg", quality=85)
    opened("train/bee/05.png").point(lambda value: min(255, int(value * 0.8) + 20)).save(root / "test/bee/faded.png")
    Image.new("RGB", (96, 96), (9, 99, 200)).save(root / "train/bee/blank.png")
    opened("train/bee/06.png").crop((8, 8, 72, 72)).point(lambda v: v // 12).save(root / "train/bee/dark.png")
    opened("train/bee/07.png").filter(ImageFilter.GaussianBlur(5)).save(root / "train/bee/blur.png")
    opened("train/bee/08.png").crop((0, 0, 96, 30)).save(root / "train/bee/wide.png")
    opened("train/bee/09.png").crop((30, 30, 42, 42)).save(root / "train/bee/tiny.png")
    (root / "train/bee/broken.jpg").write_bytes(b"not an image")
    return root


@pytest.fixture(scope="session")
def scenes() -> Callable[..., Image.Image]:
    return scene
