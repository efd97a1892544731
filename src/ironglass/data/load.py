"""From a few words to a data set: `digits`, `hf:ID`, `folder:PATH`, ..."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, cast, get_args

from ironglass.choices import did_you_mean
from ironglass.data.build import Reading, build
from ironglass.data.cache.store import cache_folder, discard, fingerprint, read_or_build
from ironglass.data.dataset import Dataset
from ironglass.data.decoding.decode import Fit
from ironglass.data.decoding.depth import parse_range
from ironglass.data.files.archive import is_archive, is_unpacked, unpack
from ironglass.data.files.plain import check_plain, printable
from ironglass.data.only import only_classes
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
from ironglass.data.splits import same_classes
from ironglass.errors import InputError
from ironglass.fields import check_seed, expect
from ironglass.types import Progress

_FORMS = (
    "digits, hf:ID, folder:PATH, tiny-imagenet:PATH, torchvision:NAME, planted, planted-shortcut, or the path of a "
    "folder, archive, Parquet file or table (.csv, .tsv, .jsonl)"
)


def load_dataset(
    spec: str | Path,
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    fit: Fit = "crop",
    range: str | tuple[float, float] | None = None,
    image_column: str | None = None,
    label_column: str | None = None,
    splits: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
    download: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """Loads a data set; every image is decoded once, and memory-mapped from the cache from then on.

    Args:
        spec: "digits"; "hf:ID" or "hf:PATH"; "folder:PATH" of class folders, or of images with a table of labels;
            "tiny-imagenet:PATH"; "torchvision:NAME"; "planted"; or a path, also of a table or archive.
        size: height and width in pixels; None for the stored one, where all images agree.
        channels: 1 or 3; None for 1 where every image is grey.
        fit: "crop" the longer side, "letterbox" with black, or "stretch".
        range: (low, high), the stored values that are black and white; None to find it over all deep images.
        image_column, label_column: of a table, where they cannot be told.
        splits: the data's own names for train, validation and test; others are left out.
        classes: only these, numbered in this order.
        download: whether "torchvision:" may use the network.
        seed: of the splits that are cut here.
        progress: called as progress(done, of).

    Raises:
        InputError: for images that are not found, more than 5 % unreadable ones, and classes that are not there.

    Example:
        >>> import ironglass as ig
        >>> ig.load_dataset("digits").test
        Split(359 images of 32 × 32 × 1, uint8)
    """
    expect(spec, str | Path, "data", "a name as digits, hf:ID or folder:PATH, or a path")
    spec = str(spec)
    request = ColumnRequest(image_column, label_column, _check_splits(splits))
    if isinstance(classes, str):
        raise InputError(f"classes is {classes!r}: give a list of names")
    dataset = _decoded(spec, check_reading(size, channels, fit, range), request, download, seed, progress)
    return dataset if classes is None else only_classes(dataset, classes)


def class_names(
    spec: str,
    *,
    image_column: str | None = None,
    label_column: str | None = None,
    splits: Mapping[str, str] | None = None,
    download: bool = False,
) -> tuple[str, ...]:
    """The classes of the data set that `spec` names, as `load_dataset` has them; no image is decoded."""
    expect(spec, str | Path, "data", "a name as digits, hf:ID or folder:PATH, or a path")
    spec = str(spec)
    request = ColumnRequest(image_column, label_column, _check_splits(splits))
    listings = same_classes(_source(spec, request, download).listings())
    return tuple(next(iter(listings.values())).classes)


def _check_splits(splits: Mapping[str, str] | None) -> dict[str, str]:
    if splits is None:
        return {}
    if not isinstance(splits, Mapping) or not all(isinstance(part, str) for pair in splits.items() for part in pair):
        raise InputError(f"splits is {splits!r}: give a mapping of our names to the data's, as {{'test': 'holdout'}}")
    return dict(splits)


def check_reading(
    size: int | tuple[int, int] | None,
    channels: int | None,
    fit: str,
    range: str | tuple[float, float] | list[float] | None,
) -> Reading:
    """Checks how images are to be read. Raises InputError for what no image can be brought to."""
    both: Any = tuple(size) if isinstance(size, tuple | list | str) else (size, size)
    if size is not None and (len(both) != 2 or not all(isinstance(one, int) and 1 <= one <= 4096 for one in both)):
        raise InputError(f"size is {size!r}: give 1 to 4096 pixels, or height and width")
    size = both[0] if both[0] == both[1] else both
    if channels not in (None, 1, 3):
        raise InputError(f"channels is {channels}: give 1 for grey or 3 for colour")
    if fit not in get_args(Fit):
        raise InputError(f"fit is {fit!r}: give {', '.join(get_args(Fit))}")
    return Reading(size, channels, cast(Fit, fit), parse_range(range))


def _decoded(
    spec: str,
    reading: Reading,
    request: ColumnRequest,
    download: bool,
    seed: int,
    progress: Progress | None,
) -> Dataset:
    source = _source(spec, request, download)
    reading = replace(reading, size=reading.size or source.size)
    entry = cache_folder() / "decoded" / fingerprint(source.identity, *astuple(reading), check_seed(seed))

    def write(path: Path) -> None:
        listings = same_classes(source.listings())
        build(listings, path, reading, seed=seed, progress=progress)

    return read_or_build(entry, source.name, write)


SOURCES: dict[str, Callable[[str], Source]] = {}
"""Sources of the user's own by name, see `ironglass.register`: what reads REST of "NAME:REST"."""


def _source(spec: str, request: ColumnRequest, download: bool) -> Source:
    kind, colon, rest = spec.partition(":")
    if kind in SOURCES and colon:
        return _whole(SOURCES[kind](rest), request)
    match kind if colon and rest else "":
        case "folder":
            return _at(_path(rest), lambda path: folder(path, request), request)
        case "tiny-imagenet":
            return _at(_path(rest), tiny_imagenet, request)
        case "torchvision":
            return _whole(torchvision_source(rest, download=download), request)
        case "hf" if _exists(_path(rest)):
            return _found_out(_path(rest), request)
        case "hf" if re.fullmatch(r"[\w.-]+(/[\w.-]+)?(@[\w./-]+)?", rest) and not rest.startswith("."):
            return hub(rest, request)
    if spec == "digits":
        return _whole(digits(), request)
    if spec in ("planted", "planted-shortcut"):
        return _whole(planted(shortcut=spec == "planted-shortcut"), request)
    if _exists(_path(spec)):
        return _found_out(_path(spec), request)
    near = did_you_mean(spec, ("digits", "planted", "planted-shortcut"))
    raise InputError(f"{printable(spec)[:200]!r} is neither a data set nor a path{near}: give {_FORMS}")


def _path(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # ~ of nobody
        return Path(name)


def _exists(path: Path) -> bool:
    return os.path.lexists(path)  # False, too, for names that no file can bear; a broken link is named later


def _whole(source: Source, request: ColumnRequest) -> Source:
    if request.splits:
        raise InputError(f"{source.name} has no splits of other names: leave --splits out")
    if request.names_columns():
        raise InputError(f"{source.name} has no columns: leave --image-column and --label-column out")
    return source


def _found_out(path: Path, request: ColumnRequest) -> Source:
    """The source of whatever layout lies at `path`."""
    if not path.is_dir():
        check_plain(path)
        if is_archive(path):
            return _at(path, lambda inner: _found_out(inner, request), request)
        if is_table(path):
            return table(path, request)
    if path.suffix == ".parquet" or (path.is_dir() and find_parquet(path)):
        return parquet(path, request)
    if path.is_dir() and is_tiny_imagenet(path):
        return _whole(_at(path, tiny_imagenet, request), request)
    return _at(path, lambda path: folder(path, request), request)


def _kinds(path: Path) -> str:
    return other_kind([path]).removeprefix("; ") or f"give {_FORMS}"


def _at(path: Path, reader: Callable[[Path], Source], request: ColumnRequest) -> Source:
    """Calls `reader` on `path`, which may be an archive: that is unpacked into the cache where need be."""
    if not _exists(path):
        raise InputError(f"{printable(path)[:300]} does not exist: check the path")
    if path.is_dir():
        return reader(path)
    check_plain(path)
    if is_table(path):
        return table(path, request)
    if not is_archive(path):
        raise InputError(f"{printable(path)} is a file, neither a folder nor an archive nor Parquet: {_kinds(path)}")
    identity = ["archive", getattr(reader, "__name__", ""), stamps([path], path.parent), request.identity()]
    unpacked = cache_folder() / "unpacked" / fingerprint(stamps([path], path.parent))

    def listings() -> Mapping[str, Listing]:
        if not is_unpacked(unpacked):
            discard(unpacked)
            unpack(path, unpacked)
        with _called(unpacked, path):
            return reader(unpacked).listings()

    return Source(printable(path.name.partition(".")[0]), identity, listings)


@contextmanager
def _called(unpacked: Path, path: Path) -> Iterator[None]:
    """Inside, what is refused is named within the archive, not within the cache, where nobody can mend it."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(printable(unpacked), printable(path))) from error
