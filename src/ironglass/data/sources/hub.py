"""A data set of the Hugging Face Hub, through its own library, but decoded by ours."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ironglass.data.decoding.decode import SUFFIXES
from ironglass.data.files.plain import printable
from ironglass.data.source import NO_REQUEST, ColumnRequest, Encoded, Listing, Source
from ironglass.data.sources.folder import folder
from ironglass.data.sources.rows import TABLE_SUFFIXES
from ironglass.data.splits import canonical, unused_splits
from ironglass.errors import InputError

_ROWS = 64
_CONFIGS = re.compile(r"\A---\s*$.*?^configs\s*:.*?^---\s*$", re.MULTILINE | re.DOTALL)


def hub(identifier: str, request: ColumnRequest = NO_REQUEST) -> Source:
    """The data set `ID` or `ID@REVISION`, fetched from the network where Hugging Face's cache has it not.

    What was decoded once is kept under the identifier and not fetched again: name a revision to be exact. Loose image
    files are read as a folder of ours: the library takes a class called train or "test tube" for a split and drops the
    others. Raises InputError where the Hub has no such data set or cannot be reached.
    """
    return Source(identifier, ["hub", identifier, request.identity()], lambda: _listings(identifier, request))


def _listings(identifier: str, request: ColumnRequest) -> Mapping[str, Listing]:
    import datasets
    from datasets.packaged_modules.imagefolder.imagefolder import ImageFolder

    path, _, revision = identifier.partition("@")
    with _fetching(identifier):
        builder = datasets.load_dataset_builder(path, revision=revision or None)
        image_folder = _loose_images(path, revision or None) if isinstance(builder, ImageFolder) else None
    if image_folder is not None:
        return folder(image_folder, request).listings()
    with _fetching(identifier):
        splits_found = datasets.load_dataset(path, revision=revision or None)
    splits = canonical(map(str, splits_found), request.splits)
    notes = unused_splits(map(str, splits_found), splits.values())
    listings = {split: _listing(split, splits_found[name], _roots(path), request) for split, name in splits.items()}
    first = next(iter(listings))
    return {**listings, first: listings[first].said(*notes)}


@contextmanager
def _fetching(identifier: str) -> Iterator[None]:
    """Quietens the hub's library, and turns what it raises into one line."""
    from datasets.exceptions import DatasetsError

    logger = logging.getLogger("huggingface_hub")
    level_before = logger.level
    try:
        logger.setLevel(logging.CRITICAL)  # it writes a line for every attempt; one at the end is enough
        yield
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"cannot load {identifier!r} from the Hugging Face Hub: {printable(reason) or type(error).__name__}"
        ) from error
    finally:
        logger.setLevel(level_before)


def _loose_images(path: str, revision: str | None) -> Path | None:
    """The folder of a data set of image files, fetched; None where they are packed, or its card says what is what."""
    if Path(path).is_dir():
        names = [file.relative_to(path).as_posix() for file in Path(path).rglob("*")]
        card = Path(path) / "README.md"
        return Path(path) if _has_images(names) and not _configured(card) else None
    from huggingface_hub import HfApi, snapshot_download

    names = HfApi().list_repo_files(path, repo_type="dataset", revision=revision)
    if not _has_images(names):
        return None
    patterns = ["README.md", *(name for name in names if name.lower().endswith((*SUFFIXES, *TABLE_SUFFIXES)))]
    if "README.md" in names:
        card = snapshot_download(path, repo_type="dataset", revision=revision, allow_patterns="README.md")
        if _configured(Path(card) / "README.md"):
            return None
    snapshot = snapshot_download(
        path, repo_type="dataset", revision=revision, allow_patterns=[_literal(n) for n in patterns]
    )
    return Path(snapshot)


def _literal(name: str) -> str:
    """The pattern that fits this name alone."""
    return re.sub(r"([*?[])", r"[\1]", name)


def _has_images(names: Sequence[str]) -> bool:
    return any(name.lower().endswith(SUFFIXES) for name in names)


def _configured(card: Path) -> bool:
    """Returns whether the data set's card names the files of each split."""
    if not card.is_file():
        return False
    return _CONFIGS.search(card.read_text("utf-8", errors="replace")) is not None


def _roots(path: str) -> tuple[Path, ...]:
    """Folders in which the library may have cached files of a data set."""
    from datasets import config
    from huggingface_hub import constants

    if Path(path).is_dir():
        return (Path(path).absolute(),)
    hub_cache = Path(constants.HF_HUB_CACHE) / f"datasets--{path.replace('/', '--')}"
    return (hub_cache, Path(config.DOWNLOADED_DATASETS_PATH))


def _listing(split: str, rows: Any, roots: Sequence[Path], request: ColumnRequest) -> Listing:
    import datasets

    from ironglass.data.sources import columns
    from ironglass.data.sources.attributes import name_is_text, texts_of

    features = rows.features.to_dict()
    schema = rows.features.arrow_schema
    image = columns.image_column(schema, features, request.image_column)
    label = columns.label_column(schema, features, request.label_column)
    names = columns.names_of(features[label], label)
    labels, classes = columns.classes_of(rows.data.column(label), names)
    notes = (columns.numbered(classes),) if names is None and columns.by_value(classes) else ()
    images = rows.select_columns([image]).cast_column(image, datasets.Image(decode=False)).with_format("arrow")

    def read(index: np.ndarray) -> Iterator[Encoded]:
        for start in range(0, len(index), _ROWS):
            cells = images[index[start : start + _ROWS]].column(0)
            yield from columns.encoded_images(cells, roots, split)

    further = [name for name in schema.names if name not in (image, label) and name_is_text(schema, name)]
    texts = {
        name: texts_of(rows.data.column(name), features[name], name) for name in further if name in request.attributes
    }
    names_of_rows = [f"{split}/{row}" for row in range(len(labels))]
    return Listing(names_of_rows, labels, classes, read, notes, columns=tuple(further), attributes=texts)
