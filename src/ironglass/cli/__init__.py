"""The command line: parse, call a study, print. torch is imported only once a verb runs."""

from ironglass.cli.main import main

__all__ = ["main"]
