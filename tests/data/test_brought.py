"""Data as users bring them: what was guessed is said, and what could be read in two ways is refused."""

import io
import json
import os
import shutil
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ironglass.data.dataset import Dataset
from ironglass.data.load import load_dataset
from ironglass.data.match import match_classes
from ironglass.errors import InputError


def image(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)).save(buffer, "png")
    return buffer.getvalue()


def put(folder: Path, seeds: Sequence[int]) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / f"{seed:03}.png").write_bytes(image(seed))
    return [f"{seed:03}.png" for seed in seeds]


def said(dataset: Dataset) -> str:
    return " | ".join(dataset.notes)


LABELS = ["cat", "dog", "owl"] * 6


def table(folder: Path, name: str = "labels.csv", **columns: Sequence[object]) -> Path:
    """A table of 18 images: file_name, and the columns given."""
    columns = {"file_name": put(folder, range(18)), **columns}
    lines = [",".join(columns), *(",".join(map(str, cells)) for cells in zip(*columns.values(), strict=True))]
    (folder / name).write_text("\n".join(lines))
    return folder / name


def shard(folder: Path, **columns: Sequence[object]) -> Path:
    folder.mkdir()
    pq.write_table(pa.table({"image": [image(i) for i in range(18)], **columns}), folder / "data.parquet")
    return folder


NAMES = [
    *(("training_set", "test_set"), ("imgs_train", "imgs_val"), ("train", "eval"), ("Train2024", "Val2024")),
    ("split-training", "split-testing", "split-dev"),
    *(("trainset", "testset", "devset"), ("trainData", "valData"), ("TrainingImages", "TestImages")),
    *(("seg_train", "seg_test", "seg_pred"), ("a_train_part", "b_test_part", "sketches"), ("Train Set 1", "holdout")),
]


@pytest.mark.parametrize("names", NAMES)
def test_folders_that_could_be_splits_are_asked_for(tmp_path, names):
    for number, name in enumerate(names):
        for label, start in (("cat", 0), ("dog", 50)):
            put(tmp_path / name / label, range(start + 6 * number, start + 6 * number + 6))
    with pytest.raises(InputError, match="are these splits or classes"):
        load_dataset(str(tmp_path))
    chosen = dict(zip(("train", "test"), names, strict=False))
    dataset = load_dataset(str(tmp_path), splits=chosen)
    assert dataset.classes == ("cat", "dog")
    assert len(dataset.test) == 12


@pytest.mark.parametrize("names", [("train", "test"), ("seg_train", "seg_test"), ("Training", "Val-2")])
@pytest.mark.parametrize("inner", ["{}", "all_{}", "{}/{}"])
def test_a_split_within_itself_is_one(tmp_path, names, inner):
    for number, name in enumerate(names):
        for label, start in (("cat", 0), ("dog", 50)):
            put(tmp_path / name / inner.format(name, name) / label, range(start + 6 * number, start + 6 * number + 6))
    put(tmp_path / names[0], [200])
    dataset = load_dataset(str(tmp_path), splits=dict(zip(("train", "test"), names, strict=True)))
    assert dataset.classes == ("cat", "dog")
    assert len(dataset.test) == 12
    for split in dataset.splits.values():
        assert [Path(name).parent.name for name in split.names] == [dataset.classes[label] for label in split.labels]
    (left,) = dataset.quarantined
    assert (left.name, left.reason) == (f"{names[0]}/200.png", "in no class folder")


@pytest.mark.parametrize("inner", ["", "{}"])
def test_splits_are_asked_for_where_one_lacks_a_class(tmp_path, inner):
    for number, (name, labels) in enumerate({"seg_train": ("cat", "dog", "owl"), "seg_test": ("cat", "dog")}.items()):
        for start, label in enumerate(labels):
            put(
                tmp_path / name / inner.format(name) / label,
                range(50 * start + 6 * number, 50 * start + 6 * number + 6),
            )
    with pytest.raises(InputError, match="each with cat, dog: are these splits or classes"):
        load_dataset(str(tmp_path))


def test_the_only_class_of_a_split_is_a_class(tmp_path):
    for start, (split, label) in enumerate((("train", "cat"), ("train", "dog"), ("test", "cat"))):
        for day in range(2):
            put(tmp_path / split / label / f"day {day}", range(50 * start + 6 * day, 50 * start + 6 * day + 6))
    dataset = load_dataset(str(tmp_path))
    assert dataset.classes == ("cat", "dog")
    assert len(dataset.test) == 12


def test_a_class_with_a_splits_word_in_its_name_is_a_class(tmp_path):
    for name, start in (("test tube", 0), ("train station", 20)):
        put(tmp_path / name, range(start, start + 6))
    assert load_dataset(str(tmp_path)).classes == ("test tube", "train station")


def test_folders_of_numbers_and_of_folders_are_said(tmp_path):
    for number in (0, 1, 2, 10):
        put(tmp_path / "numbers" / str(number), range(6 * number, 6 * number + 6))
    dataset = load_dataset(str(tmp_path / "numbers"))
    assert dataset.classes == ("0", "1", "10", "2")
    assert "in the order of text" in said(dataset)
    for upper, lower, start in (("animal", "cat", 0), ("car", "bus", 10), ("car", "van", 20)):
        put(tmp_path / "nested" / upper / lower, range(start, start + 5))
    dataset = load_dataset(str(tmp_path / "nested"))
    assert dataset.classes == ("animal", "car")
    assert "all images of bus, van are car" in said(dataset)


@pytest.mark.parametrize(("one", "other"), [("Cat", "cat"), ("big cat", "big_cat"), ("cat", " cat"), ("01", "1")])
def test_classes_that_are_nearly_alike_are_said(tmp_path, one, other):
    put(tmp_path / one, range(6))
    put(tmp_path / other, range(10, 16))
    assert f"{min(one, other)!r} and {max(one, other)!r} differ by case" in said(load_dataset(str(tmp_path)))


@pytest.mark.parametrize("name", ["split", "phase", "which one"])
def test_a_column_of_splits_is_taken(tmp_path, name):
    splits = ["train"] * 9 + ["Val"] * 3 + ["test"] * 6
    found = [load_dataset(str(table(tmp_path / "csv", label=LABELS, **{name: splits})))]
    if name != "which one":
        found.append(load_dataset(str(shard(tmp_path / "parquet", label=LABELS, **{name: splits}))))
    for dataset in found:
        assert {split: len(dataset[split]) for split in dataset.splits} == {"train": 9, "validation": 3, "test": 6}
        assert sorted(int(Path(name).stem) for name in dataset.test.names) == list(range(12, 18))


def test_a_column_of_other_words_can_be_chosen_in_parquet(tmp_path):
    path = shard(tmp_path / "a", label=LABELS, split=["learn"] * 9 + ["holdout"] * 9)
    dataset = load_dataset(str(path), splits={"train": "learn", "test": "holdout"})
    assert sorted(int(Path(name).stem) for name in dataset.test.names) == list(range(9, 18))
    with pytest.raises(InputError, match="no split is named train"):
        load_dataset(str(path))


@pytest.mark.parametrize("name", ["fold", "is_valid"])
def test_a_column_of_folds_is_said_not_to_be_used(tmp_path, name):
    path = table(tmp_path, label=LABELS, **{name: [0, 1] * 9})
    assert f"the column '{name}' of labels.csv is not used" in said(load_dataset(str(path)))


@pytest.mark.parametrize("form", ["{}", "{}.0"])
def test_numbers_are_in_the_order_of_their_values(tmp_path, form):
    labels = [form.format({"cat": 10, "dog": 2, "owl": 1}[label]) for label in LABELS]
    tabled = load_dataset(str(table(tmp_path / "csv", label=labels)))
    assert tabled.classes == ("1", "2", "10")
    stored = load_dataset(str(shard(tmp_path / "parquet", label=labels)))
    assert [int(float(name)) for name in stored.classes] == [1, 2, 10]
    assert "numbers without names" in said(tabled)
    assert "numbers without names" in said(stored)
    for dataset in (tabled, stored):
        for row, name in enumerate(dataset.test.names):
            assert float(dataset.classes[dataset.test.labels[row]]) == float(labels[int(Path(name).stem)])


@pytest.mark.parametrize("mark", ["|", ";", " ", "; "])
def test_lists_of_classes_are_refused(tmp_path, mark):
    labels = [label if i % 2 else f"{label}{mark}bird" for i, label in enumerate(LABELS)]
    tab = put(tmp_path / "tsv", range(18))
    path = tmp_path / "tsv" / "labels.tsv"
    path.write_text("\n".join(["file\tlabels", *(f"{name}\t{label}" for name, label in zip(tab, labels, strict=True))]))
    for where in (path, shard(tmp_path / "parquet", label=labels)):
        with pytest.raises(InputError, match="several classes an image"):
            load_dataset(str(where))
    assert len(load_dataset(str(path), label_column="labels").classes) == 6  # asked for


@pytest.mark.parametrize("names", [("great white shark", "shark"), ("tench, Tinca tinca", "goldfish"), ("a|b", "c|d")])
def test_names_of_several_words_are_classes(tmp_path, names):
    labels = [names[i % 2] for i in range(18)]
    put(tmp_path, range(18))
    lines = [json.dumps({"file_name": f"{i:03}.png", "label": label}) for i, label in enumerate(labels)]
    (tmp_path / "labels.jsonl").write_text("\n".join(lines))
    assert load_dataset(str(tmp_path / "labels.jsonl")).classes == tuple(sorted(names))


@pytest.mark.parametrize("form", ["{}", "{}.0"])
def test_a_column_a_class_is_read(tmp_path, form):
    columns = {name: [form.format(int(label == name)) for label in LABELS] for name in ("owl", "cat", "dog")}
    path = table(tmp_path, **columns)
    dataset = load_dataset(str(path))
    assert dataset.classes == ("cat", "dog", "owl")
    assert "columns of 0 and 1" in said(dataset)
    for row, name in enumerate(dataset.train.names):
        assert dataset.classes[dataset.train.labels[row]] == LABELS[int(Path(name).stem)]
    for broken in ("1", "0"):
        columns["owl"][0] = columns["cat"][0] = columns["dog"][0] = broken
        with pytest.raises(InputError, match=r"line 2, has a 1 in (0|3) of the 3 columns"):
            load_dataset(str(table(tmp_path, **columns)))


def test_a_table_against_the_folders_is_said(tmp_path):
    for number, label in enumerate(("cat", "dog")):
        put(tmp_path / label, range(10 * number, 10 * number + 10))
    names = [*(f"cat/{i:03}.png" for i in range(10)), *(f"dog/{i:03}.png" for i in range(10, 20))]
    lines = [f"{name},{'dog' if i < 12 else 'cat'}" for i, name in enumerate(names)]
    (tmp_path / "labels.csv").write_text("\n".join(["file_name,label", *lines]))
    assert "18 of 20 files lie in the folder of another class" in said(load_dataset(str(tmp_path)))


def test_the_same_pixels_in_two_splits_or_classes_are_said(tmp_path):
    for split, start in (("train", 0), ("test", 10)):
        put(tmp_path / split / "cat", range(start, start + 6))
        put(tmp_path / split / "dog", range(start + 100, start + 106))
    assert "pixels" not in said(load_dataset(str(tmp_path)))
    with Image.open(tmp_path / "train/cat/000.png") as first:
        first.save(tmp_path / "test/cat/x.bmp")  # another file of the same pixels
    shutil.copy(tmp_path / "train/cat/001.png", tmp_path / "test/dog/y.png")
    found = said(load_dataset(str(tmp_path)))
    assert "1 images of test have the very pixels of images of train, as test/cat/x.bmp and train/cat/000.png" in found
    assert "1 images have the pixels of one of another class, as train/cat/001.png and test/dog/y.png" in found


OTHERS = [
    *(("train-images-idx3-ubyte", "torchvision:MNIST"), ("t10k-images-idx3-ubyte.gz", "torchvision:MNIST")),
    *(("data_batch_1", "torchvision:CIFAR10"), ("batches.meta", "torchvision:CIFAR10"), ("x.pkl", "a pickle")),
    *(("x.npz", "from Python"), ("X.NPY", "from Python"), ("td.pt", "from Python"), ("cat00.cls", "a WebDataset")),
    *(("data-00000-of-00001.arrow", "to_parquet"), ("labels.xlsx", "as CSV"), ("labels.json", ".jsonl")),
]


@pytest.mark.parametrize(("name", "advice"), OTHERS)
def test_data_of_other_kinds_are_named_and_never_opened(tmp_path, name, advice):
    for folder in ("flat", "deep/inner"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / name).write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    for spec in (tmp_path / "flat", tmp_path / "flat" / name, tmp_path / "deep"):
        with pytest.raises(InputError) as refused:
            load_dataset(str(spec))
        assert advice in str(refused.value)
        assert name in str(refused.value)
    assert not (Path.cwd() / "owned").exists()


def test_a_table_of_unlabelled_images_beside_one_with_labels(tmp_path):
    names = put(tmp_path / "train", range(12))
    more = put(tmp_path / "test", range(20, 24))
    lines = [f"{name[:-4]},{'cat' if i % 2 else 'dog'}" for i, name in enumerate(names)]
    (tmp_path / "train.csv").write_text("\n".join(["id,label", *lines]))
    (tmp_path / "test.csv").write_text("\n".join(["id", *(name[:-4] for name in more)]))
    dataset = load_dataset(str(tmp_path))
    assert sum(len(split) for split in dataset.splits.values()) == 12
    assert "a table is not used" in said(dataset)
    assert {file.name for file in dataset.quarantined} == {"test.csv", *(f"test/{name}" for name in more)}
    (tmp_path / "train.csv").unlink()
    with pytest.raises(InputError, match=r"no class folders.*test\.csv"):
        load_dataset(str(tmp_path))


@pytest.mark.parametrize("option", ["image_column", "label_column"])
def test_a_column_of_no_table_is_refused(tmp_path, option):
    for number, label in enumerate(("cat", "dog")):
        put(tmp_path / label, range(10 * number, 10 * number + 6))
    for spec in (str(tmp_path), "digits", "planted"):
        with pytest.raises(InputError, match="leave --image-column and --label-column out"):
            load_dataset(spec, **{option: "label"})  # type: ignore[arg-type]


ACCENTS = ("café", "Übung", "naïve", "ñandú")


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_classes_are_one_however_their_accents_are_stored(tmp_path, stored):
    other = {"NFC": "NFD", "NFD": "NFC"}[stored]
    for start, name in enumerate(ACCENTS):
        for split, form, more in (("train", stored, 0), ("test", other, 6)):
            put(tmp_path / split / unicodedata.normalize(form, name), range(50 * start + more, 50 * start + more + 6))
    dataset = load_dataset(str(tmp_path))
    assert set(dataset.classes) == set(ACCENTS)
    for split in dataset.splits.values():
        folders = [unicodedata.normalize("NFC", Path(name).parent.name) for name in split.names]
        assert folders == [dataset.classes[label] for label in split.labels]
    decomposed = [unicodedata.normalize("NFD", name) for name in ACCENTS]
    assert [decomposed[i] for i in match_classes(dataset, decomposed).test.labels] == [
        unicodedata.normalize("NFD", dataset.classes[i]) for i in dataset.test.labels
    ]


def test_two_folders_of_one_name_are_refused(tmp_path):
    for start, form in enumerate(("NFC", "NFD")):
        put(tmp_path / unicodedata.normalize(form, "café"), range(6 * start, 6 * start + 6))
    put(tmp_path / "tea", range(20, 26))
    with pytest.raises(InputError, match="bear the same name"):
        load_dataset(str(tmp_path))


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("below", ["", "deep/"])
@pytest.mark.parametrize("otherwise", [str.upper, str.title, lambda name: unicodedata.normalize("NFD", name)])
def test_files_are_found_by_other_capitals_and_accents(tmp_path, otherwise, below, alone):
    (tmp_path / below).mkdir(exist_ok=True)
    lines = ["file_name,label"]
    for seed, label in enumerate(LABELS):
        (tmp_path / below / otherwise(f"\u00e9 {seed:02}.png")).write_bytes(image(seed))
        lines.append(f"{below}\u00e9 {seed:02}.png,{label}")
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    dataset = load_dataset(str(tmp_path / "labels.csv" if alone else tmp_path))
    assert "18 files of labels.csv were found under names that differ by capitals or accents alone" in said(dataset)
    for split in dataset.splits.values():
        for name, label in zip(split.names, split.labels, strict=True):
            assert LABELS[int(Path(name).stem[-2:])] == dataset.classes[label]


def test_a_file_of_just_that_name_goes_before_one_spelt_otherwise(tmp_path):
    put(tmp_path, range(18))
    for seed in range(18):
        (tmp_path / f"{seed:03}.PNG").write_bytes(image(100 + seed))
    lines = [f"{seed:03}.png,{label}" for seed, label in enumerate(LABELS)]
    (tmp_path / "labels.csv").write_text("\n".join(["file_name,label", *lines]))
    dataset = load_dataset(str(tmp_path))
    assert all(name.endswith(".png") for split in dataset.splits.values() for name in split.names)
    assert "capitals" not in said(dataset)


TABLES = ("HAM10000_metadata.csv", "df.tsv", "_classes.csv", "GroundTruth.jsonl")


@pytest.mark.parametrize("name", [*TABLES, "inner.zip"])
@pytest.mark.parametrize("split", [False, True])
def test_what_could_hold_the_labels_is_named(tmp_path, name, split):
    (tmp_path / "README.txt").write_text("Cats and dogs.")
    for seed, folder in enumerate(("train", "test") if split else ("",)):
        put(tmp_path / folder, range(9 * seed, 9 * seed + 9))
    (tmp_path / name).write_text("x")
    with pytest.raises(InputError, match=f"; if {name} holds them, give its path as the data$"):
        load_dataset(str(tmp_path))


def test_a_table_with_names_without_suffixes_says_so(tmp_path):
    table(tmp_path, "df.csv", label=LABELS)
    text = (tmp_path / "df.csv").read_text().replace(".png", "")
    (tmp_path / "df.csv").write_text(text)
    assert "18 files of df.csv were found by their names without suffixes" in said(load_dataset(tmp_path / "df.csv"))


@pytest.mark.parametrize("held", ["images", "empty class", "zip", "table"])
def test_what_an_archive_lacks_is_named_within_it(tmp_path, held):
    top = tmp_path / "pets"
    put(top / "cat", range(6))
    match held:
        case "images":
            put(top, range(6))
            shutil.rmtree(top / "cat")
        case "empty class":
            (top / "dog").mkdir()
            (top / "dog" / "notes.md").write_text("none yet")
        case "zip":
            shutil.make_archive(str(top / "inner"), "zip", top / "cat")
            shutil.rmtree(top / "cat")
        case "table":
            (top / "labels.csv").write_text("file_name,label\nnone.png,cat\nnor.png,dog")
    archive = shutil.make_archive(str(tmp_path / "pets"), "zip", top)
    with pytest.raises(InputError) as refused:
        load_dataset(archive)
    assert archive in str(refused.value)
    assert "unpacked" not in str(refused.value)


def undated(folder: Path) -> None:
    """All files get one date, as archives that are built reproducibly give them."""
    for path in folder.rglob("*"):
        os.utime(path, (1e9, 1e9))


def bitmaps(folder: Path, shift: int) -> None:
    """Images without compression, all of one size: the class by the shade, moved on by `shift`."""
    for place, label in enumerate(("cat", "dog", "owl")):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for i in range(6):
            shade = 60 * ((place + shift) % 3) + i
            Image.new("RGB", (8, 8), (shade, shade, 0)).save(folder / label / f"{i}.bmp")
    undated(folder)


def shades(dataset: Dataset) -> dict[str, set[int]]:
    found = [
        (dataset.classes[label], int(pixels[0, 0, 0]) // 60)
        for split in dataset.splits.values()
        for pixels, label in zip(split.pixels, split.labels, strict=True)
    ]
    return {name: {shade for other, shade in found if other == name} for name in dataset.classes}


@pytest.mark.parametrize("form", ["elsewhere", "in place", "zip"])
def test_data_of_the_same_names_sizes_and_dates_are_told_apart(tmp_path, form):
    for shift in range(3):
        folder = tmp_path / ("0" if form == "in place" else str(shift)) / "pets"
        bitmaps(folder, shift)
        data = str(folder)
        if form == "zip":
            with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
                for path in sorted(folder.rglob("*.bmp")):
                    entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                    archive.writestr(entry, path.read_bytes())
            undated(folder.parent)
            data = str(folder.with_suffix(".zip"))
        found = load_dataset(data)
        assert shades(found) == {name: {(place + shift) % 3} for place, name in enumerate(("cat", "dog", "owl"))}
        again = load_dataset(data)
        assert again.fingerprint == found.fingerprint


@pytest.mark.parametrize("names", [("labels.csv",), ("train.csv", "test.csv"), ("metadata.jsonl",)])
def test_a_table_rewritten_with_its_date_kept_is_read_anew(tmp_path, names):
    put(tmp_path, range(24))
    for turn in range(2):
        for number, name in enumerate(names):
            rows = [
                (f"{i:03}.png", ("cat", "dog")[(i + (turn if name == names[0] else 0)) % 2])
                for i in range(12 * number, 12 * number + 12)
            ]
            lines = ["file_name,label", *(f"{file},{label}" for file, label in rows)]
            if name.endswith("l"):
                lines = [json.dumps({"file_name": file, "label": label}) for file, label in rows]
            (tmp_path / name).write_text("\n".join(lines))
        undated(tmp_path)
        split = load_dataset(str(tmp_path)).train
        labels = {int(Path(name).stem): label for name, label in zip(split.names, split.labels, strict=True)}
        assert all(label == (i + turn) % 2 for i, label in labels.items())
        assert len(labels) > 5
