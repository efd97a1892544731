import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ironglass.data.files.archive import unpack
from ironglass.errors import InputError


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], compression=zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, body in members:
            file.writestr(name, body)
    return path


def tarred(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for info, body in members:
            info.size = len(body)
            file.addfile(info, io.BytesIO(body))
    return path


def test_files_come_out_as_they_went_in(tmp_path):
    archive = zipped(
        tmp_path / "a.zip", ("top/", b""), ("top/a.txt", b"a"), ("top/in/b.txt", b"b" * 3_000_000), ("c", b"")
    )
    with pytest.raises(InputError, match="grows"):
        unpack(archive, tmp_path / "small")
    unpack(archive, tmp_path / "out", max_ratio=10_000)
    assert (tmp_path / "out/top/a.txt").read_bytes() == b"a"
    assert (tmp_path / "out/top/in/b.txt").stat().st_size == 3_000_000
    assert (tmp_path / "out/c").read_bytes() == b""
    assert not (tmp_path / "small").exists()


def test_tar_files_come_out_as_they_went_in(tmp_path):
    folder = tarfile.TarInfo("top")
    folder.type = tarfile.DIRTYPE
    archive = tarred(tmp_path / "a.tar.gz", (folder, b""), (tarfile.TarInfo("top/a.txt"), b"abc"))
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/top/a.txt").read_bytes() == b"abc"


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/evil", "..\\evil", "\\evil", "C:\\evil", "c:evil", "a/..", "\\\\host\\evil"]
)
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    for archive in (
        zipped(tmp_path / "a.zip", ("good.txt", b"x"), (name, b"x")),
        tarred(tmp_path / "a.tar.gz", (tarfile.TarInfo("good.txt"), b"x"), (tarfile.TarInfo(name), b"x")),
    ):
        with pytest.raises(InputError, match="leads out of the folder"):
            unpack(archive, tmp_path / "in" / "out")
    assert list((tmp_path / "in").iterdir()) == []


def test_a_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(InputError, match="'link', a link or device"):
        unpack(zipped(tmp_path / "a.zip", (link, b"/etc/passwd")), tmp_path / "out")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc/passwd"
        with pytest.raises(InputError, match="'link', a link or device"):
            unpack(tarred(tmp_path / "a.tar.gz", (info, b"")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="'a' twice"):
        unpack(zipped(tmp_path / "a.zip", ("a", b"1"), ("a", b"2")), tmp_path / "out")


def test_a_name_that_is_both_file_and_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot"):
        unpack(zipped(tmp_path / "a.zip", ("a", b"1"), ("a/b", b"2")), tmp_path / "out")


def test_a_bomb_is_refused(tmp_path):
    archive = zipped(tmp_path / "a.zip", ("bomb.txt", b"\0" * 20_000_000))
    assert archive.stat().st_size < 50_000
    with pytest.raises(InputError, match=r"grows beyond all measure at 'bomb.txt'"):
        unpack(archive, tmp_path / "out")
    with pytest.raises(InputError, match="grows beyond all measure"):
        unpack(tarred(tmp_path / "a.tar.gz", (tarfile.TarInfo("bomb"), b"\0" * 20_000_000)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bytes_and_files_are_capped_as_written(tmp_path):
    archive = zipped(tmp_path / "a.zip", *((f"{i}.txt", b"x" * 400) for i in range(10)), compression=zipfile.ZIP_STORED)
    unpack(archive, tmp_path / "fits", max_files=10, max_bytes=4000)
    with pytest.raises(InputError, match="more than 9 files"):
        unpack(archive, tmp_path / "out", max_files=9)
    with pytest.raises(InputError, match=r"grows beyond all measure at '9.txt'"):
        unpack(archive, tmp_path / "out", max_bytes=3999)


def test_an_encrypted_file_is_refused(tmp_path):
    archive = zipped(tmp_path / "a.zip", ("secret", b"x"))
    raw = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(signature) + offset] |= 1
    archive.write_bytes(raw)
    with pytest.raises(InputError, match="encrypted"):
        unpack(archive, tmp_path / "out")


def test_a_damaged_archive_is_one_line(tmp_path):
    archive = zipped(tmp_path / "a.zip", ("a", bytes(range(256)) * 40), compression=zipfile.ZIP_STORED)
    raw = bytearray(archive.read_bytes())
    raw[5000] ^= 255
    archive.write_bytes(raw)
    (tmp_path / "text.zip").write_text("no archive")
    (tmp_path / "half.tar.gz").write_bytes(
        tarred(tmp_path / "a.tar.gz", (tarfile.TarInfo("a"), bytes(9999))).read_bytes()[:60]
    )
    for name in ("a.zip", "text.zip", "half.tar.gz"):
        with pytest.raises(InputError, match="damaged") as caught:
            unpack(tmp_path / name, tmp_path / "out")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def whole_tar(n: int = 12) -> bytes:
    """A .tar of n files and a folder, of sizes around a block's."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        folder = tarfile.TarInfo("d")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for i in range(n):
            info = tarfile.TarInfo(f"d/{i}.bin")
            info.size = (0, 1, 511, 512, 513, 1500)[i % 6]
            archive.addfile(info, io.BytesIO(bytes([i + 1]) * info.size))
    return file.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
}


@pytest.mark.parametrize("suffix", PACKED)
def test_a_tar_comes_out_whole_however_it_is_packed(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(PACKED[suffix](whole_tar()))
    unpack(tmp_path / f"a{suffix}", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/d").iterdir()) == sorted(f"{i}.bin" for i in range(12))
    assert (tmp_path / "out/d/5.bin").read_bytes() == b"\6" * 1500


def test_a_large_file_of_a_tar_comes_out_as_it_went_in(tmp_path):
    body = np.random.default_rng(0).bytes(5_000_001)
    unpack(tarred(tmp_path / "a.tar.gz", (tarfile.TarInfo("a"), body)), tmp_path / "out")
    assert (tmp_path / "out/a").read_bytes() == body


def test_a_tar_that_is_cut_anywhere_is_refused(tmp_path):
    raw = whole_tar()
    end = len(raw.rstrip(b"\0"))
    end += -end % 512  # of the last member; one block of zeros marks the end
    for cut in [*range(0, end + 512, 256), end + 511]:
        (tmp_path / "a.tar").write_bytes(raw[:cut])
        with pytest.raises(InputError, match=r"a\.tar is damaged, cut short"):
            unpack(tmp_path / "a.tar", tmp_path / "out")
    (tmp_path / "a.tar").write_bytes(raw[: end + 512])
    unpack(tmp_path / "a.tar", tmp_path / "out")


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.bz2", ".tar.xz"])
def test_a_packed_tar_that_is_cut_anywhere_is_refused(tmp_path, suffix):
    raw = PACKED[suffix](whole_tar())
    for cut in {*range(0, len(raw), 1 + len(raw) // 40), len(raw) - 1, len(raw) - 5, len(raw) - 9}:
        (tmp_path / f"a{suffix}").write_bytes(raw[:cut])
        with pytest.raises(InputError, match="is damaged, cut short"):
            unpack(tmp_path / f"a{suffix}", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("position", [3, 110, 124, 140, 150, 156, 260, 300])
@pytest.mark.parametrize("member", [1, 6, 12])
def test_a_byte_flipped_in_any_header_of_a_tar_is_found(tmp_path, member, position):
    raw = bytearray(whole_tar())
    (tmp_path / "a.tar").write_bytes(raw)
    with tarfile.open(tmp_path / "a.tar") as file:
        raw[file.getmembers()[member].offset + position] ^= 0x11
    (tmp_path / "a.tar").write_bytes(raw)
    with pytest.raises(InputError, match="damaged"):
        unpack(tmp_path / "a.tar", tmp_path / "out")


def pax(header: bytes, size: int | None = None, name: str = "x") -> bytes:
    """A .tar of one file behind a pax header, of which any size may be claimed."""
    file = io.BytesIO()
    info = tarfile.TarInfo("pax")
    info.type = tarfile.XHDTYPE
    info.size = len(header) if size is None else size
    file.write(info.tobuf())
    file.write(header + bytes(-len(header) % 512))
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return file.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        pax(b"30 GNU.sparse.map=zzz,yyy,ww\n"),
        pax(b"16 size=-1000000\n"),
        pax(b"99999 path=x\n"),
        pax(b"0 path=x\n"),
        pax(b"x" * 2_000_000),
        pax(b"", size=150_000_000),
        pax(b"", size=-512),
        whole_tar() + whole_tar(),
        whole_tar()[:-10240] + b"x" * 512,
        b"",
        bytes(511),
    ],
    ids=range(11),
)
def test_a_spoilt_tar_is_one_line(tmp_path, raw):
    (tmp_path / "a.tar").write_bytes(raw)
    with pytest.raises(InputError, match=r"a\.tar (is damaged|has )") as caught:
        unpack(tmp_path / "a.tar", tmp_path / "out")
    assert "IRONGLASS_CACHE" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def test_a_pax_header_is_measured_before_it_is_read(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(pax(b" " * 30_000_000), 1))
    with pytest.raises(InputError, match="a header claims 30,000,128 bytes"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")


def test_a_zip_whose_names_are_not_utf_8_is_one_line(tmp_path):
    archive = zipped(tmp_path / "a.zip", ("d/é.txt", b"x"))
    archive.write_bytes(archive.read_bytes().replace("é".encode(), b"\xff\xfe"))
    with pytest.raises(InputError, match="damaged"):
        unpack(archive, tmp_path / "out")


def test_a_zip_that_is_cut_anywhere_is_refused(tmp_path):
    archive = zipped(tmp_path / "a.zip", *((f"{i}.txt", bytes([i]) * 300) for i in range(6)))
    raw = archive.read_bytes()
    for cut in range(0, len(raw), 37):
        archive.write_bytes(raw[:cut])
        with pytest.raises(InputError, match="damaged"):
            unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("name", ["x" * 300, "d/" * 2500 + "x", "."])
def test_a_name_that_no_file_can_bear_is_the_archives_fault(tmp_path, name):
    archive = tarred(tmp_path / "a.tar.gz", (tarfile.TarInfo("good"), b"x"), (tarfile.TarInfo(name), b"x"))
    with pytest.raises(InputError, match=r"a\.tar\.gz.*pack it anew") as caught:
        unpack(archive, tmp_path / "in" / "out")
    assert "IRONGLASS_CACHE" not in str(caught.value)
    assert len(str(caught.value)) < 700
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize(("one", "other"), [("a/b", "a//b"), ("a/b", "./a/b"), ("a/b", "a\\b"), ("b", "./b")])
def test_two_spellings_of_one_name_are_refused(tmp_path, one, other):
    archive = tarred(tmp_path / "a.tar.gz", (tarfile.TarInfo(one), b"1"), (tarfile.TarInfo(other), b"2"))
    with pytest.raises(InputError, match="twice"):
        unpack(archive, tmp_path / "out")


def test_folders_count_as_files_do(tmp_path):
    folders = []
    for i in range(12):
        info = tarfile.TarInfo(f"d{i}")
        info.type = tarfile.DIRTYPE
        folders.append((info, b""))
    with pytest.raises(InputError, match="more than 10 files"):
        unpack(tarred(tmp_path / "a.tar.gz", *folders), tmp_path / "out", max_files=10)


def test_an_archive_of_nothing_is_refused(tmp_path):
    for archive in (zipped(tmp_path / "a.zip"), zipped(tmp_path / "b.zip", ("d/", b"")), tarred(tmp_path / "a.tar.gz")):
        with pytest.raises(InputError, match="holds no files"):
            unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()
