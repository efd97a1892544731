"""Small folders and tables of real image files."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image


def png(value: int = 0, *, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> bytes:
    """A PNG of one colour; of different bytes for different values."""
    file = io.BytesIO()
    Image.new(mode, size, value if mode == "L" else (value, value // 2, 255 - value)).save(file, "png")
    return file.getvalue()


@pytest.fixture(name="png")
def png_bytes() -> Callable[..., bytes]:
    return png


@pytest.fixture
def class_folders() -> Callable[..., Path]:
    """Writes `root/CLASS/i.png`, each image of another colour."""

    def write(root: Path, classes: tuple[str, ...] = ("cat", "dog"), n: int = 20, **options) -> Path:
        for k, name in enumerate(classes):
            (root / name).mkdir(parents=True)
            for i in range(n):
                (root / name / f"{i:03}.png").write_bytes(png(100 * k + i, **options))
        return root

    return write


@pytest.fixture
def table() -> Callable[..., Path]:
    """Writes a Parquet file of images and labels as Hugging Face does; `names` makes the labels a ClassLabel."""

    def write(path: Path, labels, names=None, *, images=None, label="label", image="image", kind=None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        images = [png(i % 250) for i in range(len(labels))] if images is None else images
        features = {image: {"_type": "Image"}}
        if names:
            features[label] = {"names": list(names), "_type": "ClassLabel"}
        columns = {
            image: pa.array(
                [{"bytes": one, "path": None} for one in images], pa.struct({"bytes": pa.binary(), "path": pa.string()})
            ),
            label: pa.array(labels, type=kind),
        }
        about = {"huggingface": json.dumps({"info": {"features": features}})}
        pq.write_table(pa.table(columns).replace_schema_metadata(about), path)
        return path

    return write


@pytest.fixture
def gradient() -> Image.Image:
    """A smooth colour picture of 96 × 64 with some texture."""
    y, x = np.mgrid[:64, :96]
    noise = np.random.default_rng(0).integers(0, 20, (64, 96))
    return Image.fromarray(np.stack([x * 2 + noise, y * 3 + noise, x + y + noise], -1).clip(0, 255).astype(np.uint8))
