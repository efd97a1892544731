"""Cutting of a data set into training, validation and test."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ironglass.data.files.plain import printable
from ironglass.data.source import Listing
from ironglass.errors import InputError

ORDER = ("train", "validation", "test")
SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_NEARLY = SPLITS | {"eval": "validation", "evaluation": "validation", "holdout": "test", "heldout": "test"}


def split_meant(name: str) -> str | None:
    """The split that a name has a word for, as training_set, seg_train, testset or valData; None of any other."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    stems = (re.sub(r"(?<=.)(sets?|data|images|split)$", "", word.lower()) for word in words)
    return next((_NEARLY[word] for word in stems if word in _NEARLY), None)


def canonical(names: Iterable[str], requested: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our name of each split to the source's: `val`, `valid` and `dev` are `validation`; others are left out.

    A single split of any other name is `train`. wanted: the source's name for each of ours that is to be used, and no
    others. Raises InputError where two names mean the same, none is known, or a wanted one is not there.
    """
    names, chosen_splits = list(names), {}
    for our_name, source_name in (requested or {}).items():
        split = SPLITS.get(our_name.lower())
        if split is None:
            raise InputError(f"--splits {our_name}={source_name}: {our_name!r} is none of train, validation and test")
        if source_name not in names:
            raise InputError(f"there is no split {source_name!r}: there are {_listed(names)}")
        if split in chosen_splits or source_name in chosen_splits.values():
            raise InputError(f"--splits {our_name}={source_name}: each split once, and no images in two of them")
        chosen_splits[split] = source_name
    for name in () if requested else names:
        if (split := SPLITS.get(name.lower())) is not None:
            if split in chosen_splits:
                raise InputError(f"the splits {chosen_splits[split]!r} and {name!r} both mean {split}: remove one")
            chosen_splits[split] = name
    if not chosen_splits and len(names) == 1:
        return {"train": names[0]}
    if not chosen_splits:
        raise InputError(
            f"no split is named train, validation or test: found {_listed(names)}; name them with --splits train=NAME"
        )
    return {split: chosen_splits[split] for split in ORDER if split in chosen_splits}


def unused_splits(names: Iterable[str], used_names: Iterable[str]) -> tuple[str, ...]:
    """One sentence on the splits that are not used; none where all are."""
    used_names = set(used_names)
    if not (unused := [name for name in names if name not in used_names]):
        return ()
    return (
        f"left out the splits {_listed(unused)}: to use one, name it with --splits, as test={printable(unused[0])}",
    )


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(printable(name)[:60] for name in names[:10])
    return f"{listed}, … ({len(names)} in all)" if len(names) > 10 else listed or "none"


def complete(listings: Mapping[str, Listing], seed: int) -> dict[str, Listing]:
    """All of train, validation and test, the missing ones cut from train by class, the same for the same seed.

    train alone gives up 20 % for test and 10 % for validation; beside a test split, 10 % for validation. Where only
    the test split is missing, the official validation split becomes test, and validation is cut from train, so that
    nothing is chosen on the images that are reported. Without train nothing is cut.
    """
    completed = dict(listings)
    if "test" not in completed and "validation" in completed:
        completed["test"] = completed.pop("validation")
    if "train" in completed:
        shares = {"test": 0.2, "validation": 0.1}
        cuts = _cut(completed["train"].labels, {name: shares[name] for name in shares if name not in completed}, seed)
        for name, index in cuts.items():
            if len(index) == 0:
                raise InputError(f"train has too few images to cut a {name} split from: give 3 or more of a class")
        completed |= {name: completed["train"].take(index) for name, index in cuts.items()}
    return {name: completed[name] for name in ORDER if name in completed}


def _cut(labels: np.ndarray, shares: Mapping[str, float], seed: int) -> dict[str, np.ndarray]:
    """Ascending positions of each cut and of what stays in train; one image at least of every class that has them."""
    generator = np.random.default_rng(seed)
    indices_by_split: dict[str, list[np.ndarray]] = {name: [] for name in (*shares, "train")}
    for label in np.unique(labels):
        remaining = generator.permutation(np.flatnonzero(labels == label))
        n = len(remaining)
        for name, share in shares.items():
            count = min(max(1, round(share * n)), len(remaining) - 1)
            indices_by_split[name].append(remaining[:count])
            remaining = remaining[count:]
        indices_by_split["train"].append(remaining)
    return {name: np.sort(np.concatenate(chunks)) for name, chunks in indices_by_split.items()}


def same_classes(listings: Mapping[str, Listing]) -> dict[str, Listing]:
    """The listings with labels as positions in the first one's classes, matched by name; unlabelled splits dropped.

    A name whose accents are stored apart, as on macOS, is the same as with both in one (NFC), which is what is kept.
    Raises InputError where a later split has a class that the first has not, and where there are no two classes.
    """
    labelled = {name: _composed(listing) for name, listing in listings.items() if (listing.labels >= 0).any()}
    if not labelled:
        raise InputError(f"no image has a label: looked in {', '.join(listings) or 'nothing'}")
    (first, reference), *_ = labelled.items()
    position = {name: i for i, name in enumerate(reference.classes)}
    if len(position) < len(reference.classes):
        raise InputError(f"two classes of {first} bear the same name: rename one")
    matched = {}
    for split, listing in labelled.items():
        used = np.unique(listing.labels[listing.labels >= 0])
        if unknown := [listing.classes[i] for i in used if listing.classes[i] not in position]:
            raise InputError(f"{split} has the class {unknown[0]!r}, which {first} has not: add it there or remove it")
        lookup = np.array([*(position.get(name, -1) for name in listing.classes), -1], dtype=np.int64)
        matched[split] = replace(listing, labels=lookup[listing.labels], classes=reference.classes)
    for split in [split for split in listings if split not in labelled]:
        note = f"left out the split {split}: none of its {len(listings[split]):,} images has a label"
        matched[first] = matched[first].said(*listings[split].notes, note)
    matched[first] = matched[first].said(*_nearly_alike(reference.classes))
    labels = np.concatenate([listing.labels for listing in matched.values()])
    if len(np.unique(labels[labels >= 0])) < 2:
        raise InputError(f"every image is of one class, {reference.classes[int(labels.max())]!r}: give two or more")
    return matched


def _composed(listing: Listing) -> Listing:
    return replace(listing, classes=tuple(unicodedata.normalize("NFC", name) for name in listing.classes))


def _nearly_alike(classes: Sequence[str]) -> tuple[str, ...]:
    """Notice for classes whose names differ by case, spaces or leading zeros alone."""
    by_normalised: dict[str, str] = {}
    pairs = []
    for name in classes:
        normalised = re.sub(r"[\s_-]+", " ", name).strip().casefold()
        normalised = normalised.lstrip("0") if normalised.isdigit() else normalised
        if normalised in by_normalised:
            pairs.append(f"{by_normalised[normalised]!r} and {name!r}")
        by_normalised.setdefault(normalised, name)
    if not pairs:
        return ()
    suffix = f", and {len(pairs) - 1} more such pairs" if len(pairs) > 1 else ""
    return (f"the classes {pairs[0]} differ by case, spaces or zeros alone and are taken for two{suffix}",)
