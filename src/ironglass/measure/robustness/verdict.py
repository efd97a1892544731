"""Verdicts on robustness numbers, in plain words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from ironglass.measure.robustness.evidence import Evidence, Kind

Word: TypeAlias = Literal["trusted", "suspect", "invalid"]
MIN_IMAGES = 100
"""Fewer images than this leave an interval too wide to conclude from."""
MORE = 0.002
"""By this share of the images a rival must fool more before it counts."""
SEARCH_MORE = 0.03
"""Above this share of the images that an attack left right, and two of them, a short search must fool to count: of
networks whose gradients do not mislead it fooled 1 of 32 at most (docs/experiments.md)."""


@dataclass(frozen=True)
class Verdict:
    """trusted: nothing speaks against the number; suspect: something does; invalid: it measures nothing.

    reasons: one plain sentence each, the gravest first; empty where trusted.
    """

    word: Word
    reasons: tuple[str, ...]


def judge(evidence: Evidence) -> Verdict:
    """The verdict of every check; the gravest finding gives the word."""
    found = [finding for check in CHECKS if (finding := check(evidence))]
    found.sort(key=lambda finding: finding[0] != "invalid")
    return Verdict(found[0][0] if found else "trusted", tuple(reason for _, reason in found))


Finding: TypeAlias = tuple[Word, str] | None


def _finite(evidence: Evidence) -> Finding:
    if not evidence.seen.non_finite:
        return None
    return "invalid", f"outputs or gradients are not finite numbers on {_share(evidence, 'non_finite')} of the images"


def _steady(evidence: Evidence) -> Finding:
    seen = evidence.seen
    if not seen.nondeterministic:
        return None
    share = _percent(seen.nondeterministic / seen.repeated)
    return (
        "invalid",
        f"two passes over the same images gave different outputs ({share} of them): the network is not deterministic",
    )


def _swayed(evidence: Evidence) -> Finding:
    seen = evidence.seen
    if not seen.swayed:
        return None
    share = _percent(seen.swayed / seen.repeated)
    return (
        "invalid",
        f"the outputs for {share} of the images depend on which others are in their batch: what fools the network in "
        "one batch may not in another",
    )


def _lucky(evidence: Evidence) -> Finding:
    seen = evidence.seen
    if not seen.lots:
        return None
    return (
        "invalid",
        f"{seen.lots} of {seen.tried} passes over one image gave other outputs: the network is not deterministic",
    )


def _sloped(evidence: Evidence) -> Finding:
    seen = evidence.seen
    if not seen.zero_gradient:
        return None
    text = f"the gradient is zero on {_share(evidence, 'zero_gradient')} of the images: there the attack is blind"
    return ("invalid" if seen.zero_gradient > seen.n / 2 else "suspect"), text


def _logits(evidence: Evidence) -> Finding:
    seen, outputs = evidence.seen, evidence.outputs
    distributions = bool(seen.n) and seen.distributions == seen.n
    if not outputs.squash and not distributions:
        return None
    look = "the outputs look like probabilities, not logits" if distributions else "the outputs are no logits"
    if outputs.watched:
        return "suspect", f"{look}: they come out of {_a(outputs.squash)}, and attacks climb what goes into it"
    if not outputs.squash:
        return "suspect", f"{look}: a second softmax flattens the gradient"
    if outputs.lost:
        lost = f"which {_percent(outputs.lost)} of the images have pushed to their bounds"
        return "suspect", f"{look}: attacks climb the inverse of {_a(outputs.squash)} of the numbers alone, {lost}"
    return "suspect", f"{look}: attacks climb the inverse of {_a(outputs.squash)}"


def _scaled(evidence: Evidence) -> Finding:
    outputs = evidence.outputs
    if outputs.factor == 1:
        return None
    size = f"the first class leads the average one by {outputs.top_over_mean:.2g}"
    if outputs.factor > 1:
        what = f"the logits are so small ({size}) that cross-entropy hardly tells the classes apart"
        return "suspect", f"{what}: attacks multiply them by {outputs.factor:g}"
    what = f"the logits are so large ({size}) that the gradient of their cross-entropy vanishes"
    return "suspect", f"{what}: attacks divide them by {1 / outputs.factor:g}"


def _self_contained(evidence: Evidence) -> Finding:
    if not evidence.seen.autograd:
        return None
    return (
        "suspect",
        "the network runs autograd inside its own forward pass: an attack's gradient may not see through it",
    )


OUTDONE: dict[Kind, str] = {
    "gradient-free": "{name}, which takes no gradients, fools more: {change}, so that the gradients mislead",
    "noise": "random noise of the same size fools more: {change}, so that the attack fails",
    "single-step": "a single step fools more than many: {change}, so that the gradients mislead",
    "transfer": "images made to fool another network fool more: {change}, so that the gradients mislead",
    "longer": "twice the steps still fool more: {change}, so that the attack has not converged",
    "search": "{name}, a gradient-free attack, fools images that this attack does not: {change}, so that its gradients "
    "mislead, or it is weak",
    "together": "all attacks together fool more: {change}, so that this one alone is not the worst case",
}
"""What it says against an attack that another one fools more."""


def _outdone(evidence: Evidence, kind: Kind) -> Finding:
    for reference in evidence.reference_attacks:
        less, more = reference.accuracy["value"], reference.judged["value"]
        ahead = more - less
        if kind == "search":
            counts = ahead > SEARCH_MORE and round(ahead * reference.judged["n"]) >= 2
        else:  # a weaker attack may be ahead by a few images' luck; one without gradients should never be
            counts = ahead > MORE + 1e-9 and (kind == "gradient-free" or reference.p < 0.05)
        if reference.kind == kind and counts:
            change = f"{_percent(less)} stay right in place of {_percent(more)}"
            return "suspect", OUTDONE[kind].format(name=reference.name, change=change)
    return None


def _unbounded(evidence: Evidence) -> Finding:
    rate = evidence.unbounded_eps_accuracy
    if rate is None or rate["low"] <= evidence.chance:
        return None
    share = _percent(rate["value"])
    return (
        "invalid",
        f"{share} stay right where every image may become plain grey: there the attack must win, and fails",
    )


def _falling(evidence: Evidence) -> Finding:
    points = sorted(evidence.points, key=lambda point: point[0])
    for i, (eps, rate) in enumerate(points):
        lowest_eps, lowest = min(points[: i + 1], key=lambda point: point[1]["value"])
        if rate["low"] > lowest["high"]:
            rise = f"from {_percent(lowest['value'])} at eps {lowest_eps:.3g} to {_percent(rate['value'])} at {eps:.3g}"
            return "suspect", f"accuracy rises {rise}: a larger eps cannot defend, so there the attack fails"
    return None


def _strong(evidence: Evidence) -> Finding:
    if evidence.steps == 0 and evidence.queries:
        return (
            "suspect",
            "an upper bound on robust accuracy: the attack takes no gradients, with which more may be fooled",
        )
    if evidence.steps == 0:
        return "suspect", "random noise is a control: it says nothing of an attacker"
    if evidence.steps == 1:
        return "suspect", "an upper bound on robust accuracy: FGSM takes one step; stronger attacks may fool more"
    return None


def _many(evidence: Evidence) -> Finding:
    n = evidence.seen.n
    if n >= MIN_IMAGES:
        return None
    width = max((rate["high"] - rate["low"] for _, rate in evidence.points), default=1.0)
    points = f"{100 * width:.0f} points wide"
    return "suspect", f"only {n} image{'s' * (n != 1)}: the 95 % interval of the accuracy is up to {points}"


CHECKS: tuple[Callable[[Evidence], Finding], ...] = (
    _finite,
    _steady,
    _swayed,
    _lucky,
    _unbounded,
    _sloped,
    _self_contained,
    _logits,
    _scaled,
    *(partial(_outdone, kind=kind) for kind in OUTDONE),
    _falling,
    _strong,
    _many,
)


def _a(name: str) -> str:
    """A name with its article."""
    return f"a{'n' * (name[0] in 'aeiou')} {name}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _share(evidence: Evidence, what: str) -> str:
    return _percent(getattr(evidence.seen, what) / evidence.seen.n)
