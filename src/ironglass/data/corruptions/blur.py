"""Blurs of one image: float32 (h, w, c) in [0, 1]; every kernel adds up to 1, so that an even image stays as it is."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator


def gaussian_blur(image: np.ndarray, sigma: float, generator: Generator) -> np.ndarray:
    """A Gaussian of `sigma` pixels, cut at 4 sigma; beyond the border lie the border's own pixels."""
    from scipy.ndimage import gaussian_filter  # late: a third of a second, and few need it

    return gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=4.0)


def disk(radius: float, softness: float) -> np.ndarray:
    """The defocus kernel (k, k), k odd: the pixels within `radius` of the centre, evenly.

    Its edge is softened by a Gaussian of `softness` pixels over 3 pixels, or 5 where the radius is above 8.
    """
    from scipy.ndimage import correlate1d  # late, too

    taps = 1 if radius <= 8 else 2
    reach = math.floor(radius) + taps
    side = np.arange(-reach, reach + 1)
    inside = (side[:, None] ** 2 + side[None] ** 2 <= radius**2).astype(np.float64)
    soft = np.exp(-(np.arange(-taps, taps + 1) ** 2) / (2 * softness**2))
    for axis in (0, 1):
        inside = correlate1d(inside, soft / soft.sum(), axis=axis, mode="constant")
    return inside / inside.sum()


def defocus_blur(image: np.ndarray, lens: tuple[float, float], generator: Generator) -> np.ndarray:
    """A lens out of focus, see `disk`; beyond the border the image is mirrored."""
    kernel = disk(*lens)
    margin = len(kernel) // 2
    padded = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    if margin <= LARGEST_BY_TAPS:
        return np.clip(_by_taps(padded, kernel), 0, 1)
    # image by image: in larger batches other sums, rounded otherwise, would come of the same image
    channels = torch.from_numpy(padded.transpose(2, 0, 1)[None].copy())
    weights = torch.from_numpy(kernel[None, None]).float().repeat(channels.shape[1], 1, 1, 1)
    blurred = F.conv2d(channels, weights, groups=len(weights))
    return np.clip(blurred[0].numpy().transpose(1, 2, 0), 0, 1)


LARGEST_BY_TAPS = 7
"""Margin of the kernel up to which shifted sums are faster than torch's convolution, up to fifteen times."""


def _by_taps(padded: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The convolution with a kernel (k, k) that is the same when mirrored, four of its taps at a time."""
    margin = len(kernel) // 2
    h, w = (side - 2 * margin for side in padded.shape[:2])
    blurred = np.zeros((h, w, padded.shape[2]), dtype=padded.dtype)
    for down in range(margin + 1):
        rows = padded[margin + down :][:h]
        if down:
            rows = rows + padded[margin - down :][:h]
        for right in np.flatnonzero(kernel[margin + down, margin:]).tolist():
            taps = rows[:, margin + right :][:, :w]
            if right:
                taps = taps + rows[:, margin - right :][:, :w]
            blurred += np.float32(kernel[margin + down, margin + right]) * taps
    return blurred


def glass_blur(image: np.ndarray, pane: tuple[float, int, int], generator: Generator) -> np.ndarray:
    """Frosted glass: a Gaussian of sigma pixels, then every pixel takes the colour of one drawn from up to `reach`
    pixels away, `times` over, then the Gaussian again.

    From the bottom right to the top left, so that a colour may travel. Offsets are drawn from [-reach, reach). Taken,
    not swapped: the authors' code means to swap, but its views overwrite each other, and the published images are so.
    """
    from scipy.ndimage import gaussian_filter  # late, too

    sigma, reach, times = pane
    h, w, c = image.shape
    rows, columns = np.arange(h - reach, reach, -1), np.arange(w - reach, reach, -1)
    index = rows[:, None] * w + columns
    origin = list(range(h * w))
    for _ in range(times):
        down, right = generator.integers(-reach, reach, (2, *index.shape))
        for target, source in zip(index.ravel().tolist(), (index + down * w + right).ravel().tolist(), strict=True):
            origin[target] = origin[source]
    blurred = gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=4.0)
    displaced = blurred.reshape(h * w, c)[origin].reshape(h, w, c)
    return gaussian_filter(displaced, (sigma, sigma, 0), mode="nearest", truncate=4.0)


def motion_blur(image: np.ndarray, motion: tuple[int, float], generator: Generator) -> np.ndarray:
    """A camera that moves while the shutter is open, along a line between -45° and 45° from the horizontal.

    Step i of 2 radius + 1 weighs exp(-i² / 2 sigma²) and lies i pixels along the line, rounded to whole pixels, as in
    ImageMagick; beyond the border lie the border's own pixels.
    """
    radius, sigma = motion
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    weights /= weights.sum()
    angle = generator.uniform(-math.pi / 4, math.pi / 4)
    margin = len(steps)
    padded = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    h, w = image.shape[:2]
    blurred = np.zeros_like(image)
    for step, weight in zip(steps, weights, strict=True):
        down, right = margin + round(step * math.sin(angle)), margin + round(step * math.cos(angle))
        blurred += np.float32(weight) * padded[down : down + h, right : right + w]
    return np.clip(blurred, 0, 1)


def zoom_blur(image: np.ndarray, zooms: tuple[float, float], generator: Generator) -> np.ndarray:
    """A camera that moves towards the scene: the mean of the image and of all its zooms, 1 (again) to `stop` by `step`.

    A zoom is the middle ceil(side / zoom) pixels stretched linearly, corner on corner, and cut to the image's size.
    """
    h, w = image.shape[:2]
    full = torch.from_numpy(image.transpose(2, 0, 1)[None].copy())
    total, factors = full.clone(), np.arange(1, *zooms)  # its end is as numpy rounds it, which the authors have
    for zoom in factors:
        high, wide = math.ceil(h / zoom), math.ceil(w / zoom)
        top, left = (h - high) // 2, (w - wide) // 2
        size = [round(high * zoom), round(wide * zoom)]
        middle = full[:, :, top : top + high, left : left + wide]
        larger = F.interpolate(middle, size, mode="bilinear", align_corners=True)
        top, left = (size[0] - h) // 2, (size[1] - w) // 2
        total += larger[:, :, top : top + h, left : left + w]
    return np.clip((total / (len(factors) + 1))[0].numpy().transpose(1, 2, 0), 0, 1)
