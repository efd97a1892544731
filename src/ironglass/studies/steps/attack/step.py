"""Named attacks as a step of an audit, shared among the processes of a launch."""

from __future__ import annotations

from ironglass.studies.common.progress import silent
from ironglass.studies.steps.attack.attack_list import Attacks
from ironglass.studies.steps.attack.results import write_results
from ironglass.studies.steps.attack.run import check_attacks, run_share
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.step import Step


def attack_split(context: AuditContext) -> None:
    """Makes this process's share of the adversarial images, waits for the others', and writes what came of all."""
    attacks = _attacks(context)
    run_share(context.run, attacks, context.team, context.progress)
    context.team.wait()
    write_results(context.run, attacks, split_name=context.split_name)


def attack_along(context: AuditContext) -> None:
    """Makes this process's share of the adversarial images, in silence."""
    run_share(context.run, _attacks(context), context.team, silent)
    context.team.wait()


def _attacks(context: AuditContext) -> Attacks:
    return Attacks(context.plan, context.classifier, context.measured)


ATTACKS = Step(
    key="attacks",
    wanted=lambda context: bool(context.plan.attacks and context.plan.attacks.methods),
    check=lambda context: check_attacks(context.plan, context.classifier),
    run=attack_split,
    help=attack_along,
)
