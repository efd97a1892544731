"""The version of `results.json`, and its contents as older versions wrote them; light, since every run writes
through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ironglass.errors import InputError, brief

SCHEMA_VERSION = 1
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

    Before version 1 there was no `schema_version`: the sections are counted as they stand. Raises InputError for a
    version that is not known.
    """
    if VERSION_KEY not in contents and SECTIONS_KEY not in contents:
        return with_counts(contents)
    version = contents.get(VERSION_KEY)
    if version is None:
        raise InputError(f"{file}: {VERSION_KEY} is missing: restore the file, or run again")
    if type(version) is not int or version != SCHEMA_VERSION:
        raise InputError(
            f"{file}: {VERSION_KEY} is {brief(version)}, and this version of ironglass reads {SCHEMA_VERSION}: "
            "read it with the version that wrote it"
        )
    return contents
