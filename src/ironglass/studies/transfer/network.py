"""Training and measuring one network of a study of transfer; several, in a process of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ironglass.measure.accuracy import naming
from ironglass.measure.robustness.white_box import white_box
from ironglass.models.predict import logits_of, predicted
from ironglass.plans.transfer import Transfer, TransferNetwork, recipe_of
from ironglass.run import Run
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.progress import Tell, training_line
from ironglass.studies.transfer.source_images import answers_of, image_sets_of, rate_of
from ironglass.studies.transfer.workspace import Architecture, Workspace, workspace_of
from ironglass.train.fit import check_recipe, fit


def check_networks(workspace: Workspace, networks: Sequence[TransferNetwork]) -> None:
    """Raises InputError for what would only come to light when a network's turn has come."""
    classifier = workspace.fresh(TransferNetwork(arm="base", seed=0))
    for arm in dict.fromkeys(network.arm for network in networks):
        several = [network for network in networks if network.arm == arm]
        check_recipe(
            classifier,
            workspace.dataset,
            recipe_of(workspace.plan, several[-1], workspace.blocks, workspace.source.model),
        )


def train_and_measure(
    plan: Transfer,
    folder: Path,
    source: Architecture,
    networks: Sequence[TransferNetwork],
    options: RunOptions,
    measured: bool,
    *,
    tell: Tell,
) -> None:
    """Trains each network that is not there yet; measured: and measures it, for which base A's images must be there."""
    workspace = workspace_of(plan, folder, source, options.place)
    for number, network in enumerate(networks):

        def network_progress(
            activity: str, done: int, of: int, detail: str, name: str = network.name, number: int = number
        ) -> None:
            tell("networks", number, len(networks), f"{name}: {activity} {done:,} of {of:,} {detail}")

        train_network(workspace, network, network_progress)
        if measured:
            measure_network(workspace, network, network_progress)
    tell("networks", len(networks), len(networks), "")


def train_network(workspace: Workspace, network: TransferNetwork, progress: Tell) -> None:
    """Trains a network in its folder, going on where an earlier sitting stopped."""
    if "training" in Run(workspace.folder(network.name)).results:
        return
    recipe = recipe_of(workspace.plan, network, workspace.blocks, workspace.source.model)
    fit(
        workspace.fresh(network),
        workspace.dataset,
        recipe,
        workspace.folder(network.name),
        resume=True,
        progress=lambda status: progress(*training_line(status)),
        watch=None,
    )


def measure_network(workspace: Workspace, network: TransferNetwork, progress: Tell) -> None:
    """Writes `per_image/measured.parquet` into the network's folder: which images it names right, unchanged, made on
    base A and shown to it, and attacked by its own gradients."""
    run, plan = Run(workspace.folder(network.name)), workspace.plan
    if "measured" in run.results:
        return
    classifier, split = workspace.load(network.name), workspace.split
    rows: list[tuple[str, float, np.ndarray]] = []
    unchanged = predicted(logits_of(classifier, split)).numpy()
    rows.append(("clean", 0.0, unchanged == split.labels))
    image_sets = image_sets_of(workspace.run, plan, workspace.dataset, split)
    for index, (name, eps) in enumerate(image_sets.sets):
        progress("base A's images", index, len(image_sets.sets), "")
        both = [
            (answers_of(classifier, images), answers_of(classifier, read))
            for images, read in image_sets.read(name, eps)
        ]
        for kind, answers in zip((f"shown-{name}", f"shown-{name}-png"), zip(*both, strict=True), strict=True):
            rows.append((kind, eps, np.concatenate(answers) == split.labels))
    attacks = white_box(
        classifier,
        workspace.attacked,
        plan.white_box_attacks,
        plan.white_box_eps,
        norm=plan.norm,
        seed=plan.target.seed,
        progress=lambda done, of: progress("attacking it", done, of, ""),
    )
    rows += [(f"own-{one.attack}", one.eps, one.right) for one in attacks]
    with run.atomic(run.path / "per_image" / "measured.parquet") as path:
        names = [(workspace.attacked if kind.startswith("own-") else split).names for kind, _, _ in rows]
        table = pa.table(
            {
                "name": [name for group in names for name in group],
                "condition": [kind for kind, _, right in rows for _ in right],
                "eps": [eps for _, eps, right in rows for _ in right],
                "correct": np.concatenate([right for _, _, right in rows]),
            }
        )
        pq.write_table(table, path)
    rates = [{"condition": kind, "eps": eps, "accuracy": rate_of(right)} for kind, eps, right in rows]
    verdicts = [{"attack": one.attack, "eps": one.eps, "verdict": one.verdict} for one in attacks]
    common = naming(split.labels, unchanged, classifier.classes)
    run.record("measured", {"rates": rates, "verdicts": verdicts, "naming": common})
