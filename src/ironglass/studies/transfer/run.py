"""Transfer learning as a defence: networks that share blocks with the one an attacker has, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from ironglass.attacks import FGSM, THREATS
from ironglass.errors import InputError
from ironglass.fields import expect
from ironglass.measure.robustness.transfer_matrix import transferred
from ironglass.models.loading.save import save_classifier
from ironglass.models.summary import summarise
from ironglass.plans.audit import Step
from ironglass.plans.transfer import SOURCE, Transfer, members_of
from ironglass.run import Run
from ironglass.studies.audit import audit
from ironglass.studies.common.environment import environment, write_environment
from ironglass.studies.common.parallel import Job, check_jobs, run_parallel
from ironglass.studies.common.plan_model import load_trained
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.common.prepare import pick_device, prepare
from ironglass.studies.common.processes import refuse_several
from ironglass.studies.common.progress import Tell
from ironglass.studies.transfer.example_image import write_picture
from ironglass.studies.transfer.network import check_members, train_and_measure
from ironglass.studies.transfer.results import matrix_names, transfer_results
from ironglass.studies.transfer.source_images import shown_of
from ironglass.studies.transfer.workspace import Architecture, architecture_of, ground_of
from ironglass.train.fit import check_recipe
from ironglass.train.record import as_json

T = TypeVar("T")


def transfer(
    plan: Transfer,
    folder: str | Path,
    *,
    jobs: int = 1,
    device: str = "auto",
    download: bool = False,
    resume: bool = False,
    tell: Tell = lambda what, done, of, detail: None,
) -> Run:
    """Trains the bases and every transplanted network in `networks/NAME`, makes adversarial images on base A, shows
    them to all, attacks each by its own gradients, shows each one's images to the others, and answers the findings.

    jobs: networks at once, each in a process of its own with its share of the threads. Nothing is written before base A
    and the target's data have been loaded and checked. Raises InputError and KeyboardInterrupt as `audit` does; what is
    finished is not done again.
    """
    expect(plan, Transfer, "plan", "an ironglass.Transfer(...)")
    refuse_several("a study of transfer")
    check_jobs(plan, jobs)
    place, path = pick_device(device), Path(folder)
    source = _source(plan, place, download=download, tell=tell)
    ground = ground_of(
        plan, path, source, place, download=download, progress=lambda done, of: tell("reading images", done, of, "")
    )
    members = members_of(plan, ground.blocks)
    check_members(ground, members)
    said = plan.target.description or "Networks that share their first blocks with another, and what fools them."
    known = {"name": plan.name, "description": said, "model": source.model, "dataset": plan.target.dataset}
    with Run.hold(folder, known | {"seed": plan.target.seed, **as_json(plan)}, resume=resume) as run:
        write_environment(run, environment(device=place, seed=plan.target.seed, fingerprint=ground.dataset.fingerprint))
        run.write("data.json", ground.dataset.describe())
        for member in members:
            if (ground.folder(member.name) / "recipe.json").is_file():
                Run(ground.folder(member.name)).mend()

        bases = [member for member in members if member.arm == "base"]
        queue = [Job(SOURCE, write_source, (plan, path, device, download))]
        queue += [Job(one.name, train_and_measure, (plan, path, source, [one], device, False)) for one in bases]
        _do(queue, jobs, tell)
        base_a = ground.load(SOURCE)
        shown_of(run, plan, ground.dataset, ground.split).make(base_a, plan.target.seed, tell)
        shares = dealt(members, jobs)
        _do([Job(f"share {n}", train_and_measure, (plan, path, source, share, device, True))
             for n, share in enumerate(shares, 1) if share], jobs, tell)  # fmt: skip
        names = matrix_names(members)
        rows = dealt(names, jobs)
        _do([Job(f"share {n}", write_matrix, (plan, path, source, share, names, device))
             for n, share in enumerate(rows, 1) if share], jobs, tell)  # fmt: skip
        write_picture(ground, base_a, members)
        run.record("model", summarise(ground.load(bases[0].name))[1])
        run.record("transfer", transfer_results(ground, members, base_a))
        from ironglass.report.page.page import write_report  # late: matplotlib takes its time

        write_report(run)
    return run


def dealt(these: Sequence[T], jobs: int) -> list[list[T]]:
    """The entries in `jobs` hands, dealt there and back, so that no hand gets every first of a pair."""
    hands: list[list[T]] = [[] for _ in range(jobs)]
    for place, one in enumerate(these):
        row, hand = divmod(place, jobs)
        hands[jobs - 1 - hand if row % 2 else hand].append(one)
    return hands


def _do(queue: Sequence[Job], jobs: int, tell: Tell) -> None:
    """All of the queue, or InputError with what was said of the first that failed."""
    if jobs == 1:
        for job in queue:
            job.work(*job.given, tell=tell)
        return
    for name, line in run_parallel(queue, jobs=jobs, tell=tell).items():
        raise InputError(f"{name}: {line}")


def _source(plan: Transfer, place: torch.device, *, download: bool, tell: Tell) -> Architecture:
    """Base A's architecture; its data and recipe, where it is trained here, are checked. Raises InputError."""
    given = plan.source
    if not given.dataset:
        return architecture_of(load_trained(given))
    given = replace(given, steps=_steps(plan))
    classifier, dataset = prepare(
        given, place, download=download, progress=lambda done, of: tell("reading images", done, of, "")
    )
    if plan.trains_source:
        check_recipe(classifier, dataset, given)
    return architecture_of(classifier)


def _steps(plan: Transfer) -> tuple[Step, ...]:
    """Of base A, where there are data of its own."""
    return ("train", "evaluate") if plan.trains_source else ("evaluate",)


def write_source(plan: Transfer, folder: Path, device: str, download: bool, *, tell: Tell) -> None:
    """Base A in its folder: trained, or as it is given; measured on its own data where it has some."""
    given, path = plan.source, folder / "networks" / SOURCE
    if given.dataset:
        one = replace(given, steps=_steps(plan), attacks=(), corruptions=(), name=SOURCE)

        def told(what: str, done: int, of: int, detail: str) -> None:
            tell(f"{SOURCE}: {what}", done, of, detail)

        audit(one, path, device=device, download=download, resume=True, tell=told)
    elif not (path / "config.json").is_file():
        save_classifier(load_trained(given), path)


def write_matrix(
    plan: Transfer,
    folder: Path,
    source: Architecture,
    makers: Sequence[str],
    names: Sequence[str],
    device: str,
    *,
    tell: Tell,
) -> None:
    """`matrix/NAME.parquet`: which of the images made on NAME each network names right."""
    ground = ground_of(plan, folder, source, pick_device(device))
    waiting = [name for name in makers if not (folder / "matrix" / f"{name}.parquet").is_file()]
    if not waiting:
        return
    some = ground.split.take(spread_positions(len(ground.split), plan.matrix_images))
    victims = {name: ground.load(name) for name in names}
    attack: Any = FGSM(threat=THREATS[plan.norm](plan.judged))
    for number, name in enumerate(waiting):
        tell("showing each one's images to all", number, len(waiting), name)
        (right,) = transferred(victims[name], victims, some, [attack], classes=ground.dataset.classes,
                               seed=plan.target.seed)  # fmt: skip
        with ground.run.atomic(folder / "matrix" / f"{name}.parquet") as path:
            pq.write_table(pa.table({"name": list(some.names)} | right), path)
    tell("showing each one's images to all", len(waiting), len(waiting), "")
