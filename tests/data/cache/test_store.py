import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ironglass.data.cache import checksums
from ironglass.data.cache.checksums import Corrupted, checksummed, open_checked
from ironglass.data.cache.store import (
    building,
    cache_folder,
    fingerprint,
    read_entry,
    read_or_build,
    write_entry,
    write_pixels,
)
from ironglass.data.dataset import Quarantined
from ironglass.errors import InputError


@pytest.fixture
def entry(tmp_path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 4, 5, 3), np.uint8)
    folder = tmp_path / "key"
    with building(folder) as path:
        assert write_pixels(path / "train.npy", iter(pixels)) == 12
        labels = np.arange(12) % 2
        bad = [Quarantined("x.png", "train", "not an image")]
        write_entry(path, {"train": (labels, [f"{i}.png" for i in range(12)])}, ("a", "b"), bad)
    return folder


def test_what_was_written_is_read_memory_mapped_and_read_only(entry):
    dataset = read_entry(entry, "mine")
    assert dataset is not None
    expected = np.random.default_rng(0).integers(0, 256, (12, 4, 5, 3), np.uint8)
    assert isinstance(dataset.train.pixels, np.memmap)
    np.testing.assert_array_equal(dataset.train.pixels, expected)
    assert not dataset.train.pixels.flags.writeable
    assert dataset.train.names[3] == "3.png"
    assert dataset.classes == ("a", "b")
    assert dataset.fingerprint == "key"
    assert dataset.quarantined == (Quarantined("x.png", "train", "not an image"),)


@pytest.mark.parametrize("n", [1, 9, 10, 12345])
def test_the_header_of_a_pixel_file_grows_with_the_number_of_images(tmp_path, n):
    write_pixels(tmp_path / "x.npy", (np.full((1, 2, 1), i % 256, np.uint8) for i in range(n)))
    pixels = np.load(tmp_path / "x.npy")
    assert pixels.shape == (n, 1, 2, 1)
    np.testing.assert_array_equal(pixels[:, 0, 1, 0], np.arange(n) % 256)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path, position: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[position] ^= 0x10
    path.write_bytes(raw)


def _nested(path: Path) -> None:
    path.write_text("[" * 100_000)


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: _cut(entry / "train.npy"),
        lambda entry: _cut(entry / "train.labels.npy"),
        lambda entry: _cut(entry / "about.json"),
        lambda entry: (entry / "train.npy").unlink(),
        lambda entry: (entry / "train.labels.npy").unlink(),
        lambda entry: (entry / "about.json").unlink(),
        lambda entry: (entry / "about.json").write_text("[]"),
        lambda entry: (entry / "about.json").write_bytes(b"\xff\xfe"),
        lambda entry: _nested(entry / "about.json"),
        lambda entry: (entry / "about.json").write_text(
            '{"names": {"train": ["0"]}, "classes": [], "quarantined": []}'
        ),
        lambda entry: (entry / "train.npy").write_bytes(b""),
        lambda entry: np.save(entry / "train.npy", np.zeros((12, 4, 5, 3))),
        lambda entry: np.save(entry / "train.labels.npy", np.array([{}] * 12), allow_pickle=True),
        *(lambda entry, i=i: _flip(entry / "train.npy", i) for i in (0, 8, 10, 30, 47, 70, 127, 128, 500, -1)),
        *(lambda entry, i=i: _flip(entry / "train.labels.npy", i) for i in (0, 9, 40, 128, 160, -1)),
        *(lambda entry, i=i: _flip(entry / "about.json", i) for i in (0, 5, 14, 40, 90, 200, -40, -1)),
    ],
)
def test_a_damaged_entry_is_built_anew(entry, damage):
    good = {path.name: path.read_bytes() for path in entry.iterdir()}
    assert read_entry(entry, "mine") is not None
    damage(entry)
    assert read_entry(entry, "mine") is None

    def build(folder: Path) -> None:
        for name, content in good.items():
            (folder / name).write_bytes(content)

    assert read_or_build(entry, "mine", build).train.names[3] == "3.png"
    assert {path.name: path.read_bytes() for path in entry.iterdir()} == good
    assert [path.name for path in entry.parent.iterdir()] == ["key"]


@pytest.mark.parametrize("block", [0, 3, 7, 9])
def test_a_flipped_byte_in_any_block_of_a_large_file_is_found(tmp_path, monkeypatch, block):
    monkeypatch.setattr(checksums, "_BLOCK", 1000)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (97, 100), np.uint8))
    about = checksummed(tmp_path / "x.npy")
    assert len(about["crc32"]) == 10
    np.testing.assert_array_equal(open_checked(tmp_path / "x.npy", about), np.load(tmp_path / "x.npy"))
    _flip(tmp_path / "x.npy", block * 1000 + 400)
    with pytest.raises(Corrupted, match=f"between bytes {block * 1000} "):
        open_checked(tmp_path / "x.npy", about)


def test_of_a_very_large_file_some_blocks_are_compared_and_all_when_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(checksums, "_BLOCK", 1000)
    monkeypatch.setattr(checksums, "_MAX_CHECKED_BYTES", 5000)
    np.save(tmp_path / "x.npy", np.zeros((97, 100), np.uint8))
    about = checksummed(tmp_path / "x.npy")
    _flip(tmp_path / "x.npy", 8400)
    found = 0
    for _ in range(60):  # half of the blocks are drawn each time
        checksums._checked.clear()
        try:
            open_checked(tmp_path / "x.npy", about)
        except Corrupted:
            found += 1
    assert 5 < found < 55
    checksums._checked.clear()
    with pytest.raises(Corrupted):
        open_checked(tmp_path / "x.npy", about, check=True)
    monkeypatch.setenv("IRONGLASS_CHECK", "1")
    with pytest.raises(Corrupted):
        open_checked(tmp_path / "x.npy", about)


def test_checksums_are_compared_once_a_process_and_again_when_asked(entry, monkeypatch):
    assert read_entry(entry, "mine") is not None
    calls = []
    monkeypatch.setattr(checksums, "_crcs", lambda *args: calls.append(args) or [])
    assert read_entry(entry, "mine") is not None
    assert not calls
    with pytest.raises(ValueError, match="shorter"):
        open_checked(
            entry / "train.npy", json.loads((entry / "about.json").read_text())["files"]["train.npy"], check=True
        )
    assert calls


def test_builders_of_one_entry_take_turns_and_one_builds(tmp_path, monkeypatch):
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path))
    builds = []

    def build(folder: Path) -> None:
        builds.append(1)
        write_pixels(folder / "train.npy", (np.full((2, 2, 1), i, np.uint8) for i in range(4)))
        write_entry(folder, {"train": (np.arange(4) % 2, list("abcd"))}, ("a", "b"), [])

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: read_or_build(tmp_path / "decoded" / "x", "x", build), range(8)))
    assert len(builds) == 1
    assert all(one.train.pixels[3, 0, 0, 0] == 3 for one in found)
    assert list((tmp_path / "locks").iterdir()) == []


def test_what_the_source_raises_is_not_blamed_on_the_cache(tmp_path):
    def images():
        yield np.zeros((2, 2, 1), np.uint8)
        raise OSError("the reader's own disk")

    with pytest.raises(OSError, match="own disk"), building(tmp_path / "x") as folder:
        write_pixels(folder / "train.npy", images())
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_build_leaves_nothing(tmp_path):
    def build():
        with building(tmp_path / "folder") as path:
            (path / "half").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build()
    assert list(tmp_path.iterdir()) == []


def test_of_two_builders_the_first_to_finish_stands(tmp_path):
    with building(tmp_path / "folder") as slow:
        (slow / "who").write_text("slow")
        with building(tmp_path / "folder") as fast:
            (fast / "who").write_text("fast")
    assert (tmp_path / "folder" / "who").read_text() == "fast"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_many_builders_at_once(tmp_path):
    def build(i):
        with building(tmp_path / "folder") as path:
            (path / "who").write_text(str(i))
            barrier.wait()

    barrier = threading.Barrier(8)
    threads = [threading.Thread(target=build, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder" / "who").read_text() in "01234567"


def test_what_a_killed_process_left_is_swept_after_a_day(tmp_path):
    for name, age in ((".old", 2), (".new", 0)):
        (tmp_path / name).mkdir()
        time = (tmp_path / name).stat().st_mtime - age * 86400
        os.utime(tmp_path / name, (time, time))
    with building(tmp_path / "folder"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".new", "folder"]


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="IRONGLASS_CACHE"), building(tmp_path / "file" / "folder"):
        pass


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("IRONGLASS_CACHE", "~/here")
    assert cache_folder() == Path("~/here").expanduser()
    monkeypatch.delenv("IRONGLASS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "ironglass"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path("~/.cache/ironglass").expanduser()


def test_fingerprints_differ_where_anything_does():
    assert fingerprint("a", 1) == fingerprint("a", 1)
    assert len({fingerprint("a", 1), fingerprint("a", 2), fingerprint("a", None), fingerprint(["a", 1])}) == 4
