"""Runs in pairs: every condition that two or more of them were measured under, tested on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from ironglass.measure.statistics import counted_rate, holm, mcnemar, paired_difference
from ironglass.results.attack import AttackPoint, WorstPoint
from ironglass.results.codec import to_dict
from ironglass.results.numbers import McNemar, Mean, Norm, Rate, Verdict
from ironglass.results.runs_compared import ClassCompared, ConditionCompared, ImagesChanged, RunPair
from ironglass.studies.runs_compared.read import CLEAN, Answers, OpenedRun

LEVEL = 0.05
WORST = "worst"
NAMED = 1000
"""Images gained or lost that results.json names, at most; per_image/compared.parquet has them all."""


@dataclass(frozen=True)
class Condition:
    """One condition and the answers of the runs that share it, on the same images in the same order."""

    name: str
    label: str
    norm: Norm | None
    eps: float
    answers: dict[str, Answers]
    verdicts: dict[str, Verdict | None]


def conditions_of(runs: Sequence[OpenedRun]) -> tuple[list[Condition], list[str]]:
    """Unchanged images, each common attack at each common eps, and the worst case of these; and what was left out."""
    first = runs[0].clean
    ordered = {run.name: same for run in runs if (same := run.clean.ordered_as(first)) is not None}
    conditions, remarks = [Condition(CLEAN, "unchanged images", None, 0.0, ordered, {})], list[str]()
    attacks = dict.fromkeys(key for run in runs for key in run.attacked)
    for name, eps in attacks:
        having = [run for run in runs if (name, eps) in run.attacked]
        if len(having) < 2 and len(runs) > 1:
            continue
        condition, left_out = _attacked(name, eps, having)
        remarks += left_out
        if len(condition.answers) > 1 or len(runs) == 1:
            conditions.append(condition)
    remarks += _alone(runs, conditions)
    return [*conditions, *_worst_cases(conditions, runs)], list(dict.fromkeys(remarks))


def _attacked(name: str, eps: float, runs: Sequence[OpenedRun]) -> tuple[Condition, list[str]]:
    """The condition with those runs that attacked the same images in the same way as the first; why not the others."""
    first, remarks = runs[0], list[str]()
    base = first.attacked[name, eps]
    condition = Condition(name, label_of(first, name), norm_of(first), eps, {first.name: base}, {})
    condition.verdicts[first.name] = verdict_of(first, name, eps)
    for run in runs[1:]:
        same = run.attacked[name, eps].ordered_as(base)
        if norm_of(run) != norm_of(first) or settings_of(run, name) != settings_of(first, name):
            remarks.append(f"{name} had other settings in {run.name} than in {first.name}: not compared.")
        elif same is None:
            remarks.append(f"{name} attacked other images in {run.name} than in {first.name}: not compared.")
        else:
            condition.answers[run.name] = same
            condition.verdicts[run.name] = verdict_of(run, name, eps)
    return condition, remarks


def _alone(runs: Sequence[OpenedRun], conditions: Sequence[Condition]) -> list[str]:
    """A sentence a run on the attacks that it alone went through."""
    compared = {(one.name, one.eps) for one in conditions}
    remarks = list[str]()
    for run in runs if len(runs) > 1 else ():
        others = {key for other in runs if other is not run for key in other.attacked}
        if unshared := [key for key in run.attacked if key not in others and key not in compared]:
            attacks = ", ".join(f"{name} at eps {eps:.4g}" for name, eps in unshared[:6])
            more = f" and {len(unshared) - 6} more" if len(unshared) > 6 else ""
            remarks.append(f"{run.name} alone was attacked by {attacks}{more}: not compared.")
    return remarks


def _worst_cases(conditions: Sequence[Condition], runs: Sequence[OpenedRun]) -> list[Condition]:
    """At each eps, images that are right under every attack that all these runs went through on the same images."""
    worst = list[Condition]()
    for eps in dict.fromkeys(one.eps for one in conditions if one.eps):
        parts = [one for one in conditions if one.eps == eps]
        shared = [one for one in parts if list(one.answers) == list(parts[0].answers)]
        first = next(iter(parts[0].answers.values()))
        shared = [one for one in shared if next(iter(one.answers.values())).ordered_as(first) is not None]
        if len(shared) < 2:
            continue
        answers = dict[str, Answers]()
        for name, base in shared[0].answers.items():
            same = [there for one in shared if (there := one.answers[name].ordered_as(base)) is not None]
            answers[name] = replace(base, right=np.logical_and.reduce([one.right for one in same]))
        label = f"right under each of {', '.join(one.name for one in shared)}"
        names = {one.name for one in shared}
        verdicts = {run.name: verdict_of(run, WORST, eps, names) for run in runs if run.name in answers}
        worst.append(Condition(WORST, label, shared[0].norm, eps, answers, verdicts))
    return worst


def label_of(run: OpenedRun, name: str) -> str:
    """The attack's name for people."""
    attacks = run.results.attacks
    return next((one.label for one in attacks.attacks if one.name == name), name) if attacks else name


def norm_of(run: OpenedRun) -> Norm:
    """The norm of the run's attacks."""
    return run.results.attacks.norm if run.results.attacks else "linf"


def settings_of(run: OpenedRun, name: str) -> dict[str, Any] | None:
    """The attack's settings; {} of the curve of FGSM, which has none, and None where they are not recorded."""
    attacks = run.results.attacks
    if attacks is None:
        return {}
    return next((dict(one.settings) for one in attacks.attacks if one.name == name), None)


def point_of(run: OpenedRun, name: str, eps: float) -> AttackPoint | WorstPoint | None:
    """The results' entry of an attack, or of the worst case, at an eps; None where there is none."""
    attacks = run.results.attacks
    if attacks is None:
        return None
    points = [point for one in attacks.attacks if one.name == name for point in one.points]
    return next((point for point in (attacks.worst if name == WORST else points) if same_eps(point.eps, eps)), None)


def verdict_of(run: OpenedRun, name: str, eps: float, names: set[str] | None = None) -> Verdict | None:
    """The verdict on a number under attack; None where it was not judged. names: attacks whose worst case it is, which
    has a verdict where the run's own worst case is of the same attacks."""
    attacks = run.results.attacks
    if attacks is None:
        curve = run.results.fgsm
        return curve.verdict if curve and name == "fgsm" else None
    if names is not None and names != {one.name for one in attacks.attacks}:
        return None
    point = point_of(run, name, eps)
    return point.verdict if point else None


def same_eps(one: float, other: float) -> bool:
    """True where two eps are the same but for how they were written."""
    return abs(one - other) <= 1e-6 * max(one, other)


def compared(conditions: Sequence[Condition], baseline: str | None) -> tuple[ConditionCompared, ...]:
    """Every condition with its rates and tested pairs. Holm reads the tests of all conditions together."""
    pairs = [(one, first, second) for one in conditions for first, second in paired(list(one.answers), baseline)]
    tests = [mcnemar(one.answers[first].right, one.answers[second].right) for one, first, second in pairs]
    stands = holm([test["p"] for test in tests], LEVEL)
    tested: dict[int, list[RunPair]] = {id(one): [] for one in conditions}
    for (one, first, second), test, significant in zip(pairs, tests, stands, strict=True):
        difference = Mean(**paired_difference(one.answers[first].right, one.answers[second].right))
        pair = RunPair(first=first, second=second, difference=difference, test=McNemar(**test), stands=significant)
        tested[id(one)].append(pair)
    return tuple(
        ConditionCompared(
            name=one.name,
            label=one.label,
            norm=one.norm,
            eps=one.eps,
            n=len(next(iter(one.answers.values())).right),
            rates={name: rate_of(answers.right) for name, answers in one.answers.items()},
            verdicts=one.verdicts,
            pairs=tuple(tested[id(one)]),
        )
        for one in conditions
    )


def paired(names: Sequence[str], baseline: str | None) -> list[tuple[str, str]]:
    """The pairs to compare: the baseline and each other, or all."""
    if baseline is None:
        return list(combinations(names, 2))
    return [(baseline, name) for name in names if name != baseline] if baseline in names else []


def rate_of(right: np.ndarray) -> Rate:
    """The share that is right, with its interval."""
    return Rate(**counted_rate(int(right.sum()), len(right)))


def classes_of(clean: Condition, order: Sequence[str]) -> tuple[ClassCompared, ...]:
    """The share of each class's unchanged images that each run names right; classes without images are left out."""
    labels = next(iter(clean.answers.values())).labels
    there = set(labels.tolist())
    return tuple(
        ClassCompared(
            class_=name, rates={run: rate_of(one.right[labels == name]) for run, one in clean.answers.items()}
        )
        for name in order
        if name in there
    )


def images_of(clean: Condition, baseline: str | None) -> tuple[ImagesChanged, ...]:
    """Each pair's images that only one of the two has right."""
    changes = list[ImagesChanged]()
    for first, second in paired(list(clean.answers), baseline):
        one, other = clean.answers[first], clean.answers[second]
        gained, lost = other.right & ~one.right, one.right & ~other.right
        names = [tuple(one.names[mask].tolist()[:NAMED]) for mask in (gained, lost)]
        changes.append(ImagesChanged(first=first, second=second, gained=names[0], lost=names[1]))
    return tuple(changes)


def as_section(value: Any) -> dict[str, Any]:
    """A result as `results.json` holds it."""
    return to_dict(value)
