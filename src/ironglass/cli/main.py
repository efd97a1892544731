"""The entry point; a failure ends with one line and exit status 2, without a traceback."""

from __future__ import annotations

import errno
import functools
import os
import sys
import warnings
from typing import Any, NoReturn

import typer

from ironglass.choices import shown
from ironglass.cli import verbs
from ironglass.cli.interrupt import ignore_ctrl_c, interrupted, interruption_message
from ironglass.errors import InputError, Notice

MAX_LINE_LENGTH = 900
"""Maximum characters of a message; longer ones are shortened in the middle."""
UsageError: Any = typer.BadParameter.__base__  # click's, which typer ships under changing names


def main() -> NoReturn:
    """Runs the command line. Status 0: done; 2: the input was at fault, in one line; 130: interrupted."""
    # Read when torch is loaded. By default OpenMP's threads busy-wait for milliseconds, which slows everybody down on
    # a shared machine; a few microseconds are enough (docs/benchmarks.md).
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    try:
        status = _status()
    except KeyboardInterrupt:
        status = 130
    except BaseException:
        if not interrupted():
            raise
        status = 130  # a library turned the KeyboardInterrupt into its own exception
    ignore_ctrl_c()
    sys.exit(_print_message(interruption_message(), 130) if status == 130 else status)


def _status() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        warnings.showwarning = _notice_printer(warnings.showwarning)
        return _status_of_verb()


def _notice_printer(default_showwarning: Any) -> Any:
    """Replacement of `warnings.showwarning` that prints each Notice once, in one line; other warnings as before."""
    printed: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *args: Any, **options: Any) -> None:
        if issubclass(category, Notice):
            if str(message) not in printed:
                printed.add(str(message))
                _print_message(str(message), 0)
        else:
            default_showwarning(message, category, *args, **options)

    return show


@functools.cache
def _command() -> Any:
    """Returns the verbs as one command, built once a process: typer itself builds all of them for every call."""
    return typer.main.get_command(verbs.app)


def _status_of_verb() -> int:
    try:
        status = _command()(sys.argv[1:] or ["--help"], prog_name="ironglass", standalone_mode=False)
    except InputError as error:
        return _print_message(str(error), 2)
    except UsageError as error:
        verb, message = error.ctx.command_path if error.ctx else "ironglass", error.format_message()
        return _print_message(f"{message}{'' if message.endswith(('.', '?', ')')) else '.'} See {verb} --help.", 2)
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):
            return 1  # rich exits in this way when the reader closes the pipe
        if _is_completion():
            raise
        return _print_message("sys.exit was called by a file, network or objective that was run: remove the call", 2)
    except BrokenPipeError:
        # the reader closed the pipe; without this Python would complain once more on exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (MemoryError, RuntimeError) as error:
        from ironglass.models.memory import is_out_of_memory, requested_memory

        if not is_out_of_memory(error):
            raise
        return _print_message(
            f"memory ran out{requested_memory(error)}; lower --size or the batch, or use another device", 2
        )
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return _print_message(f"{shown(str(error.filename))} is longer than a file name can be: give another", 2)
        path_note = f" ({error.filename})" if error.filename else ""
        run_folder = getattr(error, "ironglass_run", None)
        advice = (
            "nothing had begun"
            if run_folder is None
            else f"finished parts are kept in {run_folder}: mend it and add --resume"
        )
        return _print_message(f"{error.strerror or error}{path_note}; {advice}", 2)
    return status or 0


def _is_completion() -> bool:
    """Returns whether the shell requested completion: typer answers, and ends the program itself."""
    return "_IRONGLASS_COMPLETE" in os.environ or bool({"--install-completion", "--show-completion"} & {*sys.argv})


def _print_message(message: str, status: int) -> int:
    if status == 2 and interrupted():
        return 130  # a library turned Ctrl-C into this error
    line = " ".join(message.split())
    if len(line) > MAX_LINE_LENGTH:
        line = f"{line[: MAX_LINE_LENGTH * 3 // 4]} ... {line[-MAX_LINE_LENGTH // 4 :]}"
    print(f"ironglass: {line}", file=sys.stderr)
    return status
