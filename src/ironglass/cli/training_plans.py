"""Plans of the verbs that train more than one network, made of command-line options."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ironglass.cli.plans import run_plan, split_entries, values_of
from ironglass.errors import InputError

if TYPE_CHECKING:
    from ironglass.cli.options import Common, Weights
    from ironglass.plans.audit import Audit
    from ironglass.plans.transfer import Transfer


def hardening_stage(
    model: str, network: Weights, *, method: str, eps: str, norm: str, awp: bool, lr: float | None
) -> dict[str, Any]:
    """Settings of the stage that depend on the method, and on whether the model is trained already."""
    from ironglass.eps import parse_eps
    from ironglass.harden import find_objective

    objective = find_objective(method, eps=parse_eps(eps), norm=norm, awp=awp)
    default_lr = 0.01 if _trained(model, network.weights, network.pretrained) else 0.05
    return {"objective": objective, "peak_lr": default_lr if lr is None else lr}


def named_objective(objective: str | None, norm: str | None) -> dict[str, Any]:
    """The stage's objective, where one is named. Raises InputError for a norm given twice, or without objective."""
    if objective is None:
        if norm is not None:
            raise InputError("--norm is for an objective, and none is named: give --objective n-fgsm, or leave it out")
        return {}
    if norm is not None and "@" in objective:
        raise InputError(f"--objective {objective} has a norm, and --norm is given, too: leave one of them out")
    return {"objective": objective if norm is None else f"{objective}@{norm}"}


def run_hardening(plan: Audit, common: Common, *, download: bool, seeds: int = 1) -> None:
    """Hardens by the plan's stages; an untrained model is compared with the same stages on clean images."""
    from ironglass.plans.hardening import Hardening
    from ironglass.train.objective import CrossEntropy

    clean_stages = tuple(dataclasses.replace(stage, objective=CrossEntropy(), eps_ramp=0.0) for stage in plan.stages)
    baseline = () if _trained(plan.model, plan.weights, plan.pretrained) else clean_stages
    run_plan(Hardening(after=plan, baseline=baseline, seeds=seeds), common, download=download)


DEFAULT_LRS = "0.1,0.01,0.001,0.0001"


def sweep_axes(lr: str | None, body_lr: str | None, vary: list[str]) -> dict[str, tuple[Any, ...]]:
    """Values of each varied field; `objective` is that of the stage of all layers.

    Raises InputError for anything but FIELD=V1,V2, and for a field named twice.
    """
    axes = {} if lr is None and vary else {"stages.0.peak_lr": values_of(DEFAULT_LRS if lr is None else lr)}
    if body_lr is not None:
        axes["stages.1.peak_lr"] = values_of(body_lr)
    for axis in vary:
        field, equals, values = axis.partition("=")
        if not equals or not values:
            raise InputError(f"--vary {axis}: write FIELD=V1,V2, for instance stages.0.batch_size=32,128")
        field = field.strip()
        if field == "objective":
            field = f"stages.{0 if body_lr is None else 1}.objective"
        if field in axes:
            raise InputError(f"--vary {axis}: {field} is varied already: give all its values at once")
        axes[field] = values_of(values)
    return axes


def with_seeds(axes: dict[str, tuple[Any, ...]], seeds: int, first: int) -> dict[str, tuple[Any, ...]]:
    """The axes with one of `seeds` seeds from the first on. Raises InputError where seeds are varied already."""
    if seeds == 1:
        return axes
    if "seed" in axes:
        raise InputError("--seeds is given, and --vary names seeds, too: leave one of them out")
    return axes | {"seed": tuple(range(first, first + seeds))}


def sweep_stages(head_epochs: int | None, epochs: int, **shared: Any) -> tuple[dict[str, Any], ...]:
    """One stage of all layers; with `head_epochs`, a stage of the last layer before it. The sweep sets the rates."""
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
    headline_eps: str,
    **fields: Any,
) -> Transfer:
    """The plan of a transfer study; white-box attacks run at the headline eps and at an eighth of it."""
    from ironglass.eps import parse_eps
    from ironglass.plans.transfer import Transfer

    block_options = {"blocks": blocks, "controls": controls}
    fields |= {name: values_of(text) for name, text in block_options.items() if text is not None}
    fields |= {"transfer_attacks": split_entries(attacks), "white_box_attacks": split_entries(attacks)}
    white_box_eps = (parse_eps(headline_eps) / 8, headline_eps)
    fields |= {"eps": split_entries(eps), "headline_eps": headline_eps, "white_box_eps": white_box_eps}
    return Transfer(source=source, target=target, **fields)


def _trained(model: str, weights: Any, pretrained: bool) -> bool:
    from ironglass.models.loading.native import knows_classes

    return knows_classes(model, weighted=pretrained or weights is not None)
