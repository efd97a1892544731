"""Exceptions and warnings with one-line messages."""

from __future__ import annotations

from typing import Any


class InputError(ValueError):
    """Invalid input; one line says what is wrong, where, and how to fix it.

    The command line prints the line and leaves with exit status 2, without a traceback. From Python it is an
    ordinary `ValueError`.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(str(message).split()))


class Diverged(InputError):
    """Training whose loss stays non-finite however often it is rolled back and its learning rate halved."""


def brief(value: Any) -> str:
    """The repr of a value of any size, at most 60 characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, a list nested as deep
        return f"a huge {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def with_article(noun: str) -> str:
    """A noun after "a" or "an", by its first letter: "an int"."""
    return f"a{'n' * (noun[:1].lower() in tuple('aeiou'))} {noun}"


class Notice(UserWarning):
    """A warning in one line, which the command line prints before it goes on."""


class ForwardError(InputError, RuntimeError):
    """An exception raised by a network's own forward, in one line; the original is its `__cause__`."""
