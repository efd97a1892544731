"""Noise on one image: float32 (h, w, c) in [0, 1], every value drawn on its own, cut to [0, 1] in the end."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator


def gaussian_noise(image: np.ndarray, deviation: float, generator: Generator) -> np.ndarray:
    """x + N(0, deviation²): a sensor in the dark."""
    return np.clip(image + deviation * generator.standard_normal(image.shape, np.float32), 0, 1)


def shot_noise(image: np.ndarray, photons: float, generator: Generator) -> np.ndarray:
    """Poisson(photons · x) / photons: light comes in portions."""
    return np.clip(generator.poisson(photons * image).astype(np.float32) / photons, 0, 1)


def impulse_noise(image: np.ndarray, share: float, generator: Generator) -> np.ndarray:
    """That share of the values (of a pixel's channels, not of its pixels) at 0 or 1, each as often: broken bits."""
    is_impulse = generator.random(image.shape, np.float32) < share
    return np.where(is_impulse, generator.integers(0, 2, image.shape).astype(np.float32), image)


def speckle_noise(image: np.ndarray, deviation: float, generator: Generator) -> np.ndarray:
    """x + x N(0, deviation²): the brighter, the noisier."""
    return np.clip(image + image * (deviation * generator.standard_normal(image.shape, np.float32)), 0, 1)
