"""A run folder in, one self-contained page out: figures, words and layout. No torch here."""

from ironglass.report.page.page import write_report

__all__ = ["write_report"]
