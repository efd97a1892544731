"""The source of images that a name or path stands for: `digits`, `hf:ID`, `folder:PATH`, ..."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ironglass.choices import did_you_mean
from ironglass.data.cache.store import cache_folder, discard, fingerprint
from ironglass.data.files.archive import is_archive, is_unpacked, unpack
from ironglass.data.files.plain import check_plain, printable
from ironglass.data.source import ColumnRequest, Listing, Source
from ironglass.data.sources.digits import digits
from ironglass.data.sources.folder import folder
from ironglass.data.sources.hub import hub
from ironglass.data.sources.others import other_kind
from ironglass.data.sources.parquet import find_parquet, parquet
from ironglass.data.sources.planted import planted
from ironglass.data.sources.table import is_table, table
from ironglass.data.sources.tiny_imagenet import is_tiny_imagenet, tiny_imagenet
from ironglass.data.sources.torchvision_source import torchvision_source
from ironglass.data.sources.walk import stamps
from ironglass.errors import InputError

_FORMS = (
    "digits, hf:ID, folder:PATH, tiny-imagenet:PATH, torchvision:NAME, planted, planted-shortcut, or the path of a "
    "folder, archive, Parquet file or table (.csv, .tsv, .jsonl)"
)


SOURCES: dict[str, Callable[[str], Source]] = {}
"""Sources of the user's own by name, see `ironglass.register`: what reads REST of "NAME:REST"."""


def find_source(spec: str, request: ColumnRequest, download: bool) -> Source:
    """The source that `spec` names, as of `load_dataset`. Raises InputError for what is neither a name nor a path."""
    kind, colon, rest = spec.partition(":")
    if kind in SOURCES and colon:
        return _without_options(SOURCES[kind](rest), request)
    match kind if colon and rest else "":
        case "folder":
            return _read_path(_path(rest), lambda path: folder(path, request), request)
        case "tiny-imagenet":
            return _read_path(_path(rest), tiny_imagenet, request)
        case "torchvision":
            return _without_options(torchvision_source(rest, download=download), request)
        case "hf" if _exists(_path(rest)):
            return _source_at(_path(rest), request)
        case "hf" if re.fullmatch(r"[\w.-]+(/[\w.-]+)?(@[\w./-]+)?", rest) and not rest.startswith("."):
            return hub(rest, request)
    if spec == "digits":
        return _without_options(digits(), request)
    if spec in ("planted", "planted-shortcut"):
        return _without_options(planted(shortcut=spec == "planted-shortcut"), request)
    if _exists(_path(spec)):
        return _source_at(_path(spec), request)
    near = did_you_mean(spec, ("digits", "planted", "planted-shortcut"))
    raise InputError(f"{printable(spec)[:200]!r} is neither a data set nor a path{near}: give {_FORMS}")


def _path(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # ~ of nobody
        return Path(name)


def _exists(path: Path) -> bool:
    return os.path.lexists(path)  # False, too, for names that no file can bear; a broken link is named later


def _without_options(source: Source, request: ColumnRequest) -> Source:
    if request.splits:
        raise InputError(f"{source.name} has no splits of other names: leave --splits out")
    if request.names_columns():
        raise InputError(f"{source.name} has no columns: leave --image-column and --label-column out")
    return source


def _source_at(path: Path, request: ColumnRequest) -> Source:
    """The source of whatever layout lies at `path`."""
    if not path.is_dir():
        check_plain(path)
        if is_archive(path):
            return _read_path(path, lambda inner: _source_at(inner, request), request)
        if is_table(path):
            return table(path, request)
    if path.suffix == ".parquet" or (path.is_dir() and find_parquet(path)):
        return parquet(path, request)
    if path.is_dir() and is_tiny_imagenet(path):
        return _without_options(_read_path(path, tiny_imagenet, request), request)
    return _read_path(path, lambda path: folder(path, request), request)


def _format_advice(path: Path) -> str:
    return other_kind([path]).removeprefix("; ") or f"give {_FORMS}"


def _read_path(path: Path, reader: Callable[[Path], Source], request: ColumnRequest) -> Source:
    """Calls `reader` on `path`, which may be an archive: that is unpacked into the cache where need be."""
    if not _exists(path):
        raise InputError(f"{printable(path)[:300]} does not exist: check the path")
    if path.is_dir():
        return reader(path)
    check_plain(path)
    if is_table(path):
        return table(path, request)
    if not is_archive(path):
        raise InputError(
            f"{printable(path)} is a file, neither a folder nor an archive nor Parquet: {_format_advice(path)}"
        )
    identity = ["archive", getattr(reader, "__name__", ""), stamps([path], path.parent), request.identity()]
    unpacked = cache_folder() / "unpacked" / fingerprint(stamps([path], path.parent))

    def listings() -> Mapping[str, Listing]:
        if not is_unpacked(unpacked):
            discard(unpacked)
            unpack(path, unpacked)
        with _named_by_archive(unpacked, path):
            return reader(unpacked).listings()

    return Source(printable(path.name.partition(".")[0]), identity, listings)


@contextmanager
def _named_by_archive(unpacked: Path, path: Path) -> Iterator[None]:
    """Inside, what is refused is named within the archive, not within the cache, where nobody can mend it."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(printable(unpacked), printable(path))) from error
