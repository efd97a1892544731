"""Adversarial images as bytes, still within their threat."""

from __future__ import annotations

import numpy as np

from ironglass.attacks.parts.threat import L1, L2, Linf, Threat
from ironglass.errors import InputError


def round_to_bytes(pixels: np.ndarray, adversarial: np.ndarray, threat: Threat) -> np.ndarray:
    """The bytes nearest to `adversarial`, of those that the threat allows around `pixels`.

    pixels: uint8, or float in [0, 1], any shape with n first, the images as they were.
    adversarial: float32 in [0, 1], of the same shape.

    Under Linf each byte is rounded and then clipped. Under L2 and L1 values are rounded towards the original instead,
    those first that rounding took farthest from where they were, until the change is short enough. An image of floats
    lies between bytes: where no byte is within the threat, the one nearest to the image is taken.

    Raises InputError.
    """
    if pixels.dtype != np.uint8:
        return _between_bytes(pixels.astype(np.float64) * 255, adversarial.astype(np.float64) * 255, threat)
    exact = adversarial.astype(np.float64) * 255 - pixels
    change = np.rint(exact)
    if isinstance(threat, Linf):
        radius = np.floor(threat.eps * 255 + 1e-6)  # 4/255 · 255 is not quite 4 in floating point
        change = change.clip(-radius, radius)
    elif isinstance(threat, L2 | L1):
        flat = change.reshape(len(change), -1)
        _shorten(flat, exact.reshape(len(exact), -1), threat)
        change = flat.reshape(change.shape)
    else:
        raise InputError(f"bytes within {type(threat).__name__} are not known: give Linf, L2 or L1")
    return (pixels + change).clip(0, 255).astype(np.uint8)


def _between_bytes(before: np.ndarray, after: np.ndarray, threat: Threat) -> np.ndarray:
    """As `round_to_bytes`, of images whose values, in units of bytes, are no whole numbers."""
    nearest = np.rint(after)
    if isinstance(threat, Linf):
        radius = threat.eps * 255 + 1e-6
        low, high = np.ceil(before - radius), np.floor(before + radius)
        nearest = np.where(low <= high, nearest.clip(low, high), np.rint(before))
    elif isinstance(threat, L2 | L1):
        change = (nearest - before).reshape(len(before), -1)
        closer = (np.where(after > before, np.floor(after), np.ceil(after)) - before).reshape(change.shape)
        closer = np.where(np.abs(closer) < np.abs(change), closer, change)
        exact = (after - before).reshape(change.shape)
        _shorten(change, exact, threat, closer)
        nearest = np.rint(before + change.reshape(before.shape))
    else:
        raise InputError(f"bytes within {type(threat).__name__} are not known: give Linf, L2 or L1")
    return nearest.clip(0, 255).astype(np.uint8)


def _shorten(change: np.ndarray, exact: np.ndarray, threat: L2 | L1, towards: np.ndarray | None = None) -> None:
    """Rounds towards 0 in place, in as few values as it takes, where a row is longer than the threat's eps.

    towards: what a value is rounded to; by default the next whole number towards 0.
    """
    towards = np.trunc(exact) if towards is None else towards
    order_of_norm = 2 if isinstance(threat, L2) else 1
    limit = (threat.eps * 255) ** order_of_norm * (1 + 1e-6)
    size = np.abs(change) ** order_of_norm
    gain = size - np.abs(towards) ** order_of_norm
    for row in np.flatnonzero(size.sum(1) > limit):
        order = np.argsort(np.abs(exact[row]) - np.abs(change[row]), kind="stable")  # rounded away the most, first
        remaining = size[row].sum() - np.cumsum(gain[row][order])
        count = int(np.argmax(remaining <= limit)) + 1 if remaining[-1] <= limit else len(order)
        change[row, order[:count]] = towards[row, order[:count]]
