"""Ctrl-C from the first import to the last line: one line, status 130, no traceback. Nothing heavy is imported here."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, NoReturn

_asked = False


def watch_for_ctrl_c() -> None:
    """From here on Ctrl-C ends the program in one line, also while modules are imported.

    Within an import it ends at once: a library may swallow the exception, or turn it into one of its own, and nothing
    is being written then. Elsewhere it is KeyboardInterrupt, as usual. Does nothing outside the main thread, and where
    whoever started us has SIGINT ignored.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    signal.signal(signal.SIGINT, _interrupt)
    usual = sys.unraisablehook

    def shown(one: Any) -> None:  # within a __del__ or a callback of C it can only be noted, and is raised again later
        if not issubclass(one.exc_type, KeyboardInterrupt):
            usual(one)

    sys.unraisablehook = shown


def interrupted() -> bool:
    """Returns whether Ctrl-C was pressed since `watch_for_ctrl_c`."""
    return _asked


def check_interrupted() -> None:
    """Raises KeyboardInterrupt where somebody pressed Ctrl-C and a library swallowed it."""
    if _asked:
        raise KeyboardInterrupt


def deaf() -> None:
    """From here on Ctrl-C does nothing: the last words are being said."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def last_words() -> str:
    """Message on an interruption: whether there is something to go on from."""
    run = sys.modules.get("ironglass.run.lock")
    if run is not None and run.was_held():
        return "interrupted; the same command with --resume goes on from here"
    return "interrupted before anything was written"


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _asked
    _asked = True
    if _imports(frame):
        _leave()
    raise KeyboardInterrupt


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _leave() -> NoReturn:
    shown = b"\x1b[?25h" if os.isatty(2) else b""  # a progress bar hides the cursor
    os.write(2, shown + f"ironglass: {last_words()}\n".encode())
    os._exit(130)
