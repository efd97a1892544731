"""A few names of many, as messages list them."""

from __future__ import annotations

from collections.abc import Iterable

_MAX_NAMES = 3


def shortened_list(names: Iterable[str]) -> str:
    """The first few names, and how many more."""
    names = list(names)
    suffix = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(repr(name) for name in names[:_MAX_NAMES]) + suffix
