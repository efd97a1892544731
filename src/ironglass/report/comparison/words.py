"""Sentences and headlines on a comparison: transferred against white-box accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from ironglass.report.comparison.rows import ArmRow, arm_rows, rivals
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.words import eps_text, percent
from ironglass.results.hardening import Comparison, Transferred


def comparison_headlines(measured: Comparison, transferred: Transferred) -> list[Headline]:
    """The arm that gains most from being shown the base's images, both ways; then the hardest to fool, and the base."""
    rows = arm_rows(measured, transferred)
    eps = eps_text(rows[0].eps, measured.norm)
    flattered, best = _flattered(rows), _hardest(rows)
    attack = flattered.attack.upper()
    title = f"right on {attack} images made on the base, eps {eps}"
    under = f"right under every attack made on itself, eps {eps}"
    headlines = [
        Headline(f"Transferred: {flattered.label}", title, flattered.transferred),
        Headline(f"White-box: {flattered.label}", under, flattered.worst, under_attack=True, verdict=flattered.verdict),
    ]
    if best is not flattered:
        label = "Highest" if rivals(measured, best) != [] else "Most robust"
        headlines.append(_worst(f"{label}: {best.label}", best))
    base = rows[0]
    if base is not flattered and base is not best:
        headlines.append(_worst("The base", base))
    return headlines


def _worst(label: str, row: ArmRow) -> Headline:
    detail = f"right under every attack made on itself; unchanged, {percent(row.clean.value)}"
    return Headline(label, detail, row.worst, under_attack=True, verdict=row.verdict)


def comparison_words(measured: Comparison, transferred: Transferred) -> str:
    """Transferred against white-box accuracy of one arm, and gain and cost of the best arm, tested in pairs."""
    rows = arm_rows(measured, transferred)
    one, eps = _flattered(rows), eps_text(rows[0].eps, measured.norm)
    attack = one.attack.upper()
    text = (
        f"Shown {attack} images that were made on the base (eps {eps}), “{one.label}” names "
        f"{percent(one.transferred.value)} right"
    )
    if one.training:
        text += f", of training images {percent(one.training.value)}"
    text += f". {_attacked(one)} The first figures measure how much it differs from the base, not its robustness."
    best, base = _hardest(rows), rows[0]
    if best is base:
        return text + " No arm is more robust than the base."
    undecided = rivals(measured, best)
    won = 100 * (best.worst.value - base.worst.value)
    cost = 100 * (base.clean.value - best.clean.value)
    chance = best.worst_test.p >= 0.05 if undecided is None else base.label in undecided
    text += (
        f" The highest accuracy under attack, {percent(best.worst.value)} of these {best.worst.n} images, has "
        f"“{best.label}”: {won:.1f} points more than the base{', which may be chance' if chance else ''}"
    )
    paid = f"{abs(cost):.1f} points {'fewer' if cost > 0 else 'more'} on unchanged images"
    text += f", for {paid}{'' if best.clean_test.p < 0.05 else ', which may be chance'}."
    return f"{text} {_ahead(undecided, len(rows))}"


def _attacked(row: ArmRow) -> str:
    """Accuracy under the attack that was shown, and under all; in one sentence only where of the same images."""
    attack, worst = row.attack.upper(), f"{percent(row.worst.value)} under every attack"
    if row.same is not None:
        of = f"({row.worst.n} images)"
        return f"Attacked itself it keeps {percent(row.same.value)} under the same {attack}, and {worst} {of}."
    transferred_set = f"{percent(row.own.value)} of those {row.own.n} images under {attack} made on itself"
    return f"Attacked itself it keeps {worst} ({row.worst.n} images); {transferred_set}."


def _ahead(undecided: Sequence[str] | None, arms: int) -> str:
    if undecided is None:
        return "The arms were not tested against each other, so which is best is not known."
    scope = (
        f"over all {arms * (arms - 1) // 2} pairs of arms (McNemar’s test, Holm)" if arms > 2 else "(McNemar’s test)"
    )
    if not undecided:
        return f"It is ahead of {'every other arm' if arms > 2 else 'the base'} beyond chance, {scope}."
    names = ", ".join(f"“{label}”" for label in undecided)
    return f"{names} may be as good, {scope}."


def _flattered(rows: Sequence[ArmRow]) -> ArmRow:
    """The arm, other than the base, whose transferred number stands farthest above its own."""
    return max(rows[1:], key=lambda row: row.gap)


def _hardest(rows: Sequence[ArmRow]) -> ArmRow:
    return max(rows, key=lambda row: row.worst.value)
