"""A data set of the Hugging Face Hub, through its own library, but decoded by ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

import numpy as np

from ironglass.data.source import Encoded, Listing, Source
from ironglass.data.splits import canonical
from ironglass.errors import InputError

_ROWS = 64


def hub(identifier: str, *, image_column: str | None = None, label_column: str | None = None) -> Source:
    """The data set `ID` or `ID@REVISION`, fetched from the network where Hugging Face's cache has it not.

    What was decoded once is kept under the identifier and not fetched again: name a revision to be exact. Raises
    InputError where the Hub has no such data set or cannot be reached.
    """
    identity = ["hub", identifier, image_column, label_column]
    return Source(identifier, identity, lambda: _listings(identifier, image_column, label_column))


def _listings(identifier: str, image: str | None, label: str | None) -> Mapping[str, Listing]:
    import datasets
    from datasets.exceptions import DatasetsError

    path, _, revision = identifier.partition("@")
    noise = logging.getLogger("huggingface_hub")
    before = noise.level
    try:
        noise.setLevel(logging.CRITICAL)  # it writes a line for every attempt; one at the end is enough
        found = datasets.load_dataset(path, revision=revision or None)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"cannot load {identifier!r} from the Hugging Face Hub: {reason or type(error).__name__}"
        ) from error
    finally:
        noise.setLevel(before)
    return {split: _listing(split, found[name], image, label) for split, name in canonical(map(str, found)).items()}


def _listing(split: str, rows, image: str | None, label: str | None) -> Listing:
    import datasets

    from ironglass.data import columns

    features = rows.features.to_dict()
    schema = rows.features.arrow_schema
    image = columns.image_column(schema, features, image)
    label = columns.label_column(schema, features, label)
    labels, classes = columns.classes_of(rows.data.column(label), features[label])
    images = rows.select_columns([image]).cast_column(image, datasets.Image(decode=False)).with_format("arrow")

    def read(index: np.ndarray) -> Iterator[Encoded]:
        for start in range(0, len(index), _ROWS):
            yield from columns.encoded_images(images[index[start : start + _ROWS]].column(0))

    return Listing([f"{split}/{row}" for row in range(len(labels))], labels, classes, read)
