"""What a patch hides an image with."""

import pytest
import torch

from ironglass.errors import InputError
from ironglass.explain.parts.fill import blur, fill_images


@pytest.mark.parametrize(("fill", "level"), [("grey", 0.5), ("black", 0.0), ("white", 1.0), (0.3, 0.3), (0, 0.0)])
def test_levels(fill, level):
    assert torch.equal(fill_images(fill, torch.rand(2, 3, 4, 5)), torch.full((2, 3, 4, 5), level))


def test_mean_is_a_colour():
    filled = fill_images("mean", torch.rand(2, 3, 4, 5), mean=(0.1, 0.2, 0.3))
    assert torch.equal(filled[1, :, 3, 4], torch.tensor([0.1, 0.2, 0.3]))
    assert filled.shape == (2, 3, 4, 5)


def test_a_tensor_is_broadcast():
    baseline = torch.rand(3, 4, 5)
    assert torch.equal(fill_images(baseline, torch.rand(2, 3, 4, 5))[1], baseline)


@pytest.mark.parametrize(
    ("fill", "mean", "says"),
    [
        ("pink", None, "grey, black, white"),
        ("mean", None, "give mean"),
        ("mean", (0.1, 0.2), "2 channels"),
        ("mean", (0.1, 2.0, 0.0), "in \\[0, 1\\]"),
        (1.5, None, "in \\[0, 1\\]"),
        (float("nan"), None, "in \\[0, 1\\]"),
        (torch.rand(2, 2), None, "broadcast"),
    ],
)
def test_other_fills_are_refused(fill, mean, says):
    with pytest.raises(InputError, match=says):
        fill_images(fill, torch.rand(2, 3, 4, 5), mean)


def test_blur_keeps_flat_images_and_spreads_a_point():
    flat = torch.full((1, 3, 32, 48), 0.7)
    torch.testing.assert_close(blur(flat), flat)
    point = torch.zeros(1, 1, 33, 33)
    point[..., 16, 16] = 1
    spread = blur(point)[0, 0]
    sigma = 33 / 16
    torch.testing.assert_close(spread.sum(), torch.tensor(1.0))
    torch.testing.assert_close(spread, spread.T)
    torch.testing.assert_close(spread[16, 18] / spread[16, 16], torch.exp(torch.tensor(-0.5 * (2 / sigma) ** 2)))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (5, 40)])
def test_blur_takes_any_size(size):
    blurred = blur(torch.rand(2, 3, *size))
    assert blurred.shape == (2, 3, *size)
    assert blurred.min() >= 0
    assert blurred.max() <= 1
