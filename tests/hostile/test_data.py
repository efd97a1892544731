"""Hundreds of damaged, odd and hostile data sets: each is read right or refused in one line, and none hangs.

What right means is known: 24 grey images, each of its own shade, named by number; an image is of the class that its
number says. A byte that was flipped where nothing holds a checksum may change one image, or one line of a table.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import shutil
import socket
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ironglass.data.load import load_dataset

NAMES = ("cat", "dog", "owl")
COUNT = 24
Make = Callable[[Path], str]


def png(i: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (6, 6), 10 * i).save(file, "png")
    return file.getvalue()


PICTURES = [png(i) for i in range(COUNT)]


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def class_folders(root: Path) -> Path:
    for i in range(COUNT):
        put(root / NAMES[i % 3] / f"{i}.png", PICTURES[i])
    return root


def members() -> list[tuple[str, bytes]]:
    return [(f"pets/{NAMES[i % 3]}/{i}.png", PICTURES[i]) for i in range(COUNT)]


def zipped(files: list[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return file.getvalue()


def tarred(files: list[tuple[str, bytes]], mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def table(columns: dict[str, Any] | None = None, features: Any = ..., *, metadata: bytes | None = None) -> bytes:
    """A Parquet file as Hugging Face writes it, with other columns or other features where they are given."""
    columns = columns or {}
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    cells = pa.array([{"bytes": one, "path": f"{i}.png"} for i, one in enumerate(PICTURES)], kind)
    content = {"image": cells, "label": pa.array([i % 3 for i in range(COUNT)])} | columns
    if features is ...:
        features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": list(NAMES)}}
    about = json.dumps({"info": {"features": features}}).encode() if metadata is None else metadata
    file = io.BytesIO()
    content = {name: column for name, column in content.items() if column is not None}
    pq.write_table(pa.table(content).replace_schema_metadata({b"huggingface": about}), file, write_page_checksum=True)
    return file.getvalue()


def csv() -> bytes:
    return ("file_name,label\n" + "".join(f"images/{i}.png,{NAMES[i % 3]}\n" for i in range(COUNT))).encode()


def jsonl() -> bytes:
    rows = [{"file_name": f"images/{i}.png", "label": NAMES[i % 3]} for i in range(COUNT)]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def beside_images(root: Path) -> Path:
    for i in range(COUNT):
        put(root / "images" / f"{i}.png", PICTURES[i])
    return root


FILES: dict[str, bytes] = {
    "pets.zip": zipped(members()),
    "pets.tar": tarred(members()),
    "pets.tar.gz": tarred(members(), "w:gz"),
    "pets.tar.bz2": tarred(members(), "w:bz2"),
    "pets.tar.xz": tarred(members(), "w:xz"),
    "train.parquet": table(),
    "labels.csv": csv(),
    "metadata.jsonl": jsonl(),
    "data.tsv": csv().replace(b",", b"\t"),
}


def damaged(raw: bytes, seed: int) -> dict[str, bytes]:
    """The bytes cut, flipped, swapped, blanked, lengthened and replaced, drawn by the seed."""
    draw = random.Random(seed)
    n = len(raw)
    found: dict[str, bytes] = {}
    for part in (0.0, 0.01, 0.2, 0.5, 0.8, 0.97):
        found[f"cut at {part:.0%}"] = raw[: int(part * n)]
    found["cut by a byte"] = raw[:-1]
    for i in range(9):
        at = draw.randrange(n)
        found[f"flip {i}"] = raw[:at] + bytes([raw[at] ^ (1 << draw.randrange(8))]) + raw[at + 1 :]
    for i in range(4):
        a, b = sorted(draw.sample(range(n - 40), 2))
        found[f"swap {i}"] = raw[:a] + raw[b : b + 20] + raw[a + 20 : b] + raw[a : a + 20] + raw[b + 20 :]
    for i in range(3):
        at = draw.randrange(n)
        found[f"insert {i}"] = raw[:at] + draw.randbytes(9) + raw[at:]
        found[f"blank {i}"] = raw[:at] + bytes(min(24, n - at)) + raw[at + 24 :]
        found[f"lose {i}"] = raw[:at] + raw[at + 24 :]
    found["twice"] = raw + raw
    found["noise behind"] = raw + draw.randbytes(100)
    found["noise"] = draw.randbytes(n)
    found["text"] = b"<html>404 not found</html>"
    return found


def placed(name: str, raw: bytes, whole: bool = False) -> Make:
    """The file in a folder of its own, images beside it where it is a table; named itself, or by its folder."""

    def make(room: Path) -> str:
        if not name.startswith(("pets", "train")):
            beside_images(room)
        path = put(room / name, raw)
        return str(room if whole else path)

    return make


DAMAGED = {
    f"{name}: {how}": placed(name, raw, whole=name in ("labels.csv", "metadata.jsonl"))
    for seed, (name, content) in enumerate(FILES.items())
    for how, raw in damaged(content, seed).items()
}


def summary(spec: str, **options: Any) -> dict[str, Any]:
    """What a child hands back of the data set it loaded."""
    dataset = load_dataset(spec, **options)
    rows = [
        (name, dataset.classes[label], sorted(set(pixels.ravel().tolist())))
        for split in dataset.splits.values()
        for name, label, pixels in zip(split.names, split.labels, split.pixels, strict=True)
    ]
    said = json.dumps(dataset.describe(), ensure_ascii=False).encode()
    return {"rows": rows, "left_out": [vars(one) for one in dataset.quarantined], "notes": dataset.notes, "said": said}


def wrong(found: dict[str, Any]) -> list[str]:
    """The images that are not what they are named, and those that are gone without a word."""
    bad, seen = [], set()
    for name, label, values in found["rows"]:
        number = int(Path(name).stem)
        seen.add(number)
        if label != NAMES[number % 3] or values != [10 * number]:
            bad.append(name)
    said = {one["name"] for one in found["left_out"]}
    lost = [str(i) for i in range(COUNT) if i not in seen and not any(Path(name).stem == str(i) for name in said)]
    assert len(found["rows"]) == len({name for name, *_ in found["rows"]}), "an image twice"
    return bad + lost


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.mark.parametrize("name", FILES)
def test_what_is_whole_is_read_right(ends_well, room, name):
    outcome = ends_well(lambda: summary(placed(name, FILES[name])(room)))
    assert outcome.refused is None
    assert wrong(outcome.value) == []


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_files(ends_well, room, case):
    spec = DAMAGED[case](room)
    outcome = ends_well(lambda: summary(spec), left=[room])
    if outcome.refused is not None:
        return
    amiss = wrong(outcome.value)
    name, how = case.split(": ")
    if name == "train.parquet":
        # numbers between pages hold no checksum: of what was cut nothing may be taken
        assert not how.startswith("cut") or not amiss
    elif name.startswith("pets"):
        # a .tar holds no checksums of its files: what changed an image may change that one, or two that were swapped
        allowed = 2 if how.startswith("swap") else 1
        assert len(amiss) <= (allowed if name == "pets.tar" else 0), amiss
    else:
        # a line that reads as another file or class cannot be known; a table that was cut leaves images that are named
        assert len([one for one in amiss if not one.isdigit()]) <= 2, amiss


def no_utf_8(root: Path) -> str:
    for i in range(COUNT):
        put(root / os.fsdecode(b"\xff" + NAMES[i % 3].encode()) / os.fsdecode(b"%d.png" % i), PICTURES[i])
    return str(root)


def beside(name: str, change: Callable[[Path], None]) -> tuple[str, Make]:
    """Class folders with one thing more."""

    def make(room: Path) -> str:
        change(class_folders(room))
        return str(room)

    return name, make


def bind(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def moved(root: Path, where: str) -> None:
    for name in NAMES:
        (root / where).mkdir(parents=True, exist_ok=True)
        (root / name).rename(root / where / name)


RIGHT = dict(
    [
        beside("a pipe", lambda root: os.mkfifo(root / "cat/x.png")),
        beside("a pipe for a table", lambda root: os.mkfifo(root / "cat/labels.csv")),
        beside("a pipe without suffix", lambda root: os.mkfifo(root / "x")),
        beside("a socket", lambda root: bind(root / "cat/x.png")),
        beside("a device", lambda root: (root / "cat/x.png").symlink_to("/dev/zero")),
        beside("a terminal", lambda root: (root / "cat/x.png").symlink_to("/dev/tty")),
        beside("a broken link", lambda root: (root / "cat/x.png").symlink_to("nowhere")),
        beside("a link in a circle", lambda root: (root / "cat/x.png").symlink_to("x.png")),
        beside("a link to the folder", lambda root: (root / "cat/up").symlink_to(root)),
        beside("a folder called as an image", lambda root: (root / "cat/x.png").mkdir()),
        beside("an empty file", lambda root: put(root / "cat/x.png", b"") and None),
        beside("text", lambda root: put(root / "cat/x.png", b"text") and None),
        beside("an image of no pixels", lambda root: put(root / "cat/x.ppm", b"P5 0 0 255\n") and None),
        beside("a claim of many pixels", lambda root: put(root / "cat/x.ppm", b"P5 60000 60000 255\nxx") and None),
        beside("half an image", lambda root: put(root / "cat/x.png", PICTURES[1][:50]) and None),
        beside("hidden files", lambda root: put(root / "cat/.x.png", b"x") and None),
        beside("notes", lambda root: put(root / "README.md", b"\xff\xfe") and None),
        beside("a table of class names", lambda root: put(root / "labels.txt", b"cat\ndog\nowl\n") and None),
        beside("a table of other files", lambda root: put(root / "labels.csv", csv()) and None),
        beside("metadata of nothing", lambda root: put(root / "metadata.csv", b"x") and None),
        beside("a deep folder", lambda root: moved(root, "a/b/c/d")),
        beside("a split folder", lambda root: moved(root, "train")),
        beside("a lone folder with a new line in its name", lambda root: moved(root, "a\nb")),
        beside("a lone folder with a long name", lambda root: moved(root, "x" * 250)),
        beside("a name with markup", lambda root: (root / "cat/0.png").rename(root / "cat/<b>\"'\n")),
    ]
)  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_what_lies_beside_the_images_changes_nothing(ends_well, room, case):
    spec = RIGHT[case](room)
    outcome = ends_well(lambda: summary(spec), left=[room])
    if outcome.refused is not None:  # the suffix is gone with the name: its image is no image by its name
        pytest.fail(outcome.refused)
    assert set(wrong(outcome.value)) <= ({"0"} if case == "a name with markup" else set())
    assert len(outcome.value["left_out"]) <= 1


def link_to_nowhere(root: Path) -> None:
    (root / "emu").symlink_to("nowhere")


def emptied(root: Path) -> None:
    for path in (root / "cat").iterdir():
        path.unlink()


def flat(root: Path) -> None:
    for path in root.glob("*/*.png"):
        path.rename(root / path.name)
    for name in NAMES:
        (root / name).rmdir()


def split_twice(root: Path) -> None:
    moved(root, "val")
    shutil.copytree(root / "val", root / "dev")


def splits_and_others(root: Path) -> None:
    moved(root, "train")
    put(root / "more/0.png", PICTURES[0])


def all_bad(root: Path) -> None:
    for path in root.glob("*/*.png"):
        path.write_bytes(b"x")


REFUSED = dict(
    [
        beside("a class that is a broken link", link_to_nowhere),
        beside("a class without images", emptied),
        beside("no class folders", flat),
        beside("a split twice", split_twice),
        beside("nothing but damaged images", all_bad),
        beside("splits and others", splits_and_others),
        ("an empty folder", lambda room: str(room)),
        ("nothing", lambda room: ""),
        ("no name of a file", lambda room: "\0"),
        ("a name too long", lambda room: "x" * 5000),
        ("a path too long", lambda room: "folder:" + "x/" * 5000),
        ("somebody's home", lambda room: "~nobody-of-this-name/x"),
        ("lone bytes", lambda room: "\udcff"),
        ("half a character", lambda room: "\ud800"),
        ("a device", lambda room: "/dev/zero"),
        ("a device as a folder", lambda room: "folder:/dev/zero"),
        ("a device as a table", lambda room: (room / "x.csv").symlink_to("/dev/zero") or str(room / "x.csv")),
        ("a pipe as Parquet", lambda room: os.mkfifo(room / "x.parquet") or str(room / "x.parquet")),
        ("a pipe as an archive", lambda room: os.mkfifo(room / "x.zip") or f"folder:{room / 'x.zip'}"),
        ("a folder as Parquet", lambda room: (room / "x.parquet").mkdir() or str(room)),
        ("a folder as an archive", lambda room: (room / "x.zip").mkdir() or str(room / "x.zip")),
        ("a folder as a table", lambda room: (room / "x.csv").mkdir() or str(room / "x.csv")),
        ("Python", lambda room: str(put(room / "x.py", b"raise SystemExit"))),
        ("torchvision's nothing", lambda room: "torchvision:os"),
        ("Tiny ImageNet elsewhere", lambda room: f"tiny-imagenet:{room}"),
    ]
)  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_data_set_is_one_line(ends_well, room, case):
    spec = REFUSED[case](room)
    assert ends_well(lambda: summary(spec), left=[room]).refused


@pytest.mark.parametrize("size", [0, -1, 10**9, True])
def test_odd_sizes(ends_well, room, size):
    spec = str(class_folders(room))
    outcome = ends_well(lambda: summary(spec, size=size), left=[room])
    assert outcome.refused or len(outcome.value["rows"]) == COUNT


def structs(**fields: Any) -> pa.Array:
    return pa.array([fields] * COUNT)


LABEL = {"image": {"_type": "Image"}}
ODD_TABLES: dict[str, bytes] = {
    **{f"images of {kind}": table({"image": column}) for kind, column in {
        "numbers": pa.array(range(COUNT)),
        "text": pa.array(["x"] * COUNT),
        "lists": pa.array([[one] for one in PICTURES]),
        "text in bytes": structs(bytes="/etc/passwd"),
        "bytes in path": structs(bytes=None, path=b"/etc/passwd"),
        "paths": structs(bytes=None, path="/etc/passwd"),
        "relative paths": structs(bytes=None, path="../../../../etc/passwd"),
        "URLs": structs(bytes=None, path="https://example.org/x.png"),
        "nothing": pa.nulls(COUNT),
        "no bytes": structs(path="x.png"),
        "empty bytes": structs(bytes=b"", path=None),
    }.items()},
    **{f"labels of {kind}": table({"label": column}, LABEL) for kind, column in {
        "fractions": pa.array([0.5] * COUNT),
        "lists": pa.array([[1]] * COUNT),
        "structs": structs(a=1),
        "times": pa.array([0] * COUNT, pa.timestamp("s")),
        "nothing": pa.nulls(COUNT),
        "nulls": pa.array([None] * COUNT, pa.int64()),
        "negative numbers": pa.array([-1] * COUNT),
        "one number": pa.array([5] * COUNT),
        "huge numbers": pa.array([2**64 - 1, 0] * (COUNT // 2), pa.uint64()),
        "binary": pa.array([b"\xff"] * COUNT),
        "decimals": pa.array([1] * COUNT).cast(pa.decimal128(20)),
        "long text": pa.array(["x" * 10_000, "y"] * (COUNT // 2)),
        "surrogates": pa.array(["a\n<b>", "=cmd()"] * (COUNT // 2)),
    }.items()},
    **{f"class names {names!r:.30}": table(None, LABEL | {"label": {"_type": "ClassLabel", "names": names}})
       for names in (None, 5, "cat", [], [None, "b", "c"], [1, 2, 3], [[1]], {"0": "a"}, ["a", "a", "b"], ["a"],
                     [True, False, None], [""] * 3, [1.5, 2.5, 3.5])},
    **{f"features {features!r:.30}": table(None, features)
       for features in (None, 5, "x", [], [1], {"label": 5}, {"label": []}, {"image": 5, "label": {"names": 7}},
                        {"label": {"_type": ["ClassLabel"]}}, {"image": {"_type": {}}})},
    **{f"metadata {about!r:.30}": table(None, None, metadata=about)
       for about in (b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b"[]", b'{"info": []}', b"1" * 5000)},
    "no images": table({"image": None}),
    "no labels": table({"label": None}),
    "two of both": table({"img": pa.array(PICTURES), "target": pa.array([0] * COUNT)}),
    "no rows": table({"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD_TABLES)
@pytest.mark.parametrize("whole", [False, True], ids=["file", "folder"])
def test_odd_tables(ends_well, room, case, whole):
    put(room / "train.parquet", ODD_TABLES[case])
    spec = str(room if whole else room / "train.parquet")
    outcome = ends_well(lambda: summary(spec), left=[room])
    if outcome.refused is None:
        assert len(outcome.value["rows"]) + len(outcome.value["left_out"]) == COUNT
        for name, _, values in outcome.value["rows"]:
            assert values == [10 * int(Path(name).stem)]


def member(kind: bytes = tarfile.REGTYPE, name: str = "pets/cat/x.png", link: str = "/etc/passwd") -> bytes:
    """A .tar that holds one odd member more."""
    file = io.BytesIO(FILES["pets.tar"])
    with tarfile.open(fileobj=file, mode="a") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
        archive.addfile(info)
    return file.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def hostile_archives() -> dict[str, bytes]:
    found = {
        f"tar: {kind!r}": member(kind) for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, b"3", b"4")
    }
    for name in (
        "../x.png",
        "/x.png",
        "pets/../../x.png",
        "pets\\..\\..\\x.png",
        "C:x.png",
        "",
        "x" * 300,
        "a/" * 3000 + "x",
    ):
        found[f"tar: {name[:20]!r}"] = member(name=name)
        if name:
            found[f"zip: {name[:20]!r}"] = zipped([*members(), (name, b"x")])
    found["zip: file and folder"] = zipped([*members(), ("pets/cat", b"x")])
    found["zip: a bomb"] = zipped([*members(), ("pets/x", bytes(5_000_000))])
    found["zip: nothing"] = zipped([])
    found["tar: nothing"] = tarred([])
    found["tar: a bomb"] = gzip.compress(gzip.compress(tarred([("x", bytes(50_000_000))]), 9), 9)
    return found


ARCHIVES = hostile_archives()


@pytest.mark.parametrize("case", ARCHIVES)
def test_hostile_archives(ends_well, room, case):
    spec = str(put(room / f"pets.{case[:3]}", ARCHIVES[case]))
    assert ends_well(lambda: summary(spec), left=[room]).refused
    assert [path for path in (room.parent / "cache").rglob("*") if path.is_file()] == []


def test_there_are_enough() -> None:
    cases = [*DAMAGED, *RIGHT, *REFUSED, *ODD_TABLES, *ODD_TABLES, *ARCHIVES]
    assert len(cases) >= 250
