"""What is painted, and strokes that are none."""

from typing import Any

import numpy as np
import pytest
import torch

from ironglass.errors import InputError
from ironglass.studio.edit.strokes import Brush, Donor, Rectangle, paint, read_strokes

BRUSH = {"kind": "brush", "fill": "black", "radius": 2, "points": [[3, 4], [5.5, 6]]}
RECTANGLE = {"kind": "rectangle", "fill": "grey", "top": 1, "left": 2, "height": 3, "width": 4}


def test_a_brush_hides_what_is_near_its_line() -> None:
    points = ((3.0, 4.0), (11.0, 9.0), (2.0, 13.5))
    found = Brush(fill="black", radius=1.7, points=points).mask(16, 14)
    expected = np.zeros((16, 14), bool)
    for row in range(16):
        for column in range(14):
            here = np.array([column + 0.5, row + 0.5])
            for start, end in zip(map(np.array, points), map(np.array, points[1:]), strict=False):
                share = np.clip((here - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
                expected[row, column] |= np.linalg.norm(here - start - share * (end - start)) <= 1.7
    assert 20 < expected.sum() < 150
    assert (found == expected).all()


def test_one_point_is_a_disc() -> None:
    found = Brush(fill="black", radius=1, points=((4.0, 4.0),)).mask(8, 8)
    assert found.sum() == 4
    assert found[3:5, 3:5].all()


@pytest.mark.parametrize(
    ("given", "rows", "columns"),
    [
        ((1, 2, 3, 4), slice(1, 4), slice(2, 6)),
        ((-2, 5, 4, 90), slice(0, 2), slice(5, 8)),
        ((-9, -9, 3, 3), slice(0), slice(0)),
    ],
)
def test_a_rectangle_is_cut_off_at_the_border(given: tuple[int, ...], rows: slice, columns: slice) -> None:
    top, left, height, width = given
    found = Rectangle(fill="black", top=top, left=left, height=height, width=width).mask(8, 8)
    expected = np.zeros((8, 8), bool)
    expected[rows, columns] = True
    assert (found == expected).all()


@pytest.mark.parametrize(("fill", "level"), [("black", 0), ("grey", 128 / 255), ("white", 1)])
def test_paint_covers_what_is_hidden_and_nothing_else(fill: str, level: float) -> None:
    images = torch.rand(1, 3, 9, 9)
    kept = images.clone()
    painted = paint(images, [Rectangle(fill=fill, top=2, left=3, height=4, width=5)])
    assert torch.equal(images, kept)
    assert torch.equal(painted[:, :, 2:6, 3:8], torch.full((1, 3, 4, 5), level))
    painted[:, :, 2:6, 3:8] = images[:, :, 2:6, 3:8]
    assert torch.equal(painted, images)


def test_a_blur_is_that_of_the_picture_and_of_whole_255ths() -> None:
    images = torch.rand(1, 3, 32, 32)
    blur = Rectangle(fill="blur", top=0, left=0, height=32, width=32)
    black = Rectangle(fill="black", top=0, left=0, height=9, width=9)
    painted = paint(images, [black, blur])
    assert torch.equal(painted, paint(images, [blur]))
    assert torch.equal(painted, painted.mul(255).round().div(255))
    assert painted.std() < images.std() / 2


def test_strokes_are_read() -> None:
    brush = Brush(fill="black", radius=2, points=((3, 4), (5.5, 6)))
    assert read_strokes([BRUSH, RECTANGLE]) == (brush, Rectangle(fill="grey", top=1, left=2, height=3, width=4))


WRONG: list[tuple[Any, str]] = [
    ({}, "a list"),
    ([BRUSH] * 501, "at most 500"),
    ([{**BRUSH, "points": [[0, 0]] * 5000}, BRUSH], "more than 5000 points"),
    (["brush"], "kind"),
    ([{**BRUSH, "kind": "spray"}], "brush or rectangle"),
    ([{**BRUSH, "kind": []}], "brush or rectangle"),
    ([{**BRUSH, "more": 1}], "nothing else"),
    ([{**BRUSH, "fill": "../../etc/passwd"}], "fill"),
    ([{**BRUSH, "fill": []}], "fill"),
    ([{**BRUSH, "radius": 0}], "more than 0"),
    ([{**BRUSH, "radius": float("nan")}], "from"),
    ([{**BRUSH, "radius": 1e300}], "from"),
    ([{**BRUSH, "radius": True}], "number"),
    ([{**BRUSH, "points": []}], "pairs"),
    ([{**BRUSH, "points": [[1, 2, 3]]}], "pair"),
    ([{**BRUSH, "points": [["1", 2]]}], "number"),
    ([{**RECTANGLE, "top": 1.5}], "whole number"),
    ([{**RECTANGLE, "width": 0}], "at least 1"),
    ([{**RECTANGLE, "left": 10**400}], "from"),
]


@pytest.mark.parametrize(("value", "said"), WRONG)
def test_what_is_no_stroke_is_refused(value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_strokes(value)


def test_a_donor_gives_its_pixels_at_the_same_position_or_a_chosen_one() -> None:
    images, donor = torch.rand(1, 3, 12, 12), torch.randint(0, 256, (1, 3, 12, 12)) / 255
    same = Rectangle(fill=Donor(), top=2, left=3, height=4, width=5)
    painted = paint(images, [same], [donor])
    assert torch.equal(painted[:, :, 2:6, 3:8], donor[:, :, 2:6, 3:8])
    painted[:, :, 2:6, 3:8] = images[:, :, 2:6, 3:8]
    assert torch.equal(painted, images)
    shifted = Rectangle(fill=Donor(picture=1, shift=(4, -1)), top=2, left=3, height=4, width=5)
    painted = paint(images, [shifted], [images, donor])
    assert torch.equal(painted[:, :, 2:6, 3:8], donor[:, :, 1:5, 7:12])


def test_nothing_is_painted_from_beyond_the_donor() -> None:
    images, donor = torch.zeros(1, 1, 6, 6), torch.ones(1, 1, 6, 6)
    whole = Rectangle(fill=Donor(shift=(4, 0)), top=0, left=0, height=6, width=6)
    painted = paint(images, [whole], [donor])
    assert torch.equal(painted[..., :2], donor[..., :2])
    assert torch.equal(painted[..., 2:], images[..., 2:])
    assert torch.equal(
        paint(images, [Rectangle(fill=Donor(shift=(-9, 9)), top=0, left=0, height=6, width=6)], [donor]), images
    )


def test_donors_are_read() -> None:
    found = read_strokes([{**RECTANGLE, "fill": {"donor": 1, "shift": [-2, 3]}}], 2)
    assert found[0].fill == Donor(picture=1, shift=(-2, 3))


@pytest.mark.parametrize(
    "fill",
    [
        {"donor": 2, "shift": [0, 0]},
        {"donor": -1, "shift": [0, 0]},
        {"donor": True, "shift": [0, 0]},
        {"donor": "0", "shift": [0, 0]},
        {"donor": 0},
        {"donor": 0, "shift": [0, 0], "path": "x"},
        {"donor": 0, "shift": [0.5, 0]},
        {"donor": 0, "shift": [10**9, 0]},
        {"donor": 0, "shift": 3},
    ],
)
def test_what_is_no_donor_is_refused(fill: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="fill"):
        read_strokes([{**RECTANGLE, "fill": fill}], 2)
