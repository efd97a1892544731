"""`python -m ironglass`, and what the command `ironglass` calls."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn

_status: list[int] = []


def main() -> NoReturn:
    """Runs the command line as a process of its own, which ends as soon as its work is done."""
    atexit.register(_leave)  # the first to be registered is the last to be called
    from ironglass.cli import main as run

    try:
        run()
    except SystemExit as end:
        if isinstance(end.code, int):
            _status.append(end.code)
        raise


def _leave() -> None:
    """Ends the process without taking apart all that torch has made, which takes most of a second."""
    if not _status:
        return  # an exception, of which Python tells
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # of which Python tells, too
    os._exit(_status[0])


if __name__ == "__main__":
    main()
