"""From what was typed to the plans of the verbs that train more than one network."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ironglass.cli.plans import listed, run_plan, values_of
from ironglass.errors import InputError

if TYPE_CHECKING:
    from ironglass.cli.options import Common, Weights
    from ironglass.plans.audit import Audit
    from ironglass.plans.transfer import Transfer


def hardening_stage(
    model: str, filled: Weights, *, method: str, eps: str, awp: bool, lr: float | None
) -> dict[str, Any]:
    """Settings of the stage that depend on the method, and on whether the model is trained already."""
    from ironglass.harden import find_objective
    from ironglass.plans.eps import parse_eps

    objective = find_objective(method, eps=parse_eps(eps), awp=awp)
    usual = 0.01 if _trained(model, filled.weights, filled.pretrained) else 0.05
    return {"objective": objective, "peak_lr": usual if lr is None else lr}


def run_hardening(plan: Audit, common: Common, *, download: bool) -> None:
    """Hardens by the plan's stages, beside the same stages on clean images where the model has not learned yet."""
    from ironglass.plans.hardening import Hardening
    from ironglass.train.objective import CrossEntropy

    plain = tuple(dataclasses.replace(stage, objective=CrossEntropy()) for stage in plan.stages)
    baseline = () if _trained(plan.model, plan.weights, plan.pretrained) else plain
    run_plan(Hardening(after=plan, baseline=baseline), common, download=download)


DECADES = "0.1,0.01,0.001,0.0001"


def sweep_axes(lr: str | None, body_lr: str | None, vary: list[str]) -> dict[str, tuple[Any, ...]]:
    """Values of each varied field. Raises InputError for what is no FIELD=V1,V2, or a field that is named twice."""
    axes = {} if lr is None and vary else {"stages.0.peak_lr": values_of(DECADES if lr is None else lr)}
    if body_lr is not None:
        axes["stages.1.peak_lr"] = values_of(body_lr)
    for asked in vary:
        field, equals, values = asked.partition("=")
        if not equals or not values:
            raise InputError(f"--vary {asked}: write FIELD=V1,V2, for instance stages.0.batch_size=32,128")
        if (field := field.strip()) in axes:
            raise InputError(f"--vary {asked}: {field} is varied already: give all its values at once")
        axes[field] = values_of(values)
    return axes


def sweep_stages(head_epochs: int | None, epochs: int, **shared: Any) -> tuple[dict[str, Any], ...]:
    """All layers, with `head_epochs` after the last layer alone; the rates are for the sweep to fill in."""
    body = {"epochs": epochs, "peak_lr": 0.05, **shared}
    if head_epochs is None:
        return (body,)
    return ({**body, "epochs": head_epochs, "trainable_from": "head", "name": "head"}, {**body, "name": "all layers"})


def transfer_plan(
    source: Audit,
    target: Audit,
    *,
    blocks: str | None,
    controls: str | None,
    attacks: str,
    eps: str,
    judged: str,
    **fields: Any,
) -> Transfer:
    """A transfer from what was typed; each network itself is attacked at the judged eps, and at an eighth of it."""
    from ironglass.plans.eps import parse_eps
    from ironglass.plans.transfer import Transfer

    given = {"blocks": blocks, "controls": controls}
    fields |= {name: values_of(text) for name, text in given.items() if text is not None}
    fields |= {"shown": listed(attacks), "own": listed(attacks)}
    fields |= {"eps": listed(eps), "judged": judged, "own_eps": (parse_eps(judged) / 8, judged)}
    return Transfer(source=source, target=target, **fields)


def _trained(model: str, weights: Any, pretrained: bool) -> bool:
    from ironglass.models.loading.native import knows_classes

    return knows_classes(model, weighted=pretrained or weights is not None)
