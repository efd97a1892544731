"""The step that measures whether the network's scores tell the measured images from images of other kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from safetensors.numpy import save

from ironglass.data.dataset import Split
from ironglass.data.positions import spread_positions
from ironglass.measure.inspection.made_images import noise_like, shuffled_tiles
from ironglass.results.codec import to_dict
from ironglass.results.inspection.against import AgainstOthers, OutOfDistribution
from ironglass.studies.common.searches.against import MOST, Inside, OtherImages, told_apart, training_images
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.failures.pictures import thumbnail
from ironglass.studies.steps.passes import OPERATIONS, multiply_adds, passes_of_run
from ironglass.studies.steps.step import Step

FILE = "out_of_distribution.safetensors"
PICTURES = 3
SEED = 0
"""Of noise and tiles: the same images for every network of these data, whatever its training's seed."""
FREE = 2.0
"""Processor seconds that images made by default may take in any run; else SHARE of the run's forward passes."""
SHARE = 0.1
LEAST = 50
"""Images of a kind below which noise and tiles are left out."""
PASSES = 7
"""Forward passes an image of the measured: of it, noise and tiles for logits and features, and of two training images
among which neighbours are sought."""
MOST_BYTES = 2**28
"""Of pixels that are made of a kind."""


def measure_against(context: AuditContext) -> None:
    """Writes `out_of_distribution` of the results, and pictures of each kind, `out_of_distribution.safetensors`."""
    plan = context.plan.against
    assert plan is not None
    count = affordable(context)
    affords = count >= min(LEAST, len(context.split))
    rows: list[OutOfDistribution] = []
    pictures: dict[str, np.ndarray] = {}
    if plan.data:
        other = context.named_images
        assert other is not None
        rows += _against(context, other, MOST)
        pictures["data"] = _thumbnails(other.images)
    if affords:
        inside = context.split.take(spread_positions(len(context.split), count))
        others = made_images(inside)
        rows += _rows(context, count, others)
        pictures |= {other.kind: _thumbnails(other.images) for other in others} | {"own": _thumbnails(inside)}
    elif pictures:
        pictures["own"] = _thumbnails(context.split.take(spread_positions(len(context.split), MOST)))
    if pictures:
        with context.run.atomic(context.run.path / FILE) as path:
            path.write_bytes(save(pictures))
    left_out = (
        ""
        if affords
        else f"noise and shuffled tiles, which take {PASSES * LEAST:,} forward passes at least: longer than a tenth of "
        "this run"
    )
    result = AgainstOthers(data=plan.data, rows=tuple(rows), left_out=left_out)
    context.run.record("out_of_distribution", to_dict(result))


def made_images(inside: Split) -> list[OtherImages]:
    """Noise and shuffled tiles, as many as the images that they are made of."""
    pixels = np.asarray(inside.pixels)
    noise = OtherImages(
        name="Gaussian noise", kind="noise", split="made", images=_labelled(noise_like(pixels, SEED), inside)
    )
    tiles = OtherImages(
        name="shuffled tiles",
        kind="tiles",
        split="made",
        images=_labelled(shuffled_tiles(pixels, SEED), inside),
        paired=True,
    )
    return [noise, tiles]


def affordable(context: AuditContext) -> int:
    """Images of a kind that noise and tiles are made of: those of the plan, as far as they take a tenth of the run."""
    assert context.plan.against is not None
    cost = multiply_adds(context)
    passes = max(FREE * OPERATIONS / max(cost, 1), SHARE * passes_of_run(context))
    room = MOST_BYTES // max(1, context.split.pixels[:1].nbytes)
    return min(context.plan.against.images, len(context.split), int(passes / PASSES), room)


def _against(context: AuditContext, other: OtherImages, most: int) -> Sequence[OutOfDistribution]:
    images = other.images
    sample = replace(other, images=images.take(spread_positions(len(images), most)))
    rows = _rows(context, most, [sample])
    sets = ((context.split_name, context.split), (f"the other data's {other.split}", images))
    remarks = [f"of {part} {len(split):,} images were taken {most:,}, spread evenly"
               for part, split in sets if len(split) > most]  # fmt: skip
    return [replace(row, remarks=(*remarks, *row.remarks)) for row in rows]


def _rows(context: AuditContext, count: int, others: Sequence[OtherImages]) -> tuple[OutOfDistribution, ...]:
    positions, cached = spread_positions(len(context.split), count), context.logits.cached
    return told_apart(
        context.classifier,
        Inside(
            name=context.split_name,
            images=context.split.take(positions),
            logits=None if cached is None else cached[positions],
        ),
        training_images(context.dataset, context.split_name, min(2 * count, MOST)),
        others,
        lambda done, of: context.progress("scoring images of other kinds", done, of, ""),
    )


def _labelled(pixels: np.ndarray, inside: Split) -> Split:
    return Split(pixels, np.zeros(len(inside), np.int64))


def _thumbnails(split: Split) -> np.ndarray:
    return np.stack([thumbnail(np.asarray(split.pixels[i])) for i in spread_positions(len(split), PICTURES)])


def _is_due(context: AuditContext) -> bool:
    """True where it is not recorded, or other data were then named."""
    plan, recorded = context.plan.against, context.run.results.get("out_of_distribution")
    return plan is not None and (recorded is None or recorded["data"] != plan.data)


def _check(context: AuditContext) -> None:
    _ = context.named_images


AGAINST = Step(key="out_of_distribution", wanted=_is_due, run=measure_against, check=_check, resumes_itself=True)
