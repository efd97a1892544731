"""Colour maps, scales and encodings, by hand."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from ironglass.report.kit import pictures


def decoded(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition("base64,")[2])))


def test_positive_maps_drop_what_is_negative():
    maps = np.array([[[-3.0, 0.0], [1.0, 2.0]], [[0.5, np.nan], [-1.0, 0.0]]])
    assert pictures.positive_scale(maps) == 2
    assert pictures.positive_index(maps[0], 2).tolist() == [[0, 0], [128, 255]]


def test_maps_without_any_evidence_are_dark_not_an_error():
    maps = np.full((2, 3, 3), -1.0)
    assert pictures.positive_scale(maps) == 0
    assert pictures.positive_index(maps[0], 0).max() == 0


def test_signed_maps_share_a_symmetric_scale():
    scale = pictures.signed_scale([np.array([0.1, -0.4]), np.array([0.2])])
    assert scale == pytest.approx(0.4)
    assert pictures.signed_index(np.array([[-0.4, 0.0, 0.4]]), scale).tolist() == [[0, 128, 255]]
    assert pictures.signed_scale([]) == 0
    red, _, blue = pictures.SIGNED[255].astype(int)
    assert red > blue, "a drop is red"
    assert pictures.SIGNED[128].min() > 240, "nought is white"


def test_the_heat_map_grows_lighter_throughout():
    lightness = pictures.HEAT @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) > -0.75).all()  # one step of 8-bit rounding
    assert lightness[0] < 5
    assert lightness[-1] > 240


def test_grey_and_float_photographs_become_colour():
    assert pictures.colour(np.full((2, 2, 1), 7, np.uint8)).tolist() == np.full((2, 2, 3), 7).tolist()
    assert pictures.colour(np.array([[[0.0, 0.5, 1.0]]], np.float32)).tolist() == [[[0, 128, 255]]]


def test_magnified_change_lies_about_mid_grey():
    change = np.array([[[0.0, 2 / 255, -2 / 255]]], np.float32)
    assert pictures.magnified(change, 10).tolist() == [[[128, 148, 108]]]


def test_small_photographs_come_back_exactly():
    photo = np.random.default_rng(0).integers(0, 256, (28, 20, 3), dtype=np.uint8)
    assert (np.asarray(decoded(pictures.photo_url(photo, 160)).convert("RGB")) == photo).all()


def test_large_photographs_are_shrunk_and_keep_their_shape():
    photo = np.full((400, 200, 3), 90, np.uint8)
    shown = decoded(pictures.photo_url(photo, 160))
    assert shown.size == (80, 160)
    assert abs(np.asarray(shown).astype(int) - 90).max() <= 2


def test_a_map_is_drawn_in_its_colours():
    index = np.array([[0, 255], [128, 64]], np.uint8)
    shown = np.asarray(decoded(pictures.map_url(index, pictures.HEAT, 112)).convert("RGB"))
    assert (shown == pictures.HEAT[index]).all()


def test_overlay_is_the_stated_mixture():
    photo = np.full((4, 4, 3), 200, np.uint8)
    wanted = (pictures.OVERLAY * pictures.HEAT[255] + (1 - pictures.OVERLAY) * 200).round()
    assert (pictures.overlaid(photo, np.full((2, 2), 255, np.uint8)) == wanted).all()


def test_occlusion_leaves_a_white_photograph_in_the_colours_of_its_scale():
    photo = np.full((4, 4, 3), 255, np.uint8)
    assert (pictures.tinted(photo, np.full((4, 4), 230, np.uint8)) == pictures.SIGNED[230]).all()


def test_gradient_begins_and_ends_with_the_map():
    css = pictures.gradient_css(np.array([[0, 0, 0]] * 255 + [[255, 255, 255]], np.uint8))
    assert css.startswith("linear-gradient(90deg,#000000,")
    assert css.endswith(",#ffffff)")
