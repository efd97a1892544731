"""Corrupted images: measured corruption by corruption, each kept when it is done, and one image to show them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from safetensors.numpy import save

from ironglass.data.corruptions.corrupt import SEVERITIES, corrupt, find_corruptions
from ironglass.data.dataset import Split
from ironglass.measure.corruption import corrupted_logits, corruption_numbers
from ironglass.measure.per_image import per_image, recorded_least_share, write_per_image
from ironglass.models.classifier import Classifier
from ironglass.models.predict import logits_of, predicted
from ironglass.plans.audit import Audit
from ironglass.plans.parts import Corruptions
from ironglass.run import Run
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.common.progress import Tell
from ironglass.studies.common.stored import read_table
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.step import Step
from ironglass.types import Logits

SHOWN_SEVERITIES = (1, 3, 5)


def check_corruptions(plan: Audit, classifier: Classifier) -> None:
    """Raises InputError for a corruption that the classifier's images do not allow."""
    if plan.corruptions is not None:
        find_corruptions(plan.corruptions.names, classifier.channels)


def corrupt_split(
    run: Run, plan: Audit, classifier: Classifier, split: Split, logits: Logits | None, *, name: str, progress: Tell
) -> None:
    """Writes `per_image/corruptions/NAME.parquet` a corruption, unless it is there, the images to show, and the numbers
    into `results.json` under `corruptions`.

    logits: of the whole split, where they are known. name: of the split. All numbers come from the tables.
    """
    settings = plan.corruptions or Corruptions()
    where = spread_positions(len(split), settings.images)
    subset = split.take(where)
    names = find_corruptions(settings.names, classifier.channels)
    unchanged = logits_of(classifier, subset) if logits is None else logits[where]
    clean = predicted(unchanged).numpy() == subset.labels
    steps = [(corruption, severity) for corruption in names for severity in SEVERITIES]
    done, least = list[pa.Table](), recorded_least_share(run)
    for i, (corruption, severity) in enumerate(steps):
        if _path(run, corruption).is_file():
            continue

        def report(images: int, of: int, before: int = i, detail: str = corruption) -> None:
            progress("corrupting", before * of + images, len(steps) * of, detail)

        corrupted, linf = corrupted_logits(
            classifier, split, corruption, severity, where, seed=plan.seed, progress=report
        )
        table = per_image(subset, classifier, corrupted, condition=corruption, eps=0.0, linf=linf, least_share=least)
        done.append(table.append_column("severity", pa.array(np.full(len(subset), severity))))
        if severity == SEVERITIES[-1]:
            write_per_image(run, f"corruptions/{corruption}", done)
            done = []
    tables = {corruption: read_table(_path(run, corruption)) for corruption in names}
    right = {
        corruption: table["correct"].to_numpy().reshape(len(SEVERITIES), len(subset))
        for corruption, table in tables.items()
    }
    size = (split.pixels.shape[1], split.pixels.shape[2])
    _write_shown(run, plan, split, where, clean, tables)
    numbers = corruption_numbers(clean, right, size=size, seed=plan.seed)
    run.record("corruptions", {"split": name, **numbers})


def _run(context: AuditContext) -> None:
    corrupt_split(
        context.run,
        context.plan,
        context.classifier,
        context.split,
        context.logits.cached,
        name=context.split_name,
        progress=context.progress,
    )


def _write_shown(
    run: Run, plan: Audit, split: Split, where: np.ndarray, clean: np.ndarray, tables: dict[str, pa.Table]
) -> None:
    """Writes `corruptions.safetensors` and `corruptions.json`: one image as it was measured under every corruption.

    It is drawn by the seed from the images that are named right unchanged, or from all where none is.
    """
    candidates = np.flatnonzero(clean) if clean.any() else np.arange(len(where))
    at = int(np.random.default_rng(plan.seed).choice(candidates))
    pixels, _ = split.batch(where[at : at + 1])
    tensors = {"image": split.stored(where[at : at + 1])[0]}
    entries: list[dict[str, Any]] = []
    for name, table in tables.items():
        versions = [
            corrupt(pixels, name, severity, seed=plan.seed, positions=where[at : at + 1])
            for severity in SHOWN_SEVERITIES
        ]
        tensors[name] = np.concatenate([images.permute(0, 2, 3, 1).numpy() for images in versions])
        rows = table.take([SEVERITIES.index(severity) * len(where) + at for severity in SHOWN_SEVERITIES])
        columns = rows.select(["prediction", "confidence", "correct"]).to_pylist()
        entries.append({"name": name, "images": columns})
    image = {"name": split.names[where[at]], "label": int(split.labels[where[at]]), "right": bool(clean[at])}
    with run.atomic(run.path / "corruptions.safetensors") as path:
        path.write_bytes(save({key: np.ascontiguousarray(value) for key, value in tensors.items()}))
    run.write("corruptions.json", {**image, "severities": list(SHOWN_SEVERITIES), "corruptions": entries})


def _path(run: Run, corruption: str) -> Path:
    return run.path / "per_image" / "corruptions" / f"{corruption}.parquet"


CORRUPTIONS = Step(
    key="corruptions",
    wanted=lambda context: bool(context.plan.corruptions and context.plan.corruptions.names),
    check=lambda context: check_corruptions(context.plan, context.classifier),
    run=_run,
)
