"""The studies, one line each: all that is asked of a plan's kind is asked here."""

from __future__ import annotations

from typing import Any, TypeGuard

from ironglass.choices import shown
from ironglass.errors import InputError, with_article
from ironglass.studies.audit import AUDIT
from ironglass.studies.common.study import Plan, Study
from ironglass.studies.comparison.run import COMPARISON
from ironglass.studies.hardening.run import HARDENING
from ironglass.studies.inspection.run import INSPECTION
from ironglass.studies.sweep.run import SWEEP
from ironglass.studies.transfer.run import TRANSFER

STUDIES: dict[str, Study[Any]] = {
    "audit": AUDIT,
    "comparison": COMPARISON,
    "hardening": HARDENING,
    "inspection": INSPECTION,
    "sweep": SWEEP,
    "transfer": TRANSFER,
}


def is_plan(value: object) -> TypeGuard[Plan]:
    """True where there is a study that runs it."""
    return any(isinstance(value, study.plan) for study in STUDIES.values())


def study_of(plan: object) -> Study[Any]:
    """The study that runs the plan. Raises InputError, listing the plans that there are, for what is none."""
    for study in STUDIES.values():
        if isinstance(plan, study.plan):
            return study
    raise InputError(f"plan is {shown(plan)}: give one of {plan_names()}")


def plan_names() -> str:
    """Every kind of plan as a user writes it: "ironglass.Audit(...), Comparison(...), ..."."""
    return "ironglass." + ", ".join(f"{study.plan.__name__}(...)" for study in STUDIES.values())


def check_parallel(plan: Any, subject: str) -> None:
    """Raises InputError, which begins with `subject`, where the plan's study trains one network at a time."""
    study = study_of(plan)
    if not study.parallel:
        several = [with_article(one.name) for one in STUDIES.values() if one.parallel]
        none = "neither" if len(several) == 2 else "none"
        raise InputError(f"{subject} for {' or '.join(several)}, and {plan.name} is {none}: leave it out")


def with_own_options(plan: Any, options: dict[str, Any]) -> Any:
    """The plan with the options that only its study has. Raises InputError for one that is another study's."""
    own_options = study_of(plan).own_options
    for name, value in options.items():
        if name not in own_options:
            owners = [with_article(study.name) for study in STUDIES.values() if name in study.own_options]
            raise InputError(f"--{name} is for {' or '.join(owners)}, and {plan.name} is none: leave it out")
        plan = own_options[name](plan, value)
    return plan
