import os
import threading
from pathlib import Path

import numpy as np
import pytest

from ironglass.data.cache import building, cache_folder, fingerprint, read_entry, write_entry, write_pixels
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


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: _cut(entry / "train.npy"),
        lambda entry: _cut(entry / "train.labels.npy"),
        lambda entry: _cut(entry / "about.json"),
        lambda entry: (entry / "train.npy").unlink(),
        lambda entry: (entry / "about.json").unlink(),
        lambda entry: (entry / "about.json").write_text("[]"),
        lambda entry: (entry / "about.json").write_text(
            '{"names": {"train": ["0"]}, "classes": [], "quarantined": []}'
        ),
        lambda entry: (entry / "train.npy").write_bytes(b""),
        lambda entry: np.save(entry / "train.npy", np.zeros((12, 4, 5, 3))),
        lambda entry: np.save(entry / "train.labels.npy", np.array([{}] * 12), allow_pickle=True),
    ],
)
def test_a_damaged_entry_is_removed(entry, damage):
    damage(entry)
    assert read_entry(entry, "mine") is None
    assert not entry.exists()


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
