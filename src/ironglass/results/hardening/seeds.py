"""`seeds` of `hardening` of `results.json`: the same hardening trained by several seeds."""

from __future__ import annotations

from ironglass.results.codec import result
from ironglass.results.numbers import Count, Mean, Rate


@result
class SeedRow:
    """Both sides of one seed, on the same images as every other.

    seed: of the training.
    clean_before: unchanged images right before.
    clean_after: unchanged images right after.
    robust_before: images right under every attack at the largest eps before.
    robust_after: images right under every attack at the largest eps after.
    """

    seed: Count
    clean_before: Rate
    clean_after: Rate
    robust_before: Rate
    robust_after: Rate


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
