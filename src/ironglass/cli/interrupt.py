"""Ctrl-C from the first import to the last line: one line, status 130, no traceback. Nothing heavy is imported here."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, NoReturn

_was_interrupted = False


def watch_for_ctrl_c() -> None:
    """Installs the handler by which Ctrl-C ends the program with one line, also while modules are imported.

    Within an import the process exits at once: a library may swallow the exception or replace it by its own, and
    nothing is being written then. Elsewhere KeyboardInterrupt is raised, as usual. Does nothing outside the main
    thread, nor where the parent process ignores SIGINT.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    signal.signal(signal.SIGINT, _interrupt)
    default_hook = sys.unraisablehook

    def hook(unraisable: Any) -> None:  # in a __del__ or C callback it is only recorded, and raised again later
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            default_hook(unraisable)

    sys.unraisablehook = hook


def interrupted() -> bool:
    """Returns whether Ctrl-C was pressed since `watch_for_ctrl_c`."""
    return _was_interrupted


def check_interrupted() -> None:
    """Raises KeyboardInterrupt if Ctrl-C was pressed and a library swallowed the exception."""
    if _was_interrupted:
        raise KeyboardInterrupt


def ignore_ctrl_c() -> None:
    """Ignores Ctrl-C from now on, while the final message is printed."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def interruption_message() -> str:
    """Message after an interruption, which says whether there is anything to resume."""
    run = sys.modules.get("ironglass.run.lock")
    if run is not None and run.was_held():
        return "interrupted; the same command with --resume goes on from here"
    return "interrupted before anything was written"


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _was_interrupted
    _was_interrupted = True
    if _is_importing(frame):
        _exit_now()
    raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _exit_now() -> NoReturn:
    show_cursor = b"\x1b[?25h" if os.isatty(2) else b""  # a progress bar hides the cursor
    os.write(2, show_cursor + f"ironglass: {interruption_message()}\n".encode())
    os._exit(130)
