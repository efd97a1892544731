"""Data sets of torchvision with training and test splits."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from ironglass.choices import did_you_mean
from ironglass.data.cache.store import cache_folder
from ironglass.data.files.plain import printable
from ironglass.data.source import Listing, Source
from ironglass.errors import InputError

_VALUES = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}


def torchvision_source(name: str, *, download: bool = False) -> Source:
    """`torchvision.datasets.NAME`, kept below the cache folder; fetched from the network with `download` only.

    Raises InputError where torchvision has no such data set, it has no splits, or it is not there.
    """
    return Source(name, ["torchvision", name], lambda: _listings(name, download))


def _listings(name: str, download: bool) -> Mapping[str, Listing]:
    from torchvision import datasets

    kind = getattr(datasets, name, None) if name in datasets.__all__ else None
    if kind is None:
        suggestion = did_you_mean(name, datasets.__all__)
        raise InputError(
            f"torchvision has no data set {name!r}{suggestion}: names are as CIFAR10, FashionMNIST or SVHN"
        )
    parameters = inspect.signature(kind).parameters
    if "train" in parameters:
        options: list[tuple[str, dict[str, Any]]] = [("train", {"train": True}), ("test", {"train": False})]
    elif "split" in parameters:
        options = [(split, {"split": value}) for split, values in _VALUES.items() for value in values]
    else:
        raise InputError(f"torchvision's {name} has no splits for training and test: name another")
    if "download" in parameters:
        options = [(split, option | {"download": download}) for split, option in options]

    root = cache_folder() / "torchvision"
    listings = {}
    for split, option in options:
        try:
            listings[split] = _listing(split, kind(root, **option))
        except InputError:
            raise
        except ValueError as error:
            if "split" in option and "value" in str(error).lower():  # one that this data set does not know
                continue
            raise InputError(f"torchvision's {name} in {root} cannot be read: {printable(str(error))[:200]}") from error
        except (RuntimeError, OSError) as error:
            if download:
                raise InputError(f"cannot download torchvision's {name}: {error}") from error
            raise InputError(f"torchvision's {name} is not in {root}: add --download to fetch it") from error
        except Exception as error:  # of its own reader, at spoilt files; or it asks for more than a folder
            reason = printable(str(error) or type(error).__name__)[:200]
            raise InputError(f"torchvision's {name} in {root} cannot be read: {reason}") from error
    if not listings:
        raise InputError(f"torchvision's {name} has no split named train or test: name another")
    return listings


def _listing(split: str, rows: Any) -> Listing:
    labels = next((getattr(rows, name) for name in ("targets", "labels", "_labels") if hasattr(rows, name)), None)
    labels = np.asarray([rows[i][1] for i in range(len(rows))] if labels is None else labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"torchvision's {type(rows).__name__} does not have one class an image: name another")
    classes = getattr(rows, "classes", None) or range(labels.max() + 1)
    return Listing(
        names=[f"{split}/{row}" for row in range(len(labels))],
        labels=labels.astype(np.int64),
        classes=tuple(str(name) for name in classes),
        read=lambda index: (rows[int(i)][0] for i in index),
    )
