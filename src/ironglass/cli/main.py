"""The entry point, and how a failure ends: one line, exit status 2, no traceback."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from typing import Any, NoReturn

import typer

from ironglass.choices import shown
from ironglass.cli import verbs
from ironglass.cli.interrupt import deaf, interrupted, last_words
from ironglass.errors import InputError, Notice

LONGEST = 900
"""Characters of a line that somebody still reads."""
UsageError: Any = typer.BadParameter.__base__  # click's, which typer ships under changing names


def main() -> NoReturn:
    """Runs the command line. Status 0: done; 2: the input was at fault, in one line; 130: interrupted."""
    # Read when torch is loaded. By default OpenMP's threads spin for milliseconds while they wait for each other, and
    # on a machine that others use too that makes them all crawl; a few microseconds do (docs/benchmarks.md).
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    try:
        status = _status()
    except KeyboardInterrupt:
        status = 130
    except BaseException:
        if not interrupted():
            raise
        status = 130  # what a library made of it
    deaf()
    sys.exit(_say(last_words(), 130) if status == 130 else status)


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
        status = verbs.app(sys.argv[1:] or ["--help"], prog_name="ironglass", standalone_mode=False)
    except InputError as error:
        return _say(str(error), 2)
    except UsageError as error:
        verb, said = error.ctx.command_path if error.ctx else "ironglass", error.format_message()
        return _say(f"{said}{'' if said.endswith(('.', '?', ')')) else '.'} See {verb} --help.", 2)
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):
            return 1  # rich's way to leave, where the reader of its table has left
        if _completes():
            raise
        return _say("sys.exit was called in a file, network or objective that ran here: take it out", 2)
    except BrokenPipeError:
        # the reader has left; without this Python would complain once more while closing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (MemoryError, RuntimeError) as error:
        from ironglass.models.memory import asked_for, is_out_of_memory

        if not is_out_of_memory(error):
            raise
        return _say(f"memory ran out{asked_for(error)}; lower --size or the batch, or take another device", 2)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return _say(f"{shown(str(error.filename))} is longer than the name of a file can be: give another", 2)
        where = f" ({error.filename})" if error.filename else ""
        kept = getattr(error, "ironglass_run", None)
        then = "nothing had begun" if kept is None else f"finished parts are kept in {kept}: mend it and add --resume"
        return _say(f"{error.strerror or error}{where}; {then}", 2)
    return status or 0


def _completes() -> bool:
    """Returns whether it is the shell that asks: typer answers, and ends the program itself."""
    return "_IRONGLASS_COMPLETE" in os.environ or bool({"--install-completion", "--show-completion"} & {*sys.argv})


def _say(message: str, status: int) -> int:
    if status == 2 and interrupted():
        return 130  # the fault is what a library made of Ctrl-C
    line = " ".join(message.split())
    if len(line) > LONGEST:
        line = f"{line[: LONGEST * 3 // 4]} ... {line[-LONGEST // 4 :]}"
    print(f"ironglass: {line}", file=sys.stderr)
    return status
