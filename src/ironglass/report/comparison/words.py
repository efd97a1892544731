"""Sentences and headlines on a comparison: transferred against white-box accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from ironglass.report.comparison.rows import ArmRow, arm_rows, rivals
from ironglass.report.comparison.seeds import scope_words, seed_words
from ironglass.report.comparison.selection import gain_words, selection_words
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.words import count, eps_text, percent
from ironglass.results.hardening import Comparison, Transferred


def comparison_headlines(measured: Comparison, transferred: Transferred) -> list[Headline]:
    """The arm that gains most from being shown the base's images, both ways; then the hardest to fool, and the base.

    The hardest is the one that validation images speak for, where they were attacked.
    """
    rows = arm_rows(measured, transferred)
    eps = eps_text(rows[0].eps, measured.norm)
    flattered, best = _flattered(rows), _best(measured, rows)
    attack = flattered.attack.upper()
    title = f"right on {attack} images made on the base, eps {eps}"
    under = f"right under every attack made on itself, eps {eps}"
    headlines = [
        Headline(f"Transferred: {flattered.label}", title, flattered.transferred),
        Headline(f"White-box: {flattered.label}", under, flattered.worst, under_attack=True, verdict=flattered.verdict),
    ]
    if best is not flattered:
        headlines.append(_worst(f"{_rank(measured, best)}: {best.label}", best))
    base = rows[0]
    if base is not flattered and base is not best:
        headlines.append(_worst("The base", base))
    return headlines


def _best(measured: Comparison, rows: Sequence[ArmRow]) -> ArmRow:
    selection = measured.selection
    if selection is None or selection.eps != rows[0].eps:
        return _hardest(rows)
    return next(row for row in rows if row.name == selection.best)


def _rank(measured: Comparison, best: ArmRow) -> str:
    """The name of the best arm's number: "Most robust" only where it is ahead of all others beyond chance."""
    selection = measured.selection
    if selection is not None and selection.eps == best.eps:
        return "Most robust" if selection.outcome == "confirmed" else "Chosen by validation"
    return "Highest" if rivals(measured, best) != [] else "Most robust"


def _worst(label: str, row: ArmRow) -> Headline:
    detail = f"right under every attack made on itself; unchanged, {percent(row.natural.value)}"
    if row.clean.n != row.worst.n:
        detail += f" of {count(row.clean.n)}"
    if row.seeds > 1:
        detail += f"; means of {row.seeds} seeds"
    return Headline(label, detail, row.robust, under_attack=True, verdict=row.verdict)


def comparison_words(measured: Comparison, transferred: Transferred) -> list[str]:
    """Transferred against white-box accuracy of one arm; the arms over seeds, where there are several; and the best arm
    with its gain and cost, tested in pairs."""
    over_seeds = [words] if (words := seed_words(measured)) else []
    return [transfer_words(measured, transferred), *over_seeds, robust_words(measured, transferred)]


def transfer_words(measured: Comparison, transferred: Transferred) -> str:
    """Transferred against white-box accuracy of the arm between whose two numbers most lies."""
    rows = arm_rows(measured, transferred)
    one, eps = _flattered(rows), eps_text(rows[0].eps, measured.norm)
    attack = one.attack.upper()
    text = (
        f"Shown {attack} images that were made on the base (eps {eps}), “{one.label}” names "
        f"{percent(one.transferred.value)} right ({one.transferred.n} images)"
    )
    if one.training:
        text += f", of {one.training.n} training images {percent(one.training.value)}"
    return f"{text}. {_attacked(one)} The first figures measure how much it differs from the base, not its robustness."


def robust_words(measured: Comparison, transferred: Transferred) -> str:
    """The best arm with its gain and cost: the one that validation images speak for, else that of highest accuracy."""
    if selected := selection_words(measured):
        return f"{selected} {gain_words(measured)}".rstrip()
    rows = arm_rows(measured, transferred)
    best, base = _hardest(rows), rows[0]
    if best is base:
        return "No arm is more robust than the base."
    undecided = rivals(measured, best)
    won = 100 * (best.robust.value - base.robust.value)
    cost = 100 * (base.natural.value - best.natural.value)
    chance = best.worst_test.p >= 0.05 if undecided is None else base.label in undecided
    of = "" if best.clean.n == best.worst.n else f" ({count(best.clean.n)})"
    text = (
        f"The highest accuracy under attack, {percent(best.robust.value)} of {best.worst.n} images, has "
        f"“{best.label}”: {won:.1f} points more than the base{', which may be chance' if chance else ''}"
    )
    paid = f"{abs(cost):.1f} points {'fewer' if cost > 0 else 'more'} on unchanged images{of}"
    text += f", for {paid}{'' if best.natural_p < 0.05 else ', which may be chance'}."
    return f"{text} {_ahead(undecided, measured)}"


def _attacked(row: ArmRow) -> str:
    """Accuracy under the attack that was shown, and under all; in one sentence only where of the same images."""
    attack, worst = row.attack.upper(), f"{percent(row.worst.value)} under every attack"
    if row.same is not None:
        of = f"({row.worst.n} images)"
        return f"Attacked itself it keeps {percent(row.same.value)} under the same {attack}, and {worst} {of}."
    transferred_set = f"{percent(row.own.value)} of those {row.own.n} images under {attack} made on itself"
    return f"Attacked itself it keeps {worst} ({row.worst.n} images); {transferred_set}."


def _ahead(undecided: Sequence[str] | None, measured: Comparison) -> str:
    if undecided is None:
        return "The arms were not tested against each other, so which is best is not known."
    arms, scope = len(measured.arms), scope_words(measured)
    if not undecided:
        return f"It is ahead of {'every other arm' if arms > 2 else 'the base'} beyond chance, {scope}."
    names = ", ".join(f"“{label}”" for label in undecided)
    return f"{names} may be as good, {scope}."


def _flattered(rows: Sequence[ArmRow]) -> ArmRow:
    """The arm, other than the base, whose transferred number stands farthest above its own."""
    return max(rows[1:], key=lambda row: row.gap)


def _hardest(rows: Sequence[ArmRow]) -> ArmRow:
    return max(rows, key=lambda row: row.robust.value)
