"""A few names of many, as messages list them."""

from __future__ import annotations

from collections.abc import Iterable

_NAMED = 3


def few(names: Iterable[str]) -> str:
    """The first few names, and how many more."""
    names = list(names)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(repr(name) for name in names[:_NAMED]) + more
