"""Noise of the images' own mean and deviation, and images of the same tiles in another order."""

import numpy as np
import pytest

from ironglass.measure.inspection.made_images import TILES, noise_like, shuffled_tiles


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_noise_has_mean_and_deviation_of_each_channel(kind: type) -> None:
    white = 255 if kind is np.uint8 else 1
    draws = np.random.default_rng(1)
    pixels = np.clip(draws.normal([0.3, 0.5, 0.7], [0.02, 0.05, 0.1], (150, 9, 7, 3)), 0, 1) * white
    pixels = (np.rint(pixels) if white == 255 else pixels).astype(kind)
    made = noise_like(pixels, 0)
    assert (made.shape, made.dtype) == (pixels.shape, pixels.dtype)
    assert made.mean((0, 1, 2)) == pytest.approx(pixels.mean((0, 1, 2)), abs=0.005 * white)
    assert made.std((0, 1, 2), dtype=float) == pytest.approx(pixels.std((0, 1, 2), dtype=float), rel=0.05)
    assert np.array_equal(made, noise_like(pixels, 0))
    assert not np.array_equal(made, noise_like(pixels, 1))
    beside = made[:, :, 1:].astype(float) * made[:, :, :-1]
    assert beside.mean((0, 1, 2)) == pytest.approx(made.mean((0, 1, 2)) ** 2, rel=0.01)  # every value by itself


def test_noise_is_cut_to_black_and_white() -> None:
    pixels = np.zeros((40, 8, 8, 1), np.float32)
    pixels[::2] = 1
    made = noise_like(pixels, 0)
    assert made.min() == 0
    assert made.max() == 1


@pytest.mark.parametrize("side", [(8, 8), (11, 14)])
def test_tiles_are_the_image_s_own_each_once(side: tuple[int, int]) -> None:
    pixels = np.arange(6 * side[0] * side[1] * 3, dtype=np.float64).reshape(6, *side, 3) / 1e4
    made, (height, width) = shuffled_tiles(pixels, 0), (side[0] // TILES, side[1] // TILES)

    def tiles(image: np.ndarray) -> list[bytes]:
        return [
            image[i * height : (i + 1) * height, j * width : (j + 1) * width].tobytes()
            for i in range(TILES)
            for j in range(TILES)
        ]

    for image, shuffled in zip(pixels, made, strict=True):
        assert sorted(tiles(image)) == sorted(tiles(shuffled))
        assert tiles(image) != tiles(shuffled)
    assert np.array_equal(made[:, TILES * height :], pixels[:, TILES * height :])
    assert np.array_equal(made[:, :, TILES * width :], pixels[:, :, TILES * width :])
    orders = {tuple(tiles(image).index(tile) for tile in tiles(shuffled))
              for image, shuffled in zip(pixels, made, strict=True)}  # fmt: skip
    assert len(orders) == len(pixels)


def test_an_image_of_few_pixels_is_cut_into_them() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1)
    assert sorted(shuffled_tiles(pixels, 0).ravel().tolist()) == [0, 1, 2, 3, 4, 5]
