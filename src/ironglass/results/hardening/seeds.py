"""`seeds` of `hardening` and `comparison` of `results.json`: the same training by several seeds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.evaluation import Named
from ironglass.results.numbers import Amount, Count, Mean, Rate, Share


@result
class SeedRow:
    """Both sides of one seed, on the same images as every other.

    seed: of the training.
    clean_before: unchanged images right before.
    clean_after: unchanged images right after.
    robust_before: images right under every attack at the largest eps before.
    robust_after: images right under every attack at the largest eps after.
    evaluation: of the model after, on unchanged images; absent in older files.
    """

    seed: Count
    clean_before: Rate
    clean_after: Rate
    robust_before: Rate
    robust_after: Rate
    evaluation: Named | None = None


@result
class SeedSpread:
    """A number over seeds.

    mean: with its interval over seeds, by Student's t.
    lowest: of the seeds.
    highest: of the seeds.
    """

    mean: Mean
    lowest: float
    highest: float


@result
class Seeds:
    """Several trainings of one hardening: other orders, other draws, and, where it is trained, other fresh weights.

    rows: a row a seed, the first being that of all other numbers.
    trained_before: whether the model before was trained by every seed, too, or is the same for all.
    clean_after: accuracy on unchanged images after.
    robust_after: accuracy under every attack at the largest eps after.
    clean_change: after less before, on unchanged images.
    robust_change: after less before, under every attack at the largest eps.
    """

    rows: tuple[SeedRow, ...]
    trained_before: bool
    clean_after: SeedSpread
    robust_after: SeedSpread
    clean_change: SeedSpread
    robust_change: SeedSpread


@result
class SeedTest:
    """Difference of two arms that were trained by several seeds, on the same images.

    difference: accuracy of the first less that of the second, each the mean over its seeds.
    p_images: over other images of the kind, paired, by Student's t.
    p_seeds: over other seeds, by Welch's t.
    p: the larger of the two: a difference that either could have made by chance is none.
    """

    difference: float
    p_images: Share
    p_seeds: Share
    p: Share


@result
class ArmSeeds:
    """One arm under one condition, trained by several seeds.

    eps: the largest change of every attack, in units of [0, 1]; 0 for unchanged images.
    rates: of each seed the images right, under every attack; the first is that of all other numbers.
    images: mean over seeds, with its interval over images.
    seeds: mean over seeds, with its interval over seeds, and their range.
    test: the base being first; null for the base itself.
    """

    eps: Amount
    rates: Annotated[tuple[Rate, ...], Field(min_length=2)]
    images: Rate
    seeds: SeedSpread
    test: SeedTest | None
