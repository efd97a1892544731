"""Copies are certain near-duplicates; the same shape in another shade is at most a likely one."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ironglass.measure.inspection.near_duplicates import NearPairs, near_duplicates


def garments(n: int, seed: int) -> np.ndarray:
    """Grey shapes on black, nearly alike: one width, length and shade each."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:48, :48] - 23.5
    shapes = []
    for _ in range(n):
        width, length, lean = random.uniform(6, 16), random.uniform(14, 22), random.uniform(-0.2, 0.2)
        inside = (abs(columns - lean * rows) < width) & (abs(rows) < length)
        cloth = 150 + 60 * gaussian_filter(random.normal(size=(48, 48)), 2) * 3
        shapes.append(np.clip(gaussian_filter(inside * cloth, 0.7), 0, 255))
    return np.array(shapes).astype(np.uint8)


def found(thumbs: np.ndarray) -> tuple[NearPairs, dict[tuple[int, int], bool]]:
    pairs = near_duplicates(thumbs, np.full((len(thumbs), 4, 4, 2), 128, np.uint8))
    keys = zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    return pairs, dict(zip(keys, pairs.certain.tolist(), strict=True))


@pytest.fixture(scope="module")
def shapes() -> np.ndarray:
    return garments(400, 0)


def test_shapes_of_one_kind_are_no_pairs(shapes: np.ndarray) -> None:
    pairs, by_pair = found(shapes)
    assert by_pair == {}
    assert pairs.proposed > 0  # they are alike, and were compared


def test_a_copy_is_certain_and_another_shade_is_not(shapes: np.ndarray) -> None:
    noise = np.random.default_rng(1).integers(-2, 3, shapes.shape[1:])
    copy = np.clip(shapes[0].astype(int) + noise, 0, 255)
    shade = shapes[1] * 0.6
    changed = shapes[2].copy()
    changed[20:26, 20:26] = 0
    _, by_pair = found(np.concatenate([shapes, np.array([copy, shade, changed]).astype(np.uint8)]))
    assert by_pair.pop((0, 400))
    assert not by_pair.pop((1, 401), False)
    assert not by_pair.pop((2, 402), False)
    assert by_pair == {}


def test_a_mirrored_copy_is_certain(shapes: np.ndarray) -> None:
    pairs, by_pair = found(np.concatenate([shapes, shapes[5:6, :, ::-1]]))
    assert by_pair == {(5, 400): True}
    assert pairs.mirrored.tolist() == [True]
