"""The last step: the report and the model card, written by what the face has given."""

from __future__ import annotations

from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.step import Step


def write_pages(context: AuditContext) -> None:
    """Writes `report.html` and `README.md`."""
    context.progress("writing the report", 0, 1, "")
    context.options.write_pages(context.run, card=True)
    context.progress("writing the report", 1, 1, "")


PAGES = Step(key="pages", wanted=lambda context: True, run=write_pages, resumes_itself=True)
