"""Sentences and headlines on a comparison: transferred against white-box accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from ironglass.report.comparison.rows import ArmRow, arm_rows
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
        headlines.append(_worst(f"Most robust: {best.label}", best))
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
    text += (
        f". Attacked itself it keeps {percent(one.own.value)} under the same {attack}, and "
        f"{percent(one.worst.value)} under every attack. The first figures measure how much it differs from the "
        "base, not its robustness."
    )
    best, base = _hardest(rows), rows[0]
    if best is base:
        return text + " No arm is more robust than the base."
    won = 100 * (best.worst.value - base.worst.value)
    cost = 100 * (base.clean.value - best.clean.value)
    sure = "" if best.worst_test.p < 0.05 else ", which may be chance"
    text += f" The most robust is “{best.label}”: {won:.1f} points more than the base{sure}"
    paid = f"{abs(cost):.1f} points {'fewer' if cost > 0 else 'more'} on unchanged images"
    return text + f", for {paid}{'' if best.clean_test.p < 0.05 else ', which may be chance'}."


def _flattered(rows: Sequence[ArmRow]) -> ArmRow:
    """The arm, other than the base, whose transferred number stands farthest above its own."""
    return max(rows[1:], key=lambda row: row.gap)


def _hardest(rows: Sequence[ArmRow]) -> ArmRow:
    return max(rows, key=lambda row: row.worst.value)
