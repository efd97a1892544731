import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from ironglass.data.archive import unpack
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
