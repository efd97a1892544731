"""`Step`: one step of an audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ironglass.studies.steps.context import AuditContext


def no_op(context: AuditContext) -> None:
    """Nothing to check, or nothing to help with."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of an audit; `studies/steps/registry.py` lists them in their order.

    key: what it records in `results.json`; where that is recorded, the step is done. wanted: whether the plan asks for
    it, and the network and the data allow it. run: takes the step. check: raises InputError, before anything is
    written, for what would only come to light when the step's turn has come; called for every plan, wanted or not.
    resumes_itself: it is run again where it is done, since it finds its own way to where it stopped. help: what another
    process of the same launch does of it, at the same time.
    """

    key: str
    wanted: Callable[[AuditContext], bool]
    run: Callable[[AuditContext], None]
    check: Callable[[AuditContext], None] = no_op
    resumes_itself: bool = False
    help: Callable[[AuditContext], None] | None = None

    def waits(self, context: AuditContext) -> bool:
        """Tells whether the step is still to be taken."""
        return (self.resumes_itself or self.key not in context.run.results) and self.wanted(context)
