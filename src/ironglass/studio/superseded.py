"""Requests that a newer one has superseded."""

from __future__ import annotations

from collections.abc import Callable

Check = Callable[[], None]
"""Raises `Superseded` where nobody waits for the answer any more."""


class Superseded(Exception):
    """A newer request of the same page has come."""


def unchecked() -> None:
    """The check of a request that nothing supersedes."""
