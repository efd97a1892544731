"""The entry point, and how a failure ends: one line, exit status 2, no traceback."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any, NoReturn

import typer

from ironglass.cli import verbs
from ironglass.errors import InputError, Notice

UsageError: Any = typer.BadParameter.__base__  # click's, which typer ships under changing names


def main() -> NoReturn:
    """Runs the command line. Status 0: done; 2: the input was at fault, in one line; 130: interrupted."""
    # Read when torch is loaded. By default OpenMP's threads spin for milliseconds while they wait for each other, and
    # on a machine that others use too that makes them all crawl; a few microseconds do (docs/benchmarks.md).
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    sys.exit(_status())


def _status() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        warnings.showwarning = _shown(warnings.showwarning)
        return _status_of_verb()


def _shown(usual: Any) -> Any:
    """Python's own way to show a warning, but for a Notice, which is said in one line, and once."""
    said: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, Notice):
            if str(message) not in said:
                said.add(str(message))
                _say(str(message), 0)
        else:
            usual(message, category, *rest, **more)

    return show


def _status_of_verb() -> int:
    try:
        status = verbs.app(prog_name="ironglass", standalone_mode=False)
    except InputError as error:
        return _say(str(error), 2)
    except UsageError as error:
        return _say(f"{error.format_message()} See ironglass --help.", 2)
    except BrokenPipeError:
        # the reader has left; without this Python would complain once more while closing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _say(f"{error.strerror or error}{where}; finished parts are kept: mend it and add --resume", 2)
    if status == 130:
        return _say("interrupted; the same command with --resume goes on from here", 130)
    return status or 0


def _say(message: str, status: int) -> int:
    print(f"ironglass: {' '.join(message.split())}", file=sys.stderr)
    return status
