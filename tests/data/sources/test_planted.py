"""Planted images: where the evidence lies, and what the marks are tied to."""

import numpy as np
import pytest

from ironglass.data import load_dataset
from ironglass.data.dataset import Split
from ironglass.data.sources.planted import CLASSES, COLOURS, MARK, evidence, marks, planted_split, tied
from ironglass.errors import InputError


@pytest.fixture(scope="module")
def marked() -> Split:
    return planted_split("test", 300, shortcut=True)


def test_the_spec_loads_them_whole():
    dataset = load_dataset("planted-shortcut")
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 3000,
        "validation": 500,
        "test": 1000,
    }
    assert dataset.classes == CLASSES
    assert dataset.size == (32, 32)
    first = planted_split("test", 40, shortcut=True)
    some = dataset.test.take(np.array([dataset.test.names.index(name) for name in first.names]))
    np.testing.assert_array_equal(some.pixels, first.pixels)
    np.testing.assert_array_equal(some.labels, first.labels)
    for split in dataset.splits.values():
        assert np.bincount(split.labels, minlength=4).min() > 0.2 * len(split)


def test_equal_seeds_give_equal_bytes_and_variants_differ_by_the_marks_alone(marked):
    plain = planted_split("test", 300)
    np.testing.assert_array_equal(plain.pixels, planted_split("test", 300).pixels)
    assert (plain.pixels != planted_split("test", 300, seed=1).pixels).any()
    assert (plain.pixels != planted_split("train", 300).pixels).any()
    outside = ~marks(marked)
    np.testing.assert_array_equal(plain.pixels[outside], marked.pixels[outside])
    assert not marks(plain).any()
    assert not tied(plain).any()


def test_every_mark_is_of_one_colour_and_tied_in_train(marked):
    corner = marked.pixels[:, MARK, MARK]
    assert marks(marked).sum() == corner[..., 0].size
    assert (corner == corner[:, :1, :1]).all()
    class_of = {tuple(colour): label for label, colour in enumerate(COLOURS.tolist())}
    shown = np.array([class_of[tuple(colour)] for colour in corner[:, 0, 0].tolist()])
    np.testing.assert_array_equal(shown == marked.labels, tied(marked))
    assert 0.4 < tied(marked).mean() < 0.6
    assert tied(planted_split("train", 50, shortcut=True)).all()
    assert tied(planted_split("validation", 50, shortcut=True)).all()


def test_the_shape_lies_in_its_evidence_and_off_the_mark(marked):
    masks = evidence(marked)
    assert not (masks & marks(marked)).any()
    assert masks.any((1, 2)).all()
    # a shape's own colour stands further from its ground than textures do
    pixels = planted_split("test", 300).pixels.astype(float)
    inside, outside = (
        (pixels * where[..., None]).sum((1, 2)) / where.sum((1, 2))[:, None] for where in (masks, ~masks)
    )
    assert np.median(np.linalg.norm(inside - outside, axis=1)) > 80
    # by hand: area of a disc from its height
    for mask in masks[marked.labels == CLASSES.index("disc")]:
        height = mask.any(1).sum()
        assert mask.sum() == pytest.approx(np.pi * height**2 / 4, rel=0.2)


def test_masks_follow_their_images(marked):
    order = np.random.default_rng(0).permutation(300)[:50]
    both = Split(
        np.concatenate([marked.pixels[order], planted_split("train", 5).pixels]),
        np.zeros(55, int),
        (*(marked.names[i] for i in order), *planted_split("train", 5).names),
    )
    np.testing.assert_array_equal(evidence(both)[:50], evidence(marked)[order])
    np.testing.assert_array_equal(evidence(both)[50:], evidence(planted_split("train", 5)))
    assert marks(both).any((1, 2)).tolist() == [True] * 50 + [False] * 5
    larger = Split(marked.pixels.repeat(2, 1).repeat(2, 2), marked.labels, marked.names)
    np.testing.assert_array_equal(evidence(larger), evidence(marked).repeat(2, 1).repeat(2, 2))
    assert evidence(marked.take(slice(0, 0))).shape == (0, 32, 32)


def test_other_images_are_refused():
    with pytest.raises(InputError, match="'digits/3' is not a planted image"):
        evidence(Split(np.zeros((1, 8, 8, 1), np.uint8), np.zeros(1, int), ("digits/3",)))
    with pytest.raises(InputError, match="no split 'dev'"):
        planted_split("dev", 3)
