"""Shortened lists of names, for messages."""

from __future__ import annotations

from collections.abc import Iterable

_MAX_NAMES = 3


def shortened_list(names: Iterable[str]) -> str:
    """The first three names, and the number of further ones."""
    names = list(names)
    suffix = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(repr(name) for name in names[:_MAX_NAMES]) + suffix
