"""Verdicts on robustness numbers, with reasons in plain words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from ironglass.errors import with_article
from ironglass.measure.robustness.evidence import Evidence, Kind

Word: TypeAlias = Literal["trusted", "suspect", "invalid"]
MIN_IMAGES = 100
"""With fewer images the interval is too wide for conclusions."""
MIN_GAIN = 0.002
"""Least share of the images by which a reference attack must be stronger to count."""
MIN_SEARCH_GAIN = 0.03
"""Share of the images still right, and at least two of them, that a short search must fool to count: for networks with
reliable gradients it fooled 1 of 32 at most (docs/experiments.md)."""


@dataclass(frozen=True)
class Verdict:
    """Verdict on a robustness number.

    word: "trusted" without objections, "suspect" with some, "invalid" where it measures nothing.
    reasons: one plain sentence each, the most serious first; empty where trusted.
    """

    word: Word
    reasons: tuple[str, ...]


def judge(evidence: Evidence) -> Verdict:
    """The verdict of all checks; the most serious finding gives the word."""
    findings = [finding for check in CHECKS if (finding := check(evidence))]
    findings.sort(key=lambda finding: finding[0] != "invalid")
    return Verdict(findings[0][0] if findings else "trusted", tuple(reason for _, reason in findings))


Finding: TypeAlias = tuple[Word, str] | None


def _finite_outputs(evidence: Evidence) -> Finding:
    if not evidence.observations.non_finite:
        return None
    return "invalid", f"outputs or gradients are not finite numbers on {_share(evidence, 'non_finite')} of the images"


def _deterministic(evidence: Evidence) -> Finding:
    observations = evidence.observations
    if not observations.nondeterministic:
        return None
    share = _percent(observations.nondeterministic / observations.repeated)
    return (
        "invalid",
        f"two passes over the same images gave different outputs ({share} of them): the network is not deterministic",
    )


def _batch_dependent(evidence: Evidence) -> Finding:
    observations = evidence.observations
    if not observations.batch_dependent:
        return None
    share = _percent(observations.batch_dependent / observations.repeated)
    return (
        "invalid",
        f"the outputs for {share} of the images depend on which others are in their batch: what fools the network in "
        "one batch may not in another",
    )


def _differing_reruns(evidence: Evidence) -> Finding:
    observations = evidence.observations
    if not observations.differing_reruns:
        return None
    return (
        "invalid",
        f"{observations.differing_reruns} of {observations.reruns} passes over one image gave other outputs: "
        "the network is not deterministic",
    )


def _zero_gradient(evidence: Evidence) -> Finding:
    observations = evidence.observations
    if not observations.zero_gradient:
        return None
    text = f"the gradient is zero on {_share(evidence, 'zero_gradient')} of the images: there the attack is blind"
    return ("invalid" if observations.zero_gradient > observations.n / 2 else "suspect"), text


def _logits(evidence: Evidence) -> Finding:
    observations, outputs = evidence.observations, evidence.outputs
    distributions = bool(observations.n) and observations.distributions == observations.n
    if not outputs.squash and not distributions:
        return None
    opening = "the outputs look like probabilities, not logits" if distributions else "the outputs are no logits"
    if outputs.watched:
        return (
            "suspect",
            f"{opening}: they come out of {with_article(outputs.squash)}, and attacks climb what goes into it",
        )
    if not outputs.squash:
        return "suspect", f"{opening}: a second softmax flattens the gradient"
    if outputs.lost:
        lost = f"which {_percent(outputs.lost)} of the images have pushed to their bounds"
        return (
            "suspect",
            f"{opening}: attacks climb the inverse of {with_article(outputs.squash)} of the numbers alone, {lost}",
        )
    return "suspect", f"{opening}: attacks climb the inverse of {with_article(outputs.squash)}"


def _score_scale(evidence: Evidence) -> Finding:
    outputs = evidence.outputs
    if outputs.factor == 1:
        return None
    size = f"the first class leads the average one by {outputs.top_over_mean:.2g}"
    if outputs.factor > 1:
        text = f"the logits are so small ({size}) that cross-entropy hardly tells the classes apart"
        return "suspect", f"{text}: attacks multiply them by {outputs.factor:g}"
    text = f"the logits are so large ({size}) that the gradient of their cross-entropy vanishes"
    return "suspect", f"{text}: attacks divide them by {1 / outputs.factor:g}"


def _self_contained(evidence: Evidence) -> Finding:
    if not evidence.observations.autograd:
        return None
    return (
        "suspect",
        "the network runs autograd inside its own forward pass: an attack's gradient may not see through it",
    )


WEAKER_THAN: dict[Kind, str] = {
    "gradient-free": "{name}, which takes no gradients, fools more: {change}, so that the gradients mislead",
    "noise": "random noise of the same size fools more: {change}, so that the attack fails",
    "single-step": "a single step fools more than many: {change}, so that the gradients mislead",
    "transfer": "images made to fool another network fool more: {change}, so that the gradients mislead",
    "longer": "twice the steps still fool more: {change}, so that the attack has not converged",
    "search": "{name}, a gradient-free attack, fools images that this attack does not: {change}, so that its gradients "
    "mislead, or it is weak",
    "together": "all attacks together fool more: {change}, so that this one alone is not the worst case",
}
"""Reasons against an attack that a reference attack of each kind is stronger than."""


def _weaker_than(evidence: Evidence, kind: Kind) -> Finding:
    for reference in evidence.reference_attacks:
        less, more = reference.accuracy["value"], reference.evaluated["value"]
        ahead = more - less
        if kind == "search":
            counts = ahead > MIN_SEARCH_GAIN and round(ahead * reference.evaluated["n"]) >= 2
        else:  # a weaker attack may be ahead by a few images' luck; one without gradients should never be
            counts = ahead > MIN_GAIN + 1e-9 and (kind == "gradient-free" or reference.p < 0.05)
        if reference.kind == kind and counts:
            change = f"{_percent(less)} stay right in place of {_percent(more)}"
            return "suspect", WEAKER_THAN[kind].format(name=reference.name, change=change)
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


def _monotone(evidence: Evidence) -> Finding:
    points = sorted(evidence.points, key=lambda point: point[0])
    for i, (eps, rate) in enumerate(points):
        lowest_eps, lowest = min(points[: i + 1], key=lambda point: point[1]["value"])
        if rate["low"] > lowest["high"]:
            rise = f"from {_percent(lowest['value'])} at eps {lowest_eps:.3g} to {_percent(rate['value'])} at {eps:.3g}"
            return "suspect", f"accuracy rises {rise}: a larger eps cannot defend, so there the attack fails"
    return None


def _attack_strength(evidence: Evidence) -> Finding:
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


def _sample_size(evidence: Evidence) -> Finding:
    n = evidence.observations.n
    if n >= MIN_IMAGES:
        return None
    width = max((rate["high"] - rate["low"] for _, rate in evidence.points), default=1.0)
    points = f"{100 * width:.0f} points wide"
    return "suspect", f"only {n} image{'s' * (n != 1)}: the 95 % interval of the accuracy is up to {points}"


CHECKS: tuple[Callable[[Evidence], Finding], ...] = (
    _finite_outputs,
    _deterministic,
    _batch_dependent,
    _differing_reruns,
    _unbounded,
    _zero_gradient,
    _self_contained,
    _logits,
    _score_scale,
    *(partial(_weaker_than, kind=kind) for kind in WEAKER_THAN),
    _monotone,
    _attack_strength,
    _sample_size,
)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _share(evidence: Evidence, field: str) -> str:
    return _percent(getattr(evidence.observations, field) / evidence.observations.n)
