"""Display of a run in a notebook: its finished steps, its report page."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from ironglass.errors import InputError


@dataclass(frozen=True)
class ReportView:
    """A report page, which a notebook draws in a frame; it needs no other file.

    path: the page, report.html.
    height: of the frame, in pixels.
    """

    path: Path
    height: int = 700

    def __repr__(self) -> str:
        return f"report: {self.path}"

    def _repr_html_(self) -> str:
        page = escape(self.path.read_text(encoding="utf-8"), quote=True)
        style = f"width: 100%; height: {self.height}px; border: 0"
        return f'<iframe title="{escape(repr(self), quote=True)}" style="{style}" srcdoc="{page}"></iframe>'


class ShowsReport:
    """Mixin that displays a run in a notebook."""

    path: Path

    @property
    def results(self) -> dict[str, Any]:
        """The results of every finished step."""
        raise NotImplementedError

    def show(self, height: int = 700) -> ReportView:
        """The report page, which a notebook draws in a frame; elsewhere open its `path` in a browser.

        Args:
            height: of the frame, in pixels.

        Raises:
            InputError: where the run has no report yet; `ironglass.write_report` writes it.
        """
        page = self.path / "report.html"
        if not page.is_file():
            raise InputError(f"{self.path} has no report.html: write it by ironglass.write_report({str(self.path)!r})")
        return ReportView(page, height)

    def to_dict(self) -> dict[str, Any]:
        """The numbers of every finished step, as they stand in `results.json`."""
        return self.results

    def _repr_html_(self) -> str:
        lines = [repr(self), f"  finished: {', '.join(self.results) or 'nothing yet'}"]
        if (self.path / "report.html").is_file():
            lines.append(f"  report: {self.path / 'report.html'}, drawn by .show()")
        return f"<pre>{escape(chr(10).join(lines))}</pre>"
