"""Rotation: right angles move pixels, other angles agree with them, nothing black comes in."""

import pytest
import torch

from ironglass.errors import InputError
from ironglass.studio.edit.rotation import rotate


@pytest.mark.parametrize("quarters", [-2, -1, 1, 2])
def test_right_angles_move_pixels_and_change_none(quarters: int) -> None:
    images = torch.rand(1, 3, 9, 9)
    assert torch.equal(rotate(images, 90 * quarters), torch.rot90(images, quarters, (2, 3)))
    assert rotate(images, 0) is images


@pytest.mark.parametrize("degrees", [-137, -45, 30, 89.9])
def test_angles_turn_the_same_way_as_right_angles(degrees: float) -> None:
    """A bright dot goes where rotating its position counter-clockwise takes it."""
    images = torch.zeros(1, 1, 41, 41)
    images[..., 20, 34] = 1  # to the right of the centre
    rotated = rotate(images, degrees)[0, 0].clone()
    down, right = torch.meshgrid(torch.arange(41), torch.arange(41), indexing="ij")
    rotated[(down - 20) ** 2 + (right - 20) ** 2 > 20**2] = 0  # the corners hold the picture mirrored at its border
    row, column = divmod(int(rotated.argmax()), 41)
    angle = torch.deg2rad(torch.tensor(degrees))
    assert row == pytest.approx(20 - 14 * float(angle.sin()), abs=1)
    assert column == pytest.approx(20 + 14 * float(angle.cos()), abs=1)


@pytest.mark.parametrize(("height", "width"), [(20, 40), (40, 20)])
def test_shapes_are_kept_where_the_sides_differ(height: int, width: int) -> None:
    """A round spot stays round: the angle is one of pixels, not of shares of the sides."""
    down, right = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    spot = ((down - height / 2 + 0.5) ** 2 + (right - width / 2 + 0.5) ** 2 < 36).float()[None, None]
    near = slice(height // 2 - 9, height // 2 + 9), slice(width // 2 - 9, width // 2 + 9)  # beyond, it is mirrored
    for degrees in (45.0, 90.0, 180.0):
        assert (rotate(spot, degrees) - spot)[0, 0][near].abs().mean() < 0.05


def test_values_are_whole_255ths_and_no_corner_turns_black() -> None:
    images = torch.full((1, 3, 16, 16), 0.6)
    found = rotate(images, 33)
    assert torch.equal(found, images)
    noisy = rotate(torch.rand(1, 3, 16, 16), 33)
    assert torch.equal(noisy, noisy.mul(255).round().div(255))


@pytest.mark.parametrize("degrees", [181, -181, float("nan"), float("inf")])
def test_other_angles_are_refused(degrees: float) -> None:
    with pytest.raises(InputError, match="degrees"):
        rotate(torch.rand(1, 1, 4, 4), degrees)
