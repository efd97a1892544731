"""Arms over several seeds: the numbers by which they are told apart, and sentences on them."""

from __future__ import annotations

from ironglass.report.kit.words import eps_text, listed, over_seeds
from ironglass.results.hardening import Arm, ArmSeeds, Comparison
from ironglass.results.numbers import Rate


def robust_at(arm: Arm, eps: float) -> Rate:
    """The arm's worst case at an eps: the mean over seeds with its interval over images, or that of its one seed."""
    if row := next((row for row in arm.seeds if row.eps == eps), None):
        return row.images
    return next(row.after for row in arm.rows if row.name == "worst" and row.eps == eps)


def natural(arm: Arm) -> Rate:
    """Unchanged images right: the mean over seeds with its interval over images, or that of its one seed."""
    return arm.seeds[0].images if arm.seeds else arm.rows[0].after


def natural_p(arm: Arm) -> float:
    """The p of the difference from the base on unchanged images; 1 for the base by several seeds."""
    if not arm.seeds:
        return arm.rows[0].test.p
    test = arm.seeds[0].test
    return test.p if test else 1.0


def scope_words(measured: Comparison) -> str:
    """The tests that were read together."""
    arms = len(measured.arms)
    pairs = arms * (arms - 1) // 2
    tests = "Student’s t over images and Welch’s over seeds" if measured.seeds else "McNemar’s test"
    return f"over all {pairs} pairs of arms ({tests}, Holm)" if arms > 2 else f"({tests})"


def seed_words(measured: Comparison) -> str:
    """Sentences on every arm over seeds at the largest eps; "" for one seed."""
    if not measured.seeds:
        return ""
    eps = max(measured.eps)
    rows = {arm.label: next(row for row in arm.seeds if row.eps == eps) for arm in measured.arms}
    return (
        f"Every arm was trained by {len(measured.seeds)} seeds, and all are judged on the same images. Under every "
        f"attack at eps {eps_text(eps, measured.norm)} {_all(rows)} are right. An arm is called ahead only "
        "where it is so over images and over seeds."
    )


def _all(rows: dict[str, ArmSeeds]) -> str:
    return listed([f"of “{label}” {over_seeds(row.seeds)}" for label, row in rows.items()])
