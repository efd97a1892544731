"""From a few words to a data set: `digits`, `hf:ID`, `folder:PATH`, ..."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from ironglass.choices import did_you_mean
from ironglass.data.archive import is_archive, unpack
from ironglass.data.build import build
from ironglass.data.cache import cache_folder, fingerprint, read_or_build
from ironglass.data.dataset import Dataset, Quarantined
from ironglass.data.decode import SUFFIXES
from ironglass.data.digits import digits
from ironglass.data.folder import folder, images_under, stamps
from ironglass.data.hub import hub
from ironglass.data.only import only_classes
from ironglass.data.parquet import find_parquet, parquet
from ironglass.data.planted import planted
from ironglass.data.scan import scan
from ironglass.data.source import Listing, Source
from ironglass.data.splits import same_classes
from ironglass.data.tiny_imagenet import is_tiny_imagenet, tiny_imagenet
from ironglass.data.torchvision_source import torchvision_source
from ironglass.errors import InputError
from ironglass.fields import check_seed
from ironglass.types import Progress

_FORMS = (
    "digits, hf:ID, folder:PATH, tiny-imagenet:PATH, torchvision:NAME, planted, planted-shortcut, or the path of a "
    "folder, archive or Parquet file"
)


def load_dataset(
    spec: str,
    *,
    size: int | None = None,
    channels: int | None = None,
    image_column: str | None = None,
    label_column: str | None = None,
    classes: Sequence[str] | None = None,
    download: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """The data set that `spec` names, every image decoded once and kept in the cache, memory-mapped from there.

    spec: `digits`; `hf:ID` of the Hugging Face Hub, or `hf:PATH` of its Parquet layout; `folder:PATH` of class folders;
    `tiny-imagenet:PATH`; `torchvision:NAME`; `planted` or `planted-shortcut`, made here; or a path, whose layout is
    then found out. Paths may be archives.
    size: height and width in pixels, the shorter side brought to it and the rest cut off evenly; None: as stored, where
    all images agree. channels: 1 or 3; None: 1 where every image is grey. image_column, label_column: of a table, where
    they cannot be told. classes: of the images of these alone, numbered in this order. download: whether `torchvision:`
    may use the network. seed: of the splits that are cut here, as `splits.complete` tells. progress: called as
    (done, of).

    Raises InputError where the images cannot be found, more than 5 % of them cannot be decoded, a class of the first
    split loses all of its images, `classes` are not there, or the cache cannot be written.
    """
    dataset = _decoded(spec, size, channels, image_column, label_column, download, seed, progress)
    return dataset if classes is None else only_classes(dataset, classes)


def _decoded(
    spec: str,
    size: int | None,
    channels: int | None,
    image_column: str | None,
    label_column: str | None,
    download: bool,
    seed: int,
    progress: Progress | None,
) -> Dataset:
    if size is not None and not 1 <= size <= 4096:
        raise InputError(f"size is {size}: give 1 to 4096 pixels")
    if channels not in (None, 1, 3):
        raise InputError(f"channels is {channels}: give 1 for grey or 3 for colour")
    source = _source(spec, image_column, label_column, download)
    size = size or source.size
    entry = cache_folder() / "decoded" / fingerprint(source.identity, size, channels, check_seed(seed))

    def write(path: Path) -> None:
        listings = same_classes(source.listings())
        build(listings, path, size=size, channels=channels, seed=seed, progress=progress)

    return read_or_build(entry, source.name, write)


def _source(spec: str, image: str | None, label: str | None, download: bool) -> Source:
    kind, colon, rest = spec.partition(":")
    path = Path(rest).expanduser()
    match kind if colon and rest else "":
        case "folder":
            return _at(path, folder)
        case "tiny-imagenet":
            return _at(path, tiny_imagenet)
        case "torchvision":
            return torchvision_source(rest, download=download)
        case "hf" if path.exists():
            return _found_out(path, image, label)
        case "hf" if re.fullmatch(r"[\w.-]+(/[\w.-]+)?(@[\w./-]+)?", rest) and not rest.startswith("."):
            return hub(rest, image_column=image, label_column=label)
    if spec == "digits":
        return digits()
    if spec in ("planted", "planted-shortcut"):
        return planted(shortcut=spec == "planted-shortcut")
    if Path(spec).expanduser().exists():
        return _found_out(Path(spec).expanduser(), image, label)
    near = did_you_mean(spec, ("digits", "planted", "planted-shortcut"))
    raise InputError(f"{spec!r} is neither a data set nor a path{near}: give {_FORMS}")


def _found_out(path: Path, image: str | None, label: str | None) -> Source:
    """The source of whatever layout lies at `path`."""
    if path.is_file() and is_archive(path):
        return _at(path, lambda inner: _found_out(inner, image, label))
    if path.suffix == ".parquet" or (path.is_dir() and find_parquet(path)):
        return parquet(path, image_column=image, label_column=label)
    return _at(path, tiny_imagenet if path.is_dir() and is_tiny_imagenet(path) else folder)


def _at(path: Path, reader: Callable[[Path], Source]) -> Source:
    """What `reader` finds at `path`, which may be an archive: that is unpacked into the cache where need be."""
    if path.is_dir():
        return reader(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path")
    if not is_archive(path):
        raise InputError(f"{path} is a file, neither a folder nor an archive nor Parquet: give {_FORMS}")
    identity = ["archive", getattr(reader, "__name__", ""), stamps([path], path.parent)]
    unpacked = cache_folder() / "unpacked" / fingerprint(stamps([path], path.parent))

    def listings() -> Mapping[str, Listing]:
        if not unpacked.is_dir():
            unpack(path, unpacked)
        return reader(unpacked).listings()

    return Source(path.name.partition(".")[0], identity, listings)


def load_images(
    paths: Sequence[Path], *, size: tuple[int, int], channels: int
) -> tuple[np.ndarray, list[str], list[Quarantined]]:
    """Images to predict on, from files or from folders however deep: pixels, uint8 (n, h, w, c), and their paths.

    Also what could not be decoded, as of split "predict". Each image is brought to `size` as by `load_dataset`. Raises
    InputError where a path does not exist or no image is found.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path} does not exist: check the path")
        files += images_under(path) if path.is_dir() else [path]
    if not files:
        raise InputError(f"no images in {', '.join(map(str, paths)) or 'no paths'}: looked for {', '.join(SUFFIXES)}")
    pixels: list[np.ndarray] = []
    names: list[str] = []
    quarantined: list[Quarantined] = []
    with closing(scan(files, size=size, channels=channels)) as results:
        for file, result in zip(files, results, strict=True):
            if isinstance(result, str):
                quarantined.append(Quarantined(str(file), "predict", result))
            else:
                pixels.append(result)
                names.append(str(file))
    return np.stack(pixels) if pixels else np.empty((0, *size, channels), np.uint8), names, quarantined
