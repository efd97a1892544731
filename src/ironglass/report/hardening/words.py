"""Sentences on a hardening."""

from __future__ import annotations

from ironglass.report.kit.words import NOT_JUDGED, eps_text, percent, verdict_word
from ironglass.results.hardening import Hardening


def hardening_words(measured: Hardening) -> str:
    """Gain under attack and cost on unchanged images, each tested in pairs."""
    clean, worst = measured.rows[0], measured.rows[-1]
    won = worst.after.value - worst.before.value
    cost = clean.before.value - clean.after.value
    eps = eps_text(worst.eps, measured.norm)
    text = (
        f"Of {worst.after.n:,} images {percent(worst.before.value)} were right under every attack at eps "
        f"{eps} before, and {percent(worst.after.value)} do after"
    )
    sure = worst.test.p < 0.05
    more = f": {100 * abs(won):.1f} points {'more' if won > 0 else 'fewer'}"
    text += more if sure else ", a difference that may be chance"
    text += f". On unchanged images it {'costs' if cost > 0 else 'brings'} {100 * abs(cost):.1f} points"
    text += "." if clean.test.p < 0.05 else ", which may be chance."
    return text + _trust_words(measured)


def _trust_words(measured: Hardening) -> str:
    """The verdicts on the two numbers under attack, where they are not trusted."""
    verdicts = measured.rows[-1].verdicts
    sides = {"before": verdicts.before, "after": verdicts.after} if verdicts else {"before": None, "after": None}
    words = {side: verdict_word(verdict) for side, verdict in sides.items()}
    doubted = [side for side, word in words.items() if word in ("suspect", "invalid")]
    unjudged = [side for side, word in words.items() if word == NOT_JUDGED]
    text = ""
    if doubted:
        text += f" The number {' and '.join(doubted)} is not fully to be trusted: see its verdict."
    if unjudged:
        text += f" The number {' and '.join(unjudged)} is not judged."
    return text
