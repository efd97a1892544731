"""`load_dataset`: from a name such as `digits`, `hf:ID` or `folder:PATH` to a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, cast, get_args

from ironglass.data.build import Reading, build
from ironglass.data.cache.store import cache_folder, fingerprint, read_or_build
from ironglass.data.dataset import Dataset
from ironglass.data.decoding.decode import Fit
from ironglass.data.decoding.depth import parse_range
from ironglass.data.find_source import find_source
from ironglass.data.leave_out import without_images
from ironglass.data.only import only_classes
from ironglass.data.source import ColumnRequest, Listing
from ironglass.data.sources.attributes import check_columns, with_attributes
from ironglass.data.splits import same_classes
from ironglass.errors import InputError
from ironglass.fields import check_seed, expect
from ironglass.types import Progress


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
    leave_out: str | Path | None = None,
    attributes: Sequence[str] = (),
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
        leave_out: a file of names of images to leave out, one a line, as `ironglass inspect --clean` writes it.
        attributes: further columns of a table, kept as `Split.attributes`, for instance "domain".
        download: whether "torchvision:" may use the network.
        seed: of the splits that are cut here.
        progress: called as progress(done, of).

    Raises:
        InputError: for images, classes and columns that are not found, and more than 5 % unreadable images.

    Example:
        >>> import ironglass as ig
        >>> ig.load_dataset("digits").test
        Split(359 images of 32 × 32 × 1, uint8)
    """
    expect(spec, str | Path, "data", "a name as digits, hf:ID or folder:PATH, or a path")
    _check_lists(classes=classes, attributes=attributes)
    spec, request = str(spec), ColumnRequest(image_column, label_column, _check_splits(splits), tuple(attributes))
    listings = _attribute_listings(spec, request, download)
    dataset = _decoded(spec, check_reading(size, channels, fit, range), request, download, seed, progress)
    dataset = dataset if leave_out is None else without_images(dataset, leave_out)
    return with_attributes(dataset if classes is None else only_classes(dataset, classes), listings, request.attributes)


def _check_lists(**lists: object) -> None:
    for name, value in lists.items():
        if isinstance(value, str):
            raise InputError(f"{name} is {value!r}: give a list of names")


def _attribute_listings(spec: str, request: ColumnRequest, download: bool) -> Mapping[str, Listing]:
    """The source's listings with the requested attributes; {} where there is none, since listing takes its time."""
    if not request.attributes:
        return {}
    listings = find_source(spec, request, download).listings()
    check_columns(spec, listings, request.attributes)
    return listings


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
    listings = same_classes(find_source(spec, request, download).listings())
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
    """Checks the settings of decoding. Raises InputError for impossible ones."""
    sides: Any = tuple(size) if isinstance(size, tuple | list | str) else (size, size)
    if size is not None and (len(sides) != 2 or not all(isinstance(side, int) and 1 <= side <= 4096 for side in sides)):
        raise InputError(f"size is {size!r}: give 1 to 4096 pixels, or height and width")
    size = sides[0] if sides[0] == sides[1] else sides
    if channels not in (None, 1, 3):
        raise InputError(f"channels is {channels}: give 1 for grey or 3 for colour")
    if fit not in get_args(Fit):
        raise InputError(f"fit is {fit!r}: give {', '.join(get_args(Fit))}")
    return Reading(size, channels, cast(Fit, fit), parse_range(range))


def _decoded(
    spec: str,
    settings: Reading,
    request: ColumnRequest,
    download: bool,
    seed: int,
    progress: Progress | None,
) -> Dataset:
    source = find_source(spec, request, download)
    settings = replace(settings, size=settings.size or source.size)
    entry = cache_folder() / "decoded" / fingerprint(source.identity, *astuple(settings), check_seed(seed))

    def write(path: Path) -> None:
        listings = same_classes(source.listings())
        build(listings, path, settings, seed=seed, progress=progress)

    return read_or_build(entry, source.name, write)
