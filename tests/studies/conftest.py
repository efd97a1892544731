"""What the studies' tests share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def draw_photos(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Draws a folder of two classes of noise, one darker than the other, that overlap: (images, side, names)."""

    def draw(images: int, side: int, names: tuple[str, str] = ("dark", "light")) -> Path:
        folder = tmp_path_factory.mktemp("photos")
        random = np.random.default_rng(0)
        for number, name in enumerate(names):
            (folder / name).mkdir()
            for i in range(images):
                low = 40 * number + random.integers(0, 60)
                pixels = random.integers(low, low + 120, (side, side, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / name / f"{i:02}.png")
        return folder

    return draw
