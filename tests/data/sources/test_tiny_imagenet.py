from pathlib import Path

import numpy as np
import pytest

from ironglass.data import load_dataset
from ironglass.data.sources.tiny_imagenet import tiny_imagenet
from ironglass.errors import InputError


@pytest.fixture
def layout(tmp_path, png) -> Path:
    root = tmp_path / "tiny-imagenet-200"
    for k, wnid in enumerate(("n02", "n01")):
        (root / "train" / wnid / "images").mkdir(parents=True)
        for i in range(3):
            (root / "train" / wnid / "images" / f"{wnid}_{i}.JPEG").write_bytes(png(10 * k + i))
    (root / "val" / "images").mkdir(parents=True)
    lines = [f"val_{i}.JPEG\tn0{1 + i % 2}\t0\t0\t9\t9\n" for i in range(4)]
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    for i in range(4):
        (root / "val" / "images" / f"val_{i}.JPEG").write_bytes(png(50 + i))
    (root / "test" / "images").mkdir(parents=True)
    (root / "test" / "images" / "test_0.JPEG").write_bytes(png(9))
    return root


def test_labels_of_train_come_from_folders_and_of_val_from_annotations(layout):
    for path in (layout, layout.parent):
        found = tiny_imagenet(path).listings()
        assert found["train"].classes == found["validation"].classes == ("n01", "n02")
        assert found["train"].labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert found["validation"].labels.tolist() == [0, 1, 0, 1]
        assert found["validation"].names[1] == "val/images/val_1.JPEG"
        assert list(found["validation"].read(np.array([1]))) == [layout / "val/images/val_1.JPEG"]
        assert list(found) == ["train", "validation"]


def test_a_missing_or_strange_annotation_is_refused(layout):
    annotations = layout / "val" / "val_annotations.txt"
    lines = annotations.read_text().splitlines()
    annotations.write_text("\n".join(lines[:-1]))
    with pytest.raises(InputError, match=r"val/images/val_3.JPEG has no line"):
        tiny_imagenet(layout).listings()
    for line in ("val_3.JPEG", "val_3.JPEG\tn99\t0"):
        annotations.write_text("\n".join([*lines[:-1], line]))
        with pytest.raises(InputError, match="second column is no folder of train"):
            tiny_imagenet(layout).listings()
    annotations.unlink()
    with pytest.raises(InputError, match="is not Tiny ImageNet"):
        tiny_imagenet(layout)


def test_the_official_zip_and_the_parquet_copy_hold_the_same_pixels(shared_data):
    zipped = load_dataset(f"tiny-imagenet:{shared_data}/tiny_imagenet/original_zip/tiny-imagenet-20.zip")
    tables = load_dataset(str(shared_data / "tiny_imagenet" / "parquet_a"))
    assert zipped.classes == tables.classes
    assert len(zipped.classes) == 20
    for splits, n in ((("train", "validation"), 10_000), (("test",), 1_000)):
        (a, x), (b, y) = (
            (
                np.concatenate([data[split].pixels for split in splits]),
                np.concatenate([data[split].labels for split in splits]),
            )
            for data in (zipped, tables)
        )
        assert a.shape == b.shape == (n, 64, 64, 3)
        for k in range(20):
            assert sorted(image.tobytes() for image in a[x == k]) == sorted(image.tobytes() for image in b[y == k])
