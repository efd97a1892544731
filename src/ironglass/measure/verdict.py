"""How far a robustness number can be trusted, in plain words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ironglass.measure.statistics import Rate
from ironglass.types import Images, Logits

Word: TypeAlias = Literal["trusted", "suspect", "invalid"]
FEW = 100
"""Fewer images than this leave an interval too wide to conclude from."""


@dataclass(frozen=True)
class Verdict:
    """trusted: nothing speaks against the number; suspect: something does; invalid: it measures nothing.

    reasons: one plain sentence each, the gravest first; empty where trusted.
    """

    word: Word
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Observations:
    """What one or more batches showed, in images. They add up with `+`.

    n: images seen. broken: gradient or output not finite. flat: gradient zero. repeated: images passed twice. unsteady:
    of those, outputs differed. distributions: the outputs are in [0, 1] and sum to 1.
    """

    n: int = 0
    broken: int = 0
    flat: int = 0
    repeated: int = 0
    unsteady: int = 0
    distributions: int = 0

    def __add__(self, other: Observations) -> Observations:
        return Observations(**{key: value + getattr(other, key) for key, value in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a verdict rests on. steps: gradients of the attack an image. points: (eps, accuracy under attack)."""

    seen: Observations
    steps: int
    points: tuple[tuple[float, Rate], ...]


def observe(logits: Logits, gradient: Images, again: Logits | None = None) -> Observations:
    """What a batch shows: its outputs, its gradients (n, c, h, w), and the outputs of a second, equal pass if any."""
    finite = gradient.isfinite().flatten(1).all(1) & logits.isfinite().all(1)
    distribution = (logits >= 0).all(1) & (logits <= 1).all(1) & ((logits.sum(1) - 1).abs() < 1e-4)
    unsteady = 0
    if again is not None:
        # what a GPU's order of summation changes is far smaller
        unsteady = int(((logits - again).abs().amax(1) > 1e-3 * logits.abs().amax(1)).sum())
    return Observations(
        n=len(logits),
        broken=int((~finite).sum()),
        flat=int((gradient == 0).flatten(1).all(1).sum()),
        repeated=0 if again is None else len(again),
        unsteady=unsteady,
        distributions=int(distribution.sum()),
    )


def judge(evidence: Evidence) -> Verdict:
    """The verdict of every check; the gravest finding gives the word."""
    found = [finding for check in CHECKS if (finding := check(evidence))]
    found.sort(key=lambda finding: finding[0] != "invalid")
    return Verdict(found[0][0] if found else "trusted", tuple(reason for _, reason in found))


Finding: TypeAlias = tuple[Word, str] | None


def _finite(evidence: Evidence) -> Finding:
    if not evidence.seen.broken:
        return None
    return "invalid", f"outputs or gradients are not finite numbers on {_share(evidence, 'broken')} of the images"


def _steady(evidence: Evidence) -> Finding:
    seen = evidence.seen
    if not seen.unsteady:
        return None
    share = _percent(seen.unsteady / seen.repeated)
    return (
        "invalid",
        f"two passes over the same images gave different outputs ({share} of them): the network draws lots",
    )


def _sloped(evidence: Evidence) -> Finding:
    seen = evidence.seen
    if not seen.flat:
        return None
    text = f"the gradient is zero on {_share(evidence, 'flat')} of the images: there the attack is blind"
    return ("invalid" if seen.flat > seen.n / 2 else "suspect"), text


def _logits(evidence: Evidence) -> Finding:
    seen = evidence.seen
    if not seen.n or seen.distributions < seen.n:
        return None
    return "suspect", "the outputs look like probabilities, not logits: a second softmax flattens the gradient"


def _falling(evidence: Evidence) -> Finding:
    points = sorted(evidence.points, key=lambda point: point[0])
    for i, (eps, rate) in enumerate(points):
        lowest_eps, lowest = min(points[: i + 1], key=lambda point: point[1]["value"])
        if rate["low"] > lowest["high"]:
            rise = f"from {_percent(lowest['value'])} at eps {lowest_eps:.3g} to {_percent(rate['value'])} at {eps:.3g}"
            return "suspect", f"accuracy rises {rise}: a larger eps cannot defend, so there the attack fails"
    return None


def _strong(evidence: Evidence) -> Finding:
    if evidence.steps == 0:
        return "suspect", "random noise is a control: it says nothing of an attacker"
    if evidence.steps == 1:
        return "suspect", "an upper bound on robust accuracy: FGSM takes one step; stronger attacks may fool more"
    return None


def _many(evidence: Evidence) -> Finding:
    n = evidence.seen.n
    if n >= FEW:
        return None
    width = max((rate["high"] - rate["low"] for _, rate in evidence.points), default=1.0)
    points = f"{100 * width:.0f} points wide"
    return "suspect", f"only {n} image{'s' * (n != 1)}: the 95 % interval of the accuracy is up to {points}"


CHECKS: tuple[Callable[[Evidence], Finding], ...] = (_finite, _steady, _sloped, _logits, _falling, _strong, _many)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _share(evidence: Evidence, what: str) -> str:
    return _percent(getattr(evidence.seen, what) / evidence.seen.n)
