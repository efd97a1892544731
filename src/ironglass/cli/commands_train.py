"""Verbs that train networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, cast

import typer

from ironglass.cli import options as o
from ironglass.cli.plans import against_field, attack_fields, make_plan, run_plan, split_entries, with_changes
from ironglass.cli.training_plans import (
    hardening_stage,
    named_objective,
    run_hardening,
    sweep_axes,
    sweep_stages,
    transfer_plan,
    with_seeds,
)
from ironglass.errors import InputError


def train(
    model: o.Model,
    data: o.Data,
    epochs: Annotated[int, typer.Option(help="Epochs.")] = 10,
    lr: Annotated[float, typer.Option(help="The highest learning rate.")] = 0.05,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = 64,
    optimiser: Annotated[str, typer.Option(help="sgd, adamw or adam.")] = "sgd",
    schedule: Annotated[str, typer.Option(help="one-cycle, step, plateau or constant.")] = "one-cycle",
    objective: Annotated[
        str | None,
        typer.Option(help="Training objective, with eps and norm: n-fgsm:4/255, pgd:0.5@l2; else the plain."),
    ] = None,
    norm: o.ObjectiveNorm = None,
    eps_ramp: o.EpsRamp = 0.0,
    aux_weight: Annotated[
        float, typer.Option(help="Weight of auxiliary outputs' loss, as of GoogLeNet (0.3), Inception v3 (0.4).")
    ] = 0.0,
    balance: Annotated[
        str, typer.Option(help="Of uneven classes: weights (of the loss), sampler (each drawn as often), or none.")
    ] = "none",
    against: o.Against = None,
    seeds: o.Seeds = 1,
    *,
    network: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Train a model on data and evaluate it; the weights of the best epoch are kept. With --seeds, once a seed."""
    stage = {
        "epochs": epochs,
        "peak_lr": lr,
        "batch_size": batch_size,
        "optimiser": optimiser,
        "schedule": schedule,
        "aux_weight": aux_weight,
        "eps_ramp": eps_ramp,
    } | named_objective(objective, norm)
    parts: dict[str, Any] = {"training": True, "evaluation": True, **against_field(against)}
    if seeds > 1 and against is not None:
        raise InputError("--against is of one network: leave out --seeds, or evaluate one of its trials --against")
    fields: dict[str, Any] = {"stages": (stage,), "balance": balance}
    plan = make_plan("train", parts, model, data, network, source, common, outputs, **fields)
    if seeds > 1:
        from ironglass.plans.sweep import Sweep

        plans = Sweep(trial=plan, vary=with_seeds({}, seeds, plan.seed))
        run_plan(plans, common, download=source.download)
        return
    run_plan(plan, common, download=source.download)


def harden(
    model: o.Model,
    data: o.Data,
    method: Annotated[
        str,
        typer.Option(help="n-fgsm, fgsm, fast-at, free, pgd, trades, mart or adversarial-regularisation."),
    ] = "n-fgsm",
    eps: Annotated[
        str | None, typer.Option(help="Attack budget eps to train against, e.g. 8/255; else 4/255, of l2 128/255.")
    ] = None,
    norm: o.ObjectiveNorm = None,
    eps_ramp: o.EpsRamp = 0.0,
    awp: Annotated[bool, typer.Option("--awp", help="Perturb the weights, too.")] = False,
    epochs: Annotated[int, typer.Option(help="Epochs.")] = 10,
    lr: Annotated[
        float | None, typer.Option(help="The highest learning rate; else 0.05, of trained models 0.01.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = 64,
    optimiser: Annotated[str, typer.Option(help="sgd, adamw or adam.")] = "sgd",
    schedule: Annotated[str, typer.Option(help="one-cycle, step, plateau, constant or exponential.")] = "one-cycle",
    attacks: Annotated[str, typer.Option(help="Attacks used to compare before and after.")] = "fgsm,pgd-20,ensemble",
    seeds: o.Seeds = 1,
    *,
    sampling: o.Sampling,
    network: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Train a model adversarially, and compare it in pairs with the model before (or with a standard-trained one)."""
    stage = {"epochs": epochs, "batch_size": batch_size, "optimiser": optimiser, "schedule": schedule}
    norm = "linf" if norm is None else norm
    eps = ("128/255" if norm == "l2" else "4/255") if eps is None else eps
    stage |= hardening_stage(model, network, method=method, eps=eps, norm=norm, awp=awp, lr=lr)
    stage["eps_ramp"] = eps_ramp
    parts = {"training": True, "attacks": {"methods": split_entries(attacks), "norm": norm, "eps": (eps,)}}
    plan = make_plan("harden", parts, model, data, network, source, common, outputs, stages=(stage,), **sampling.fields)
    run_hardening(plan, common, download=source.download, seeds=seeds)


def sweep(
    model: o.Model,
    data: o.Data,
    lr: Annotated[
        str | None, typer.Option(help="Highest learning rates; else 0.1,0.01,0.001,0.0001, with --vary 0.05.")
    ] = None,
    body_lr: Annotated[
        str | None,
        typer.Option(help="Learning rates of a second stage, of all layers; --lr then trains the last layer alone."),
    ] = None,
    head_epochs: Annotated[
        int | None, typer.Option(help="With --body-lr, epochs for the last layer alone; else 2.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Epochs for all layers.")] = 3,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = 64,
    optimiser: Annotated[str, typer.Option(help="sgd, adamw or adam.")] = "sgd",
    schedule: Annotated[str, typer.Option(help="one-cycle, step, plateau, constant or exponential.")] = "one-cycle",
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=V1,V2", help="Try these, too, e.g. stages.0.batch_size=32,128 (repeatable)."),
    ] = None,
    seeds: o.Seeds = 1,
    choose_by: Annotated[
        str, typer.Option(help="Validation accuracy that chooses: clean, robust, pareto; else robust if attacked.")
    ] = "auto",
    attacks: Annotated[str | None, typer.Option(help="Attacks on every trial, e.g. pgd-20.")] = None,
    eps: Annotated[str | None, typer.Option(help="Attack budget eps, in units of [0, 1]; else 4/255.")] = None,
    samples: Annotated[int, typer.Option(help="Images to attack, drawn by the seed.")] = 250,
    jobs: Annotated[int, typer.Option(help="Trials run in parallel, one process each.", min=1, max=o.MAX_JOBS)] = 1,
    *,
    network: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Train every combination of settings, and recommend one."""
    from ironglass.plans.sweep import Sweep

    axes = sweep_axes(lr, body_lr, vary or [])
    if body_lr is None and head_epochs is not None:
        raise InputError("--head-epochs is for a stage of the last layer alone: give --body-lr, too, or leave it out")
    head = None if body_lr is None else 2 if head_epochs is None else head_epochs
    stages = sweep_stages(head, epochs, batch_size=batch_size, optimiser=optimiser, schedule=schedule)
    parts = {"training": True, "evaluation": True} | attack_fields(attacks, eps=eps, default_eps="4/255")
    sampling = {"images": samples, "report_images": 0}
    plan = make_plan("sweep", parts, model, data, network, source, common, outputs, stages=stages, sampling=sampling)
    axes = with_seeds(axes, seeds, plan.seed)
    run_plan(Sweep(trial=plan, vary=axes, choose_by=cast(Any, choose_by)), common, download=source.download, jobs=jobs)


def transfer(
    model: o.Model,
    data: o.Data,
    source_data: Annotated[
        str | None, typer.Option(help="The model's own data: it is trained on them where it has no weights.")
    ] = None,
    blocks: Annotated[str | None, typer.Option(help="Numbers of blocks to copy, as 0,4,8; else every number.")] = None,
    controls: Annotated[
        str | None, typer.Option(help="Numbers of blocks that get control networks; else five of these.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Training seeds; the second and later ones train the controls only.", min=1)
    ] = 1,
    classes: Annotated[
        str, typer.Option(help="Class list: target, the data's own, or source, the model's.")
    ] = "target",
    epochs: Annotated[int, typer.Option(help="Epochs for each base network.")] = 10,
    lr: Annotated[float, typer.Option(help="Highest learning rate of the base networks.")] = 0.04,
    attacks: Annotated[
        str, typer.Option(help="Attacks, made on the model and transferred to all, and made on each network.")
    ] = ("fgsm,pgd-20"),
    eps: Annotated[
        str, typer.Option(help="Attack budgets eps of the transferred images, in units of [0, 1].")
    ] = "4/255,8/255,16/255",
    headline_eps: Annotated[
        str, typer.Option("--headline-eps", "--judged", help="The eps at which the claims are tested.")
    ] = "8/255",
    images: Annotated[int, typer.Option(help="Images to measure on, spread over the split.")] = 1000,
    jobs: Annotated[
        int, typer.Option(help="Networks trained in parallel, one process each.", min=1, max=o.MAX_JOBS)
    ] = 1,
    *,
    network: o.Weights,
    source: o.Source,
    common: o.Common,
) -> None:
    """Copy a model's first blocks into networks for other data, frozen or not, and attack them."""
    if source_data == "":
        raise InputError("--source-data is empty: name the model's own data, or leave it out")
    unchanged_source = replace(source, changes=None)
    shared: dict[str, Any] = {"stages": ({"epochs": epochs, "peak_lr": lr},)}
    parts = {"training": True, "evaluation": True}
    whole_source = replace(unchanged_source, only=None, leave_out=None)
    source_plan = make_plan("base-A", parts, model, source_data or "", network, whole_source, common, **shared)
    untrained = o.Weights(size=network.size)
    target_plan = make_plan("transfer", parts, model, data, untrained, unchanged_source, common, **shared)
    settings: dict[str, Any] = {"attacks": attacks, "eps": eps, "headline_eps": headline_eps, "images": images}
    settings |= {"seeds": seeds, "classes": classes, "blocks": blocks, "controls": controls}
    plan = transfer_plan(source_plan, target_plan, **settings)
    run_plan(with_changes(plan, source.changes), common, download=source.download, jobs=jobs)
