"""Transfer learning as a defence: networks that share blocks with the one an attacker has, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from ironglass.attacks import FGSM, THREATS
from ironglass.errors import InputError
from ironglass.measure.robustness.transfer_matrix import transfer_attack
from ironglass.models.loading.save import save_classifier
from ironglass.models.summary import summarise
from ironglass.plans.audit import Omitted, only_parts
from ironglass.plans.transfer import SOURCE, Transfer, networks_of
from ironglass.run import Run
from ironglass.studies.audit import run_audit
from ironglass.studies.common.environment import environment, write_environment
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.parallel import Job, check_jobs, run_parallel
from ironglass.studies.common.plan_model import load_trained
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.common.prepare import prepare
from ironglass.studies.common.processes import refuse_several
from ironglass.studies.common.progress import Tell
from ironglass.studies.common.study import Study, replace_within
from ironglass.studies.transfer.example_image import write_picture
from ironglass.studies.transfer.network import check_networks, train_and_measure
from ironglass.studies.transfer.results import matrix_names, transfer_results
from ironglass.studies.transfer.source_images import image_sets_of
from ironglass.studies.transfer.workspace import Architecture, architecture_of, workspace_of
from ironglass.train.fit import check_recipe
from ironglass.train.record import as_json

T = TypeVar("T")


def run_transfer(plan: Transfer, folder: Path, options: RunOptions) -> Run:
    """Trains the bases and every transplanted network in `networks/NAME`, makes adversarial images on base A, shows
    them to all, attacks each by its own gradients, shows each one's images to the others, and answers the claims.

    jobs: networks at once, each in a process of its own with its share of the threads. Nothing is written before base A
    and the target's data have been loaded and checked. Raises InputError and KeyboardInterrupt as an audit does; what
    is finished is not done again.
    """
    refuse_several("a study of transfer")
    check_jobs(plan, options.jobs)
    device, jobs, progress = options.place, options.jobs, options.progress
    source = _source(plan, options)
    workspace = workspace_of(
        plan,
        folder,
        source,
        device,
        download=options.download,
        progress=lambda done, of: progress("reading images", done, of, ""),
    )
    networks = networks_of(plan, workspace.blocks)
    check_networks(workspace, networks)
    description = plan.target.description or "Networks that share their first blocks with another, and what fools them."
    header = {"name": plan.name, "description": description, "model": source.model, "dataset": plan.target.dataset}
    with Run.hold(folder, header | {"seed": plan.target.seed, **as_json(plan)}, resume=options.resume) as run:
        contents = workspace.dataset.fingerprint
        write_environment(run, environment(device=device, seed=plan.target.seed, fingerprint=contents))
        run.write("data.json", workspace.dataset.describe())
        for network in networks:
            if (workspace.folder(network.name) / "recipe.json").is_file():
                Run(workspace.folder(network.name)).mend()

        bases = [one for one in networks if one.arm == "base"]
        one_job = options.for_job()
        queue = [Job(SOURCE, write_source, (plan, folder, one_job))]
        queue += [Job(one.name, train_and_measure, (plan, folder, source, [one], one_job, False)) for one in bases]
        _do(queue, jobs, progress)
        base_a = workspace.load(SOURCE)
        image_sets_of(run, plan, workspace.dataset, workspace.split).make(base_a, plan.target.seed, progress)
        _do([Job(f"share {n}", train_and_measure, (plan, folder, source, share, one_job, True))
             for n, share in enumerate(split_serpentine(networks, jobs), 1) if share], jobs, progress)  # fmt: skip
        names = matrix_names(networks)
        _do([Job(f"share {n}", write_matrix, (plan, folder, source, share, names, one_job))
             for n, share in enumerate(split_serpentine(names, jobs), 1) if share], jobs, progress)  # fmt: skip
        write_picture(workspace, base_a, networks)
        run.record("model", summarise(workspace.load(bases[0].name))[1])
        run.record("transfer", transfer_results(workspace, networks, base_a))
        options.write_pages(run)
    return run


def split_serpentine(items: Sequence[T], jobs: int) -> list[list[T]]:
    """Splits items into `jobs` lists in serpentine order, so that paired entries are spread evenly."""
    lists: list[list[T]] = [[] for _ in range(jobs)]
    for index, item in enumerate(items):
        row, column = divmod(index, jobs)
        lists[jobs - 1 - column if row % 2 else column].append(item)
    return lists


def _do(queue: Sequence[Job], jobs: int, progress: Tell) -> None:
    """All of the queue, or InputError with what was said of the first that failed."""
    if jobs == 1:
        for job in queue:
            job.work(*job.given, tell=progress)
        return
    for name, line in run_parallel(queue, jobs=jobs, tell=progress).items():
        raise InputError(f"{name}: {line}")


def _source(plan: Transfer, options: RunOptions) -> Architecture:
    """Base A's architecture; its data and recipe, where it is trained here, are checked. Raises InputError."""
    audit = plan.source
    if not audit.dataset:
        return architecture_of(load_trained(audit))
    audit = replace(audit, **_measured(plan))
    classifier, dataset = prepare(
        audit,
        options.place,
        download=options.download,
        progress=lambda done, of: options.progress("reading images", done, of, ""),
    )
    if plan.trains_source:
        check_recipe(classifier, dataset, audit)
    return architecture_of(classifier)


def _measured(plan: Transfer) -> dict[str, Any]:
    """The parts of base A's audit, where there are data of its own."""
    return only_parts(training=plan.trains_source, evaluation=True, omitted=Omitted())


def write_source(plan: Transfer, folder: Path, options: RunOptions, *, tell: Tell) -> None:
    """Base A in its folder: trained, or as it is given; measured on its own data where it has some."""
    audit, path = plan.source, folder / "networks" / SOURCE
    if audit.dataset:
        one = replace(audit, **_measured(plan), name=SOURCE)
        run_audit(one, path, replace(options, resume=True, progress=tell).for_part(SOURCE))
    elif not (path / "config.json").is_file():
        save_classifier(load_trained(audit), path)


def write_matrix(
    plan: Transfer,
    folder: Path,
    source: Architecture,
    makers: Sequence[str],
    names: Sequence[str],
    options: RunOptions,
    *,
    tell: Tell,
) -> None:
    """`matrix/NAME.parquet`: which of the images made on NAME each network names right."""
    workspace = workspace_of(plan, folder, source, options.place)
    waiting = [name for name in makers if not (folder / "matrix" / f"{name}.parquet").is_file()]
    if not waiting:
        return
    sample = workspace.split.take(spread_positions(len(workspace.split), plan.matrix_images))
    victims = {name: workspace.load(name) for name in names}
    attack: Any = FGSM(threat=THREATS[plan.norm](plan.headline_eps))
    for number, name in enumerate(waiting):
        tell("showing each one's images to all", number, len(waiting), name)
        (right,) = transfer_attack(victims[name], victims, sample, [attack], classes=workspace.dataset.classes,
                               seed=plan.target.seed)  # fmt: skip
        with workspace.run.atomic(folder / "matrix" / f"{name}.parquet") as path:
            pq.write_table(pa.table({"name": list(sample.names)} | right), path)
    tell("showing each one's images to all", len(waiting), len(waiting), "")


TRANSFER = Study(
    name="transfer",
    plan=Transfer,
    run=run_transfer,
    parallel=True,
    replace=replace_within("target"),
    own_options={
        "source": lambda plan, model: replace(plan, source=replace(plan.source, model=model)),
        "blocks": lambda plan, blocks: replace(plan, blocks=blocks, controls=()),
        "seeds": lambda plan, seeds: replace(plan, seeds=seeds),
    },
)
