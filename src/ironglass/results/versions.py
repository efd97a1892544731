"""The version of `results.json`, and its contents as older versions wrote them; light, since every run writes
through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ironglass.errors import InputError, brief

SCHEMA_VERSION = 2
"""Raised by every change of a section's keys."""

VERSION_KEY, SECTIONS_KEY = "schema_version", "sections"


def with_counts(sections: dict[str, Any]) -> dict[str, Any]:
    """Contents of `results.json`: the sections, before them the version and how many keys each section has.

    By that count a key is missed that may be absent, or that is a method's own.
    """
    counts = {name: count_keys(value) for name, value in sections.items()}
    return {VERSION_KEY: SCHEMA_VERSION, SECTIONS_KEY: counts, **sections}


def sections_of(contents: dict[str, Any]) -> dict[str, Any]:
    """The sections alone, unchecked."""
    return {name: value for name, value in contents.items() if name not in (VERSION_KEY, SECTIONS_KEY)}


def count_keys(value: Any) -> int:
    """Number of keys of a JSON value, with those of the objects in it."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return len(members) + sum(map(count_keys, members.values()))
    return sum(map(count_keys, cast("Sequence[Any]", value))) if isinstance(value, list | tuple) else 0


def upgrade(contents: dict[str, Any], *, file: object) -> dict[str, Any]:
    """The file's value as this version writes it; one of this version as it stands.

    Before version 1 there was no `schema_version`: the sections are counted as they stand. Version 1 had other names
    in `transfer`. Raises InputError for a version that is not known.
    """
    if VERSION_KEY not in contents and SECTIONS_KEY not in contents:
        return with_counts({**contents, **_transfer_renamed(contents)})
    version = contents.get(VERSION_KEY)
    if version is None:
        raise InputError(f"{file}: {VERSION_KEY} is missing: restore the file, or run again")
    if type(version) is int and version == 1:
        return {**contents, **_transfer_renamed(contents), VERSION_KEY: SCHEMA_VERSION}
    if type(version) is not int or version != SCHEMA_VERSION:
        raise InputError(
            f"{file}: {VERSION_KEY} is {brief(version)}, and this version of ironglass reads 1 to {SCHEMA_VERSION}: "
            "read it with the version that wrote it"
        )
    return contents


TRANSFER = {
    "reading": "label_space",
    "known": "source_knows_classes",
    "own_n": "white_box_n",
    "judged_eps": "headline_eps",
    "shown": "transfer_attacks",
    "own": "white_box_attacks",
    "own_eps": "white_box_eps",
    "surrogate": "source_accuracy",
    "findings": "claims",
}
"""Keys of `transfer` in version 1, and today's; so below."""
NETWORK = {"shown": "transferred", "own": "white_box"}
SOURCE_ACCURACY = {"kept": "accuracy"}
CLAIM = {"claim": "statement"}


def _transfer_renamed(contents: dict[str, Any]) -> dict[str, Any]:
    """The section `transfer` of version 1 by today's names; {} where there is none."""
    if not isinstance(contents.get("transfer"), dict):
        return {}
    section: dict[str, Any] = _renamed(contents["transfer"], TRANSFER)
    for key, names in {"networks": NETWORK, "source_accuracy": SOURCE_ACCURACY, "claims": CLAIM}.items():
        if isinstance(section.get(key), list):
            section[key] = [_renamed(row, names) for row in section[key]]
    return {"transfer": section}


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """An object with its keys renamed; anything else as it stands, for the reader to refuse."""
    if not isinstance(value, dict):
        return value
    fields = {names.get(key, key): inner for key, inner in cast("dict[str, Any]", value).items()}
    if names is CLAIM and fields.get("key") == "all-plus-best-shown":
        fields["key"] = "all-plus-best-transferred"
    return fields
