"""Tiny ImageNet in the official layout of stanford.edu."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ironglass.data.files.plain import open_plain, printable
from ironglass.data.source import Listing, Source
from ironglass.data.sources.folder import listing
from ironglass.data.sources.walk import images_under, stamps
from ironglass.errors import InputError

_ANNOTATIONS = "val/val_annotations.txt"


def is_tiny_imagenet(path: Path) -> bool:
    """Returns whether `path`, or the one folder in it, has the official layout."""
    return _root(path) is not None


def tiny_imagenet(path: Path) -> Source:
    """Images in `train/WNID/images/` and in `val/images/`, whose labels are in `val/val_annotations.txt`.

    Classes are the WordNet ids in sorted order, since the words are not unique. The official test images are
    unlabelled and left out. Raises InputError where the layout is another.
    """
    root = _root(path)
    if root is None:
        raise InputError(f"{printable(path)} is not Tiny ImageNet: it has no train folder beside {_ANNOTATIONS}")
    files = [*images_under(root / "train"), *images_under(root / "val")]
    identity = ["tiny-imagenet", stamps([*files, root / _ANNOTATIONS], root)]
    return Source(path.stem, identity, lambda: _listings(root, files))


def _root(path: Path) -> Path | None:
    for root in (path, *sorted(path.glob("*/"))):
        if (root / _ANNOTATIONS).is_file() and (root / "train").is_dir():
            return root
    return None


def _listings(root: Path, files: list[Path]) -> Mapping[str, Listing]:
    train = [file for file in files if file.is_relative_to(root / "train")]
    validation = [file for file in files if not file.is_relative_to(root / "train")]
    wnids = [file.relative_to(root / "train").parts[0] for file in train]
    classes = tuple(sorted(set(wnids)))
    position = {wnid: i for i, wnid in enumerate(classes)}
    annotated = dict(_annotation(line, position) for line in _lines(root / _ANNOTATIONS))
    if missing := [file.name for file in validation if file.name not in annotated]:
        raise InputError(
            f"val/images/{printable(missing[0])} has no line in {printable(root / _ANNOTATIONS)}: add it or remove the"
            " image"
        )
    return {
        "train": listing(train, root, np.array([position[wnid] for wnid in wnids], dtype=np.int64), classes),
        "validation": listing(
            validation, root, np.array([annotated[file.name] for file in validation], dtype=np.int64), classes
        ),
    }


def _lines(path: Path) -> list[str]:
    try:
        with open_plain(path) as file:
            return file.read().decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{printable(path)} is no UTF-8: fetch it again") from error
    except OSError as error:
        raise InputError(f"cannot read {printable(path)}: {error.strerror}") from error


def _annotation(line: str, position: Mapping[str, int]) -> tuple[str, int]:
    name, _, rest = line.partition("\t")
    wnid = rest.partition("\t")[0]
    if wnid not in position:
        raise InputError(f"{_ANNOTATIONS} has the line {line[:60]!r}: its second column is no folder of train")
    return name, position[wnid]
