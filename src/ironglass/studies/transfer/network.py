"""Training and measuring one network of a study of transfer; several, in a process of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ironglass.measure.robustness.white_box import white_box
from ironglass.models.predict import logits_of, predicted
from ironglass.plans.transfer import Member, Transfer, recipe_of
from ironglass.run import Run
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.progress import Tell, training_line
from ironglass.studies.transfer.source_images import answers_of, rate_of, shown_of
from ironglass.studies.transfer.workspace import Architecture, Ground, ground_of
from ironglass.train.fit import check_recipe, fit


def check_members(ground: Ground, members: Sequence[Member]) -> None:
    """Raises InputError for what would only come to light when a network's turn has come."""
    classifier = ground.fresh(Member(arm="base", seed=0))
    for arm in dict.fromkeys(member.arm for member in members):
        several = [member for member in members if member.arm == arm]
        check_recipe(
            classifier, ground.dataset, recipe_of(ground.plan, several[-1], ground.blocks, ground.source.model)
        )


def train_and_measure(
    plan: Transfer,
    folder: Path,
    source: Architecture,
    members: Sequence[Member],
    options: RunOptions,
    measured: bool,
    *,
    tell: Tell,
) -> None:
    """Trains each network that is not there yet; measured: and measures it, for which base A's images must be there."""
    ground = ground_of(plan, folder, source, options.place)
    for number, member in enumerate(members):

        def told(what: str, done: int, of: int, detail: str, name: str = member.name, number: int = number) -> None:
            tell("networks", number, len(members), f"{name}: {what} {done:,} of {of:,} {detail}")

        train_member(ground, member, told)
        if measured:
            measure_member(ground, member, told)
    tell("networks", len(members), len(members), "")


def train_member(ground: Ground, member: Member, tell: Tell) -> None:
    """Trains a network in its folder, going on where an earlier sitting stopped."""
    if "training" in Run(ground.folder(member.name)).results:
        return
    recipe = recipe_of(ground.plan, member, ground.blocks, ground.source.model)
    fit(
        ground.fresh(member),
        ground.dataset,
        recipe,
        ground.folder(member.name),
        resume=True,
        progress=lambda status: tell(*training_line(status)),
    )


def measure_member(ground: Ground, member: Member, tell: Tell) -> None:
    """Writes `per_image/measured.parquet` into the network's folder: which images it names right, unchanged, made on
    base A and shown to it, and attacked by its own gradients."""
    run, plan = Run(ground.folder(member.name)), ground.plan
    if "measured" in run.results:
        return
    classifier, split = ground.load(member.name), ground.split
    rows: list[tuple[str, float, np.ndarray]] = []
    rows.append(("clean", 0.0, predicted(logits_of(classifier, split)).numpy() == split.labels))
    shown = shown_of(ground.run, plan, ground.dataset, split)
    for place, (name, eps) in enumerate(shown.sets):
        tell("base A's images", place, len(shown.sets), "")
        both = [
            (answers_of(classifier, images), answers_of(classifier, read)) for images, read in shown.read(name, eps)
        ]
        for kind, answers in zip((f"shown-{name}", f"shown-{name}-png"), zip(*both, strict=True), strict=True):
            rows.append((kind, eps, np.concatenate(answers) == split.labels))
    own = white_box(
        classifier,
        ground.attacked,
        plan.own,
        plan.own_eps,
        norm=plan.norm,
        seed=plan.target.seed,
        progress=lambda done, of: tell("attacking it", done, of, ""),
    )
    rows += [(f"own-{one.attack}", one.eps, one.right) for one in own]
    with run.atomic(run.path / "per_image" / "measured.parquet") as path:
        names = [(ground.attacked if kind.startswith("own-") else split).names for kind, _, _ in rows]
        table = pa.table(
            {
                "name": [name for some in names for name in some],
                "condition": [kind for kind, _, right in rows for _ in right],
                "eps": [eps for _, eps, right in rows for _ in right],
                "correct": np.concatenate([right for _, _, right in rows]),
            }
        )
        pq.write_table(table, path)
    rates = [{"condition": kind, "eps": eps, "accuracy": rate_of(right)} for kind, eps, right in rows]
    verdicts = [{"attack": one.attack, "eps": one.eps, "verdict": one.verdict} for one in own]
    run.record("measured", {"rates": rates, "verdicts": verdicts})
