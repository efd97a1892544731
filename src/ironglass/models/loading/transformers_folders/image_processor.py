"""Preparation of images by an image processor of transformers, measured on drawn images."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ironglass.errors import InputError, brief

_WIDE, _HIGH = 300, 200
_KERNELS = {0: "nearest", 1: "Lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "Hamming"}


@dataclass(frozen=True)
class Preparation:
    """Of images in [0, 1]: (image[order] - mean) / std, at this size.

    size: height and width, None where each image keeps a shape of its own. order: of the channels, None as they are.
    remarks: where resizing and cropping differ from ours, a sentence each.
    """

    size: tuple[int, int] | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    order: tuple[int, ...] | None
    remarks: tuple[str, ...]


def measured_preparation(settings: dict[str, Any], path: Path, kind: str) -> Preparation:
    """Measures what the processor with these settings does; `kind` is the model's type, for a file that names no class.

    Mean, deviation and order of the channels are read off plain black, white and coloured images, so that every way
    of rescaling counts; size and crop off an image whose brightness is its position. Raises InputError where what
    comes out is no image, or not a multiple of the input and a constant a channel.
    """
    processor = _processor(settings, path, kind)
    wide, high = (_process(processor, _ramp(flip), path) for flip in (False, True))
    size = (wide.shape[1], wide.shape[2]) if wide.shape == high.shape else None
    mean, std, order = _affine(processor, path, size or wide.shape[1:])
    remarks = []
    if size is None:
        remarks.append("its own preparation keeps each image's shape; here all are brought to one size")
    else:
        red, green = (channel if order is None else order.index(channel) for channel in (0, 1))
        visible_width = _visible_span(wide[red][size[0] // 2] * std[red], _WIDE)
        visible_height = _visible_span(wide[green][:, size[1] // 2] * std[green], _HIGH)
        remarks += _crop_remarks(visible_width, visible_height, size)
    kernel = settings.get("resample", getattr(processor, "resample", 2))
    if isinstance(kernel, int) and kernel in _KERNELS and kernel != 2 and settings.get("do_resize", True):
        remarks.append(f"its own preparation resizes by {_KERNELS[kernel]} interpolation; here it is bilinear")
    return Preparation(size, mean, std, order, tuple(f"{path.parent}: {remark}" for remark in remarks))


def _processor(settings: dict[str, Any], path: Path, kind: str) -> Any:
    """The library's own processor of that name, with the settings; code that they name is not looked at."""
    from transformers import AutoImageProcessor

    allowed = {name: value for name, value in settings.items() if not name.startswith("_") and name != "auto_map"}
    _check_sizes(allowed, path)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "preprocessor_config.json").write_text(json.dumps(allowed), encoding="utf-8")
        (Path(folder) / "config.json").write_text(json.dumps({"model_type": kind}), encoding="utf-8")
        return AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False, backend="pil")


def _check_sizes(value: Any, path: Path) -> None:
    """Raises InputError for a side that no image has."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_sizes(item, path)
    if isinstance(value, int) and not isinstance(value, bool) and not 0 <= value <= 4096:
        raise InputError(f"{path}: {brief(value)} is no size in pixels and no count")


def _ramp(flip: bool) -> np.ndarray:
    """Red rises from left to right and green from top to bottom, uint8 (h, w, 3)."""
    across, down = np.linspace(0, 255, _WIDE), np.linspace(0, 255, _HIGH)
    red, green = np.meshgrid(across, down)
    ramp = np.stack([red, green, np.zeros_like(red)], 2).round().astype(np.uint8)
    return ramp.transpose(1, 0, 2).copy() if flip else ramp


def _process(processor: Any, pixels: np.ndarray, path: Path) -> np.ndarray:
    """Output of the processor for one image, float64 (3, h, w)."""
    values = processor(Image.fromarray(pixels), return_tensors="pt")[
        "pixel_values"
    ]  # from 5.0 on, many make tensors alone
    batch = np.asarray(values, dtype=np.float64)
    if batch.ndim != 4 or batch.shape[:2] != (1, 3):
        raise InputError(f"{path}: an image becomes an array {batch.shape}, not one of 3 channels")
    return batch[0]


def _affine(
    processor: Any, path: Path, size: tuple[int, ...]
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[int, ...] | None]:
    """Mean, deviation and order of the channels of what the processor does to a colour."""

    def middle(colour: tuple[int, int, int]) -> np.ndarray:
        image = _process(processor, np.full((max(size[0], 1), max(size[1], 1), 3), colour, np.uint8), path)
        return image[:, image.shape[1] // 2, image.shape[2] // 2]

    black = middle((0, 0, 0))
    gains = np.stack([middle(colour) - black for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))], 1)
    order = np.abs(gains).argmax(1)
    gain = gains[np.arange(3), order]
    grey = black + gain * 51 / 255
    off_diagonal = gains.copy()
    off_diagonal[np.arange(3), order] = 0
    is_affine = np.allclose(middle((51, 51, 51)), grey, atol=1e-4 * max(1.0, float(np.abs(gain).max())))
    if (
        sorted(order) != [0, 1, 2]
        or not (gain > 0).all()
        or np.abs(off_diagonal).max() > 1e-4 * gain.max()
        or not is_affine
    ):
        raise InputError(f"{path}: what is done to colours is no shift and scale of each channel")
    std = tuple(_denoised(value) for value in 1 / gain)
    mean = tuple(_denoised(max(0.0, value)) for value in -black / gain)
    return mean, std, None if list(order) == [0, 1, 2] else tuple(int(index) for index in order)


def _denoised(value: float) -> float:
    """The number rounded, where it differs from 6 decimals by no more than float32 noise."""
    return round(float(value), 6) if abs(value - round(float(value), 6)) < 3e-7 else float(value)


def _visible_span(line: np.ndarray, side: int) -> float:
    """The share of a side of the drawn image, in pixels, that a line through the middle of the outcome spans."""
    between = float(line.max() - line.min()) * (side - 1) / side  # the centres of the first and the last pixel
    return between * len(line) / max(len(line) - 1, 1)


def _crop_remarks(width_share: float, height_share: float, size: tuple[int, int]) -> list[str]:
    """Notice where the shares that are seen of an image of 3 : 2 differ from those of the middle that we cut out."""
    our_width_share, our_height_share = (
        min(1.0, _HIGH / _WIDE * size[1] / size[0]),
        min(1.0, _WIDE / _HIGH * size[0] / size[1]),
    )
    if abs(width_share - our_width_share) < 0.03 and abs(height_share - our_height_share) < 0.03:
        return []
    differences = []
    if abs(width_share - height_share) < 0.03:
        differences.append("stretches images to its own shape, where here what is longer is cut off evenly")
    elif abs(width_share * our_height_share - height_share * our_width_share) > 0.03:
        differences.append(f"sees {width_share:.0%} of the width and {height_share:.0%} of the height of a 3 : 2 image")
    if height_share < 0.97 * our_height_share:
        differences.append(
            f"cuts out the middle {height_share / our_height_share:.0%} of what is left, where here all of it is seen"
        )
    return [f"its own preparation {' and '.join(differences)}".replace("%", " %")] if differences else []
