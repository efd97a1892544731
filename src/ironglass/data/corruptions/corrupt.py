"""Common corruptions, as ImageNet-C defines them: what a camera, the weather or a file does to an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator, SeedSequence, default_rng

from ironglass.choices import unknown
from ironglass.data.corruptions.blur import defocus_blur, gaussian_blur, glass_blur, motion_blur, zoom_blur
from ironglass.data.corruptions.light import brightness, contrast, fog, saturate
from ironglass.data.corruptions.lossy import jpeg, pixelate
from ironglass.data.corruptions.noise import gaussian_noise, impulse_noise, shot_noise, speckle_noise
from ironglass.errors import InputError
from ironglass.types import Pixels

SEVERITIES = (1, 2, 3, 4, 5)
SIDES = (32, 64, 224)


@dataclass(frozen=True)
class Corruption:
    """A common corruption.

    label: for people.
    apply: (image float32 (h, w, c) in [0, 1], strength, generator) to the same.
    strengths: of severities 1 to 5, a row for each of `SIDES`.
    colour: whether it takes colour to say anything.
    """

    label: str
    apply: Callable[[np.ndarray, Any, Generator], np.ndarray]
    strengths: tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]
    colour: bool = False


# the authors' constants for CIFAR-10-C, Tiny ImageNet-C and ImageNet-C
CORRUPTIONS: Mapping[str, Corruption] = {
    "gaussian-noise": Corruption("Gaussian noise", gaussian_noise, (
        (0.04, 0.06, 0.08, 0.09, 0.10), (0.04, 0.08, 0.12, 0.15, 0.18), (0.08, 0.12, 0.18, 0.26, 0.38))),
    "shot-noise": Corruption("Shot noise", shot_noise, (
        (500, 250, 100, 75, 50), (250, 100, 50, 30, 15), (60, 25, 12, 5, 3))),
    "impulse-noise": Corruption("Impulse noise", impulse_noise, (
        (0.01, 0.02, 0.03, 0.05, 0.07), (0.01, 0.02, 0.05, 0.08, 0.14), (0.03, 0.06, 0.09, 0.17, 0.27))),
    "speckle-noise": Corruption("Speckle noise", speckle_noise, (
        (0.06, 0.10, 0.12, 0.16, 0.20), (0.15, 0.20, 0.25, 0.30, 0.35), (0.15, 0.20, 0.35, 0.45, 0.60))),
    "gaussian-blur": Corruption("Gaussian blur", gaussian_blur, (
        (0.4, 0.6, 0.7, 0.8, 1.0), (0.5, 0.75, 1.0, 1.25, 1.5), (1, 2, 3, 4, 6))),
    "defocus-blur": Corruption("Defocus blur", defocus_blur, (
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        ((0.5, 0.6), (1, 0.1), (1.5, 0.1), (2.5, 0.01), (3, 0.1)),
        ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)))),
    "glass-blur": Corruption("Glass blur", glass_blur, (
        ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        ((0.1, 1, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2)),
        ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)))),
    "motion-blur": Corruption("Motion blur", motion_blur, (
        ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        ((10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)),
        ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)))),
    "zoom-blur": Corruption("Zoom blur", zoom_blur, (
        ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
        ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
        ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)))),
    "fog": Corruption("Fog", fog, (
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        ((0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)),
        ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)))),
    "brightness": Corruption("Brightness", brightness, (
        (0.05, 0.10, 0.15, 0.20, 0.30), (0.1, 0.2, 0.3, 0.4, 0.5), (0.1, 0.2, 0.3, 0.4, 0.5))),
    "contrast": Corruption("Contrast", contrast, (
        (0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05), (0.4, 0.3, 0.2, 0.1, 0.05))),
    "saturate": Corruption("Saturate", saturate, (
        ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
        ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (30, 0.2)),
        ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2))), colour=True),
    "jpeg": Corruption("JPEG", jpeg, (
        (80, 65, 58, 50, 40), (65, 58, 50, 40, 25), (25, 18, 15, 10, 7))),
    "pixelate": Corruption("Pixelate", pixelate, (
        (0.95, 0.9, 0.85, 0.75, 0.65), (0.9, 0.8, 0.7, 0.6, 0.5), (0.6, 0.5, 0.4, 0.3, 0.25))),
}  # fmt: skip


def corrupt(
    pixels: Pixels, name: str, severity: int, *, seed: int = 0, positions: Sequence[int] | np.ndarray | None = None
) -> Pixels:
    """The images under one of CORRUPTIONS at severity 1 to 5, as stored again, bytes or floats (Hendrycks & Dietterich
    2019, arXiv:1903.12261).

    pixels: uint8, or float32 in [0, 1], (n, c, h, w), c 1 or 3. positions: (n,), each image's place in its split, else
    0 to n - 1. What is random is drawn from (seed, name, severity, position) alone, whatever the batch. The strengths
    are the authors' for 32, 64 or 224 pixels, whichever is nearest in ratio to the shorter side (`strengths_side`), and
    not scaled further.

    Departures from the authors' code: the result is rounded to the nearest byte (floats are not), where theirs cuts
    the fraction off, and not saved as JPEG again, as the files of ImageNet-C are; glass blur keeps its fractions
    between its steps; the disks of radius 8 and 10 add up to 1, where theirs brighten by 1 %; motion blur is
    ImageMagick's kernel, without ImageMagick; sides may differ. Frost, snow, spatter and elastic are left out: they
    take photographs of frost, or OpenCV's edges and affine maps. Raises InputError for other types and shapes, an
    unknown name or severity, and a corruption of colour on grey images.
    """
    if pixels.dtype not in (torch.uint8, torch.float32) or pixels.ndim != 4 or pixels.shape[1] not in (1, 3):
        description = f"{pixels.dtype} of shape {tuple(pixels.shape)}"
        raise InputError(f"pixels are {description}: give uint8, or float32 in [0, 1], (n, 1 or 3, h, w)")
    (name,) = find_corruptions((name,), pixels.shape[1])
    if severity not in SEVERITIES:
        raise InputError(f"severity is {severity!r}: give 1, 2, 3, 4 or 5")
    indices = np.arange(len(pixels)) if positions is None else np.asarray(positions)
    if indices.shape != (len(pixels),):
        raise InputError(f"positions are of shape {indices.shape} and images {len(pixels)}: give one an image")
    corruption = CORRUPTIONS[name]
    side = strengths_side((pixels.shape[2], pixels.shape[3]))
    strength = corruption.strengths[SIDES.index(side)][severity - 1]
    images = pixels.permute(0, 2, 3, 1).cpu().numpy()
    changed = np.empty(images.shape, dtype=images.dtype)
    is_bytes = images.dtype == np.uint8
    for i, position in enumerate(indices):
        generator = default_rng(SeedSequence([seed, severity, int(position), *name.encode()]))
        image = corruption.apply(images[i].astype(np.float32) / (255 if is_bytes else 1), strength, generator)
        changed[i] = np.rint(image * 255) if is_bytes else image.clip(0, 1)
    return torch.from_numpy(changed).permute(0, 3, 1, 2).to(pixels.device)


def strengths_side(size: tuple[int, int]) -> int:
    """Whose strengths images of (h, w) pixels get: 32 (CIFAR-10-C), 64 (Tiny ImageNet-C) or 224 (ImageNet-C)."""
    return min(SIDES, key=lambda side: abs(math.log(min(size) / side)))


def find_corruptions(names: Sequence[str], channels: int = 3) -> tuple[str, ...]:
    """The names without repetition, "all" as all those that images of so many channels allow. Raises InputError."""
    selected: list[str] = []
    for name in names:
        if name == "all":
            selected += [
                corruption_name
                for corruption_name, corruption in CORRUPTIONS.items()
                if channels == 3 or not corruption.colour
            ]
        elif name not in CORRUPTIONS:
            raise unknown("corruption", name, ["all", *CORRUPTIONS])
        elif CORRUPTIONS[name].colour and channels != 3:
            raise InputError(f"{name} changes colours, and the images have {channels} channel: leave it out")
        else:
            selected.append(name)
    return tuple(dict.fromkeys(selected))
