"""Rounding to bytes never leaves the threat."""

import numpy as np
import pytest

from ironglass.attacks.parts.eight_bit import round_to_bytes
from ironglass.attacks.parts.occluder import Occluder
from ironglass.attacks.parts.threat import L2, Linf
from ironglass.errors import InputError


def drawn(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.random.Generator]:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (n, 4, 5, 3), dtype=np.uint8), random


@pytest.mark.parametrize("eps", [0.0, 0.5 / 255, 1 / 255, 4 / 255, 8 / 255, 0.03, 1.0])
def test_linf_keeps_every_byte_within_eps(eps: float) -> None:
    pixels, random = drawn()
    moved = (pixels / 255 + eps * random.choice([-1, -0.7, 0, 0.3, 1], pixels.shape)).clip(0, 1).astype(np.float32)
    found = round_to_bytes(pixels, moved, Linf(eps)).astype(int)
    assert np.abs(found - pixels).max() <= eps * 255 + 1e-9
    allowed = np.floor(eps * 255 + 1e-6)
    wanted = np.rint(moved.astype(np.float64) * 255 - pixels).clip(-allowed, allowed)
    assert np.array_equal(found - pixels, wanted)
    assert allowed == 0 or (found != pixels).any()


@pytest.mark.parametrize("eps", [0.0, 0.01, 0.05, 0.5, 1.7])
def test_l2_keeps_the_change_within_eps_and_near_it(eps: float) -> None:
    pixels, random = drawn()
    direction = random.normal(size=pixels.shape)
    direction /= np.sqrt((direction**2).sum((1, 2, 3), keepdims=True))
    moved = (pixels / 255 + eps * direction).clip(0, 1).astype(np.float32)
    found = round_to_bytes(pixels, moved, L2(eps)).astype(int) - pixels
    length = np.sqrt((found**2).sum((1, 2, 3))) / 255
    assert (length <= eps * (1 + 1e-6)).all()
    exact = np.sqrt(((moved * 255 - pixels) ** 2).sum((1, 2, 3))) / 255
    if eps >= 0.5:  # the bound is nearly used up, not rounded away
        assert (length > exact - 0.02).all()
    assert (np.abs(found - (moved.astype(np.float64) * 255 - pixels)) < 1).all()


def test_l2_by_hand() -> None:
    pixels = np.full((1, 1, 1, 3), 100, dtype=np.uint8)
    moved = ((pixels + np.array([1.6, 1.4, 0.55])) / 255).astype(np.float32)
    # rounded: 2, 1, 1 of squared length 6; towards the image first where rounding added most: 0.55, then 1.6
    assert round_to_bytes(pixels, moved, L2(3 / 255)).ravel().tolist() == [102, 101, 101]
    assert round_to_bytes(pixels, moved, L2(5**0.5 / 255)).ravel().tolist() == [102, 101, 100]
    assert round_to_bytes(pixels, moved, L2(2.2 / 255)).ravel().tolist() == [101, 101, 100]


def test_other_threats_are_refused() -> None:
    pixels, _ = drawn(1)
    with pytest.raises(InputError, match="Occluder"):
        round_to_bytes(pixels, pixels / 255, Occluder(2))


@pytest.mark.parametrize("threat", [Linf(0.5 / 255), Linf(2 / 255), Linf(0.03), L2(0.05), L2(0.5)])
def test_floats_between_bytes_are_rounded_within_the_threat_where_a_byte_is(threat) -> None:
    random = np.random.default_rng(1)
    pixels = random.random((100, 4, 5, 3))
    direction = random.normal(size=pixels.shape)
    if isinstance(threat, Linf):
        moved = pixels + threat.eps * np.sign(direction)
    else:
        moved = pixels + threat.eps * direction / np.sqrt((direction**2).sum((1, 2, 3), keepdims=True))
    found = round_to_bytes(pixels, moved.clip(0, 1).astype(np.float32), threat)
    assert found.dtype == np.uint8
    change = found / 255 - pixels
    if isinstance(threat, Linf):
        near = np.floor(pixels * 255 + threat.eps * 255) >= np.ceil(pixels * 255 - threat.eps * 255)
        assert near.any()
        assert np.abs(change)[near].max() <= threat.eps + 1e-6
        assert np.abs(change).max() <= max(threat.eps, 0.5 / 255) + 1e-6
    else:
        length = np.sqrt((change**2).sum((1, 2, 3)))
        nearest = np.sqrt(((np.rint(pixels * 255) / 255 - pixels) ** 2).sum((1, 2, 3)))
        assert (length <= np.maximum(threat.eps * (1 + 1e-6), 2 * nearest + 1e-6)).all()
