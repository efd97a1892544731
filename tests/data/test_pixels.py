"""Pixels as bytes and as floats: taken as they are, or refused by name."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ironglass.data import load_dataset
from ironglass.data.augment import Augment
from ironglass.data.corruptions.corrupt import CORRUPTIONS, corrupt
from ironglass.data.dataset import Dataset, Split
from ironglass.data.only import only_classes
from ironglass.errors import InputError

BYTES = np.random.default_rng(0).integers(0, 256, (12, 8, 9, 3), np.uint8)
LABELS = np.arange(12) % 3


@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f4", "<f2", "tensor", "bfloat16", "memmap", "fortran", "read-only"])
def test_floats_are_taken_as_they_are(kind, tmp_path):
    exact = BYTES.astype(np.float64) / 255
    pixels = exact.astype(np.float32)
    if kind == "memmap":
        np.save(tmp_path / "pixels.npy", pixels)
        pixels = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    elif kind == "tensor":
        pixels = torch.from_numpy(pixels)
    elif kind == "bfloat16":
        pixels = torch.from_numpy(pixels).bfloat16()
    elif kind == "fortran":
        pixels = np.asfortranarray(pixels)
    elif kind == "read-only":
        pixels.flags.writeable = False
    else:
        pixels = exact.astype(kind)
    split = Split(pixels, LABELS)
    images, labels = split[2:5]
    assert images.dtype == torch.float32
    assert labels.tolist() == LABELS[2:5].tolist()
    near = {"<f2": 1e-3, "bfloat16": 4e-3}.get(kind, 1e-7)
    torch.testing.assert_close(images, Split(BYTES, LABELS)[2:5][0], atol=near, rtol=0)
    images.zero_()  # a copy, whatever was given
    assert split[2:5][0].any()
    assert split.take(np.array([3, 1])).labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (BYTES.astype(np.uint16) * 16, "uint16 from 0 to 4080: .* pixels / 4095"),
        (BYTES.astype(np.uint16) * 257, "uint16 from 0 to 65535: .* pixels / 65535"),
        (BYTES.astype(np.int64), r"int64 from 0 to 255: give pixels.astype\(numpy.uint8\)"),
        (BYTES.astype(np.int16) - 1000, "int16 from -1000 to -745: give floats"),
        (BYTES.astype(np.float32), "range from 0 to 255: .* pixels / 255"),
        (BYTES / 255 * 4095, "range from 0 to 4095: .* pixels / 4095"),
        (BYTES / 127.5 - 1, "range from -1 to 1: .* not normalised"),
        (np.where(BYTES[0, 0, 0, 0] == BYTES, np.nan, 0.5), "no finite number"),
        (np.where(BYTES[0, 0, 0, 0] == BYTES, -np.inf, np.inf), "no finite number"),
        (BYTES > 9, "bool: give uint8"),
        (BYTES.astype(complex), "complex128"),
        (BYTES.astype(str), "give uint8"),
        (BYTES[0], r"\(8, 9, 3\): give them as \(n, h, w, c\)"),
        (BYTES.transpose(0, 3, 1, 2), r"channels last, pixels.transpose\(0, 2, 3, 1\)"),
        (BYTES[:, :0], "at least 1"),
        ([BYTES[0], BYTES[1, 1:]], "images differ in size"),
    ],
)
def test_other_pixels_are_refused_with_the_range_found(pixels, message):
    with pytest.raises(InputError, match=message) as error:
        Split(pixels, np.zeros(len(pixels), dtype=np.int64))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("labels", [LABELS.astype(kind) for kind in ("i1", "i4", "<u8", ">i4")] + [LABELS.tolist()])
def test_labels_of_any_whole_numbers_are_taken(labels):
    split = Split(BYTES, labels)
    assert split.labels.dtype == np.int64
    assert split[:][1].tolist() == LABELS.tolist()
    assert Split(BYTES, torch.as_tensor(LABELS)).labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS.astype(float), "labels are float64: give whole numbers"),
        (LABELS > 0, "labels are bool"),
        ([str(label) for label in LABELS], "give whole numbers"),
        (LABELS - 1, "a label is -1"),
        (LABELS[:5], r"\(5,\) and there are 12 images"),
        (LABELS[:, None], r"\(12, 1\) and there are 12 images"),
        (np.eye(3, dtype=int)[LABELS], r"\(12, 3\)"),
        (np.full(12, 2**64 - 1, dtype=np.uint64), "positions"),
        ([], r"\(0,\) and there are 12"),
    ],
)
def test_other_labels_are_refused(labels, message):
    with pytest.raises(InputError, match=message):
        Split(BYTES, labels)


def test_names_are_one_an_image_or_numbered():
    assert Split(BYTES, LABELS).names[:2] == ("image-00000", "image-00001")
    assert Split(BYTES, LABELS, list("abcdefghijkl")).names[1] == "b"
    with pytest.raises(InputError, match="2 names and 12 images"):
        Split(BYTES, LABELS, ("a", "b"))


@pytest.mark.parametrize("classes", [("a",), ("a", "b")])
def test_a_label_beyond_the_classes_is_refused(classes):
    split = Split(BYTES, LABELS)
    assert Dataset("mine", {"test": split}, ("a", "b", "c"), "f").test is split
    with pytest.raises(InputError, match=f"test has the label 2 and there are {len(classes)} classes"):
        Dataset("mine", {"train": replace(split, labels=LABELS * 0), "test": split}, classes, "f")


def test_splits_of_two_sizes_and_none_are_refused():
    with pytest.raises(InputError, match="bring them to one"):
        Dataset("mine", {"train": Split(BYTES, LABELS), "test": Split(BYTES[:, 1:], LABELS)}, ("a", "b", "c"), "f")
    with pytest.raises(InputError, match="no split"):
        Dataset("mine", {}, ("a", "b"), "f")


def test_a_sample_is_drawn_by_the_seed():
    split = Split(BYTES, LABELS)
    images, labels = split.sample(12, seed=3)
    order = [next(i for i in range(12) if torch.equal(split[i][0][0], image)) for image in images]
    assert sorted(order) == list(range(12))
    assert order != sorted(order)
    assert labels.tolist() == LABELS[order].tolist()
    assert torch.equal(split.sample(5, seed=3)[0], images[:5])
    assert not torch.equal(split.sample(12, seed=4)[0], images)
    for n in (0, 13):
        with pytest.raises(InputError, match=f"cannot draw {n} of 12"):
            split.sample(n)


def test_the_repr_is_short():
    data = load_dataset("digits")
    assert repr(data).splitlines() == [
        "Dataset 'digits', 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "  train       1,259 images of 32 × 32 × 1, uint8",
        "  validation  179 images of 32 × 32 × 1, uint8",
        "  test        359 images of 32 × 32 × 1, uint8",
    ]
    assert repr(data.test) == "Split(359 images of 32 × 32 × 1, uint8)"
    many = Dataset("m", {"t": Split(BYTES / 255, LABELS)}, tuple(map(str, range(1000))), "f")
    assert len(repr(many)) < 150
    assert "float64" in repr(many)


@pytest.mark.parametrize("spec", ["digits", "folder"])
def test_the_first_images_of_a_split_are_like_the_rest(spec, tmp_path, class_folders, monkeypatch):
    if spec == "folder":
        monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path / "cache"))
        spec = f"folder:{class_folders(tmp_path / 'pets', ('a', 'b', 'c'), n=60)}"
    data = load_dataset(spec)
    k = len(data.classes)
    for split in data.splits.values():
        n = len(split)
        few = min(64, n // 2)
        counts = np.bincount(split.labels[:few], minlength=k)
        # the spread of a draw without repetition, five standard deviations wide
        assert np.abs(counts - few / k).max() < 5 * np.sqrt(few / k)
        assert (counts > 0).sum() > k / 2
    again = load_dataset(spec)
    assert again.test.names == data.test.names
    assert load_dataset(spec, seed=1).test.names != data.test.names
    some = load_dataset(spec, classes=data.classes[:2])
    kept = [name for name, label in zip(data.test.names, data.test.labels, strict=True) if label < 2]
    assert list(some.test.names) == kept


def test_floats_go_the_way_of_bytes():
    pixels = torch.from_numpy(BYTES).permute(0, 3, 1, 2)
    floats = pixels.float() / 255
    everything = Augment(flip=True, crop=2, rotate=10, scale=0.1, erase=0.5, jitter=0.2, poisson=0.5, gaussian=0.1)
    for augment in (Augment(), Augment(flip=True, crop=2), everything):
        before = floats.clone()
        found = [augment(one, torch.Generator().manual_seed(0)) for one in (pixels, floats)]
        assert torch.equal(*found)
        assert torch.equal(before, floats)
    square = torch.cat([pixels] * 4, 3)[..., :32].repeat(1, 1, 4, 1)
    for name in CORRUPTIONS:
        stored, exact = corrupt(square[:2], name, 3), corrupt(square[:2].float() / 255, name, 3)
        assert exact.dtype == torch.float32
        assert 0 <= exact.min() <= exact.max() <= 1
        torch.testing.assert_close(stored.float() / 255, exact, atol=0.5001 / 255, rtol=0)


def test_some_classes_of_floats_are_kept_in_the_cache_as_floats():
    data = Dataset("mine", {"test": Split(BYTES / 255, LABELS)}, ("a", "b", "c"), "floats")
    for _ in range(2):
        found = only_classes(data, ("c", "a")).test
        assert isinstance(found.pixels, np.memmap)
        assert found.pixels.dtype == np.float32
        np.testing.assert_array_equal(found.pixels, (BYTES[LABELS != 1] / 255).astype(np.float32))
