"""Light and colour of one image: float32 (h, w, c) in [0, 1], c 1 or 3; the result is cut to [0, 1]."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator


def brightness(image: np.ndarray, offset: float, generator: Generator) -> np.ndarray:
    """`more` on the value of HSV, V = max(r, g, b), hue and saturation as they are; on a grey image, on the grey."""
    value = image.max(axis=2, keepdims=True)
    brighter = np.clip(value + np.float32(offset), 0, 1)
    return np.where(value > 0, image * (brighter / np.maximum(value, 1e-6)), brighter)


def contrast(image: np.ndarray, share: float, generator: Generator) -> np.ndarray:
    """That share of every value's distance from its channel's mean."""
    mean = image.mean(axis=(0, 1), keepdims=True)
    return np.clip((image - mean) * np.float32(share) + mean, 0, 1)


def saturate(image: np.ndarray, change: tuple[float, float], generator: Generator) -> np.ndarray:
    """The saturation of HSV, S = (max - min) / max, times the first number, plus the second; hue and value stay.

    What has no hue counts as red, as in HSV of the usual libraries, and so turns red where the second is above 0.
    """
    factor, offset = change
    value = image.max(axis=2, keepdims=True)
    below = value - image  # how far each channel lies under the strongest: in proportion to S
    saturation = below.max(axis=2, keepdims=True) / np.maximum(value, 1e-6)
    new_saturation = np.clip(saturation * factor + offset, 0, 1).astype(np.float32)
    hueless = value * new_saturation * np.array([0, 1, 1], dtype=np.float32)
    return np.clip(
        value - np.where(saturation > 0, below * (new_saturation / np.maximum(saturation, 1e-6)), hueless), 0, 1
    )


def fog(image: np.ndarray, weather: tuple[float, float], generator: Generator) -> np.ndarray:
    """(x + density · cloud) · max(x) / (max(x) + density), the cloud a plasma fractal of that decay, see `plasma`."""
    density, decay = weather
    h, w = image.shape[:2]
    brightest = image.max()
    cloud = plasma(1 << math.ceil(math.log2(max(h, w, 2))), decay, generator)[:h, :w, None]
    return np.clip((image + density * cloud) * (brightest / (brightest + density)), 0, 1).astype(np.float32)


def plasma(side: int, decay: float, generator: Generator) -> np.ndarray:
    """Heights (side, side) from 0 to 1 by the diamond-square algorithm on a torus (Fournier et al. 1982, CACM 25:371).

    side: a power of 2. What is drawn evenly about the mean of four corners shrinks by decay² when the grid is halved.
    """
    heights = np.zeros((side, side))
    step, reach = side, 1.0
    while step > 1:
        half = step // 2
        corners = heights[::step, ::step]
        pairs = corners + np.roll(corners, -1, 0)
        middles = _perturbed_mean(pairs + np.roll(pairs, -1, 1), reach, generator)
        heights[half::step, half::step] = middles
        above_below = middles + np.roll(middles, 1, 0) + corners + np.roll(corners, -1, 1)
        heights[::step, half::step] = _perturbed_mean(above_below, reach, generator)
        left_right = middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 0)
        heights[half::step, ::step] = _perturbed_mean(left_right, reach, generator)
        step, reach = half, reach / decay**2
    heights -= heights.min()
    return heights / heights.max()


def _perturbed_mean(corner_sum: np.ndarray, reach: float, generator: Generator) -> np.ndarray:
    """The mean of four corners, given their sum, and up to `reach` more or less."""
    return corner_sum / 4 + generator.uniform(-reach, reach, corner_sum.shape)
