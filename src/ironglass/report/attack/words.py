"""Sentences on the numbers under attack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from ironglass.report.kit.words import count, eps_number, listed, percent, short_labels
from ironglass.results.attack import AttackPoint, AttackResult, Attacks, FGSMCurve, WorstPoint
from ironglass.results.numbers import Norm


class AtEps(Protocol):
    """A number at one eps."""

    @property
    def eps(self) -> float:
        """The largest change."""
        ...


Point = TypeVar("Point", bound=AtEps)


def notable_points(points: Iterable[Point]) -> list[Point]:
    """The two points of the first screen: the one nearest to 2/255 (the middle one if that is the last), and the
    largest."""
    moved = sorted((point for point in points if point.eps > 0), key=lambda point: point.eps)
    if len(moved) < 2:
        return moved
    near = min(range(len(moved)), key=lambda i: abs(moved[i].eps - 2 / 255))
    return [moved[near if near < len(moved) - 1 else (len(moved) - 1) // 2], moved[-1]]


def attack_words(attacks: Attacks) -> str:
    """The worst case, the strongest attack, and the verdicts, in sentences."""
    points, rows = notable_points(attacks.worst), attacks.attacks
    if not points:
        return ""
    norm, clean = attacks.norm, attacks.clean
    subject = "both attacks" if len(rows) == 2 else f"all {len(rows)} attacks"
    if len(rows) == 1:
        subject = f"“{rows[0].label}”"
    first, *more = [(eps_number(p.eps, norm), percent(p.accuracy.value)) for p in points]
    text = (
        f"Of {count(clean.n)} {attacks.split} images, {percent(clean.value)} are classified correctly as "
        f"they are. {_reach(norm, first[0])}, {first[1]} are right under {subject}"
        f"{''.join(f'; at {eps}, {share}' for eps, share in more)}."
    )
    return " ".join(part for part in (text, _strongest_words(attacks), _trust_words(attacks.worst, norm)) if part)


def strongest(attacks: Attacks, eps: float) -> list[AttackResult]:
    """The attacks that leave the lowest accuracy at this eps: one, or several that tie."""
    left = {row.name: point.accuracy.value for row, point in _at(attacks, eps)}
    return [row for row, _ in _at(attacks, eps) if left[row.name] == min(left.values())]


def _at(attacks: Attacks, eps: float) -> list[tuple[AttackResult, AttackPoint]]:
    """Every attack with its point at this eps."""
    return [(row, point) for row in attacks.attacks for point in row.points if point.eps == eps]


def _reach(norm: Norm, eps: str) -> str:
    """The threat, as the beginning of a sentence."""
    if norm == "linf":
        return f"When every pixel may change by up to {eps} of the range from black to white"
    if norm == "l1":
        return f"When the changes of all values of an image may add up to {eps}"
    return f"When the whole change of an image may be up to {eps} long (the root of its summed squares)"


def _strongest_words(attacks: Attacks) -> str:
    """The strongest attack, at the eps at which the attacks differ most."""
    if len(attacks.attacks) < 2:
        return ""
    spread: dict[float, float] = {}
    for eps in (point.eps for point in attacks.worst if point.eps > 0):
        left = [point.accuracy.value for _, point in _at(attacks, eps)]
        spread[eps] = max(left, default=0) - min(left, default=0)
    eps = max(spread, key=lambda size: spread[size])
    if spread[eps] == 0:
        return "No attack fools it more often than another."
    labels = short_labels([row.label for row in attacks.attacks])
    label = {row.name: f"“{short}”" for row, short in zip(attacks.attacks, labels, strict=True)}
    rates = {row.name: point.accuracy for row, point in _at(attacks, eps)}
    best = [row.name for row in strongest(attacks, eps)]
    worst = max(rates, key=lambda name: rates[name].value)
    low, high, one = rates[best[0]], rates[worst], len(best) == 1
    text = (
        f"The attacks differ most at {eps_number(eps, attacks.norm)}: {listed([label[name] for name in best])} "
        f"fool{'s' * one} it most and leave{'s' * one} {percent(low.value)} right, {label[worst]} fools it least "
        f"and leaves {percent(high.value)}"
    )
    if low.high >= high.low:
        return f"{text}; their intervals overlap."
    return f"{text}. Judged by {label[worst]} alone, it would look stronger than it is."


def _trust_words(worst: Sequence[WorstPoint], norm: Norm) -> str:
    """The verdicts on the worst case, each with its first reason at the largest eps concerned."""
    points = [point for point in worst if point.eps > 0]
    with_verdict = [point for point in points if point.verdict]
    sentences: list[str] = []
    for word, one, several in (
        ("invalid", "and says nothing of robustness", "and say nothing of robustness"),
        ("suspect", "and may be better than the truth", "and may be better than the truth"),
    ):
        verdicts = [
            (point.eps, point.verdict) for point in with_verdict if point.verdict and point.verdict.word == word
        ]
        if verdicts:
            subject = listed([eps_number(eps, norm) for eps, _ in verdicts])
            verb = (
                f"number at {subject} is {word} {one}"
                if len(verdicts) == 1
                else f"numbers at {subject} are {word} {several}"
            )
            reasons = verdicts[-1][1].reasons
            sentences.append(f"The {verb}{f': {reasons[0]}' if reasons else ''}.")
    if len(with_verdict) < len(points):
        subject = listed([eps_number(point.eps, norm) for point in points if not point.verdict])
        sentences.append(f"Nothing was checked at {subject}: what stands there is not judged.")
    if with_verdict and not sentences:
        return "No check found a reason to doubt these numbers."
    return " ".join(sentences)


def fgsm_words(fgsm: FGSMCurve) -> str:
    """Accuracy under FGSM, and why it is an upper bound."""
    points = notable_points(fgsm.points)
    if not points:
        return ""
    stay = ", and ".join(
        f"{percent(p.accuracy.value)} stay right when every pixel may change by at most {eps_number(p.eps)}"
        for p in points
    )
    return (
        f"Under FGSM, {stay} of the range from black to white. FGSM takes a single step, so this is an upper bound on "
        "robustness: a stronger attack can only fool it more often, and surviving FGSM is no proof of safety."
    )
