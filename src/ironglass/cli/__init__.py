"""The command line: parse, call a study, print. torch is imported only once a verb runs."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, NoReturn


def main() -> NoReturn:
    """Runs the command line; the Ctrl-C handler is installed before anything else is imported."""
    from ironglass.cli.interrupt import watch_for_ctrl_c

    watch_for_ctrl_c()
    from ironglass.cli.main import main as run

    run()


class _Package(ModuleType):
    """This package, in which `main` stays the function though the import system assigns the module `main` here, too."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "main" or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package

__all__ = ["main"]
