"""The one exception that is the reader's to mend."""

from __future__ import annotations

from typing import Any


class InputError(ValueError):
    """Bad input, said in one line: what is wrong, where, and how to mend it.

    The command line prints the line and leaves with exit status 2, without a traceback. From Python it is an
    ordinary `ValueError`.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(str(message).split()))


class Diverged(InputError):
    """Training whose loss is no finite number, however often it was taken back and its learning rate halved."""


def brief(value: Any) -> str:
    """Short quotation of a value that may be of any size."""
    try:
        said = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, a list nested as deep
        return f"a huge {type(value).__name__}"
    return said if len(said) <= 60 else f"{said[:57]}..."


class Notice(UserWarning):
    """Something that a person should know, said in one line: the command line prints it, and goes on."""


class ForwardError(InputError, RuntimeError):
    """The exception that a network's own forward raised, named in one line; it is the cause of this one."""
