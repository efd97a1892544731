"""The values of an expression's names on one run, and the check of every threshold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ironglass.choices import listed, shown, unknown
from ironglass.eps import eps_words
from ironglass.errors import InputError
from ironglass.results.evaluation import Calibration
from ironglass.results.runs_compared import ConditionCompared, Threshold
from ironglass.studies.runs_compared.pairs import WORST, point_of, same_eps
from ironglass.studies.runs_compared.read import CLEAN, OpenedRun
from ironglass.studies.runs_compared.thresholds import Expression, Measured, number_of


def checked(
    expressions: Sequence[Expression],
    runs: Sequence[OpenedRun],
    conditions: Sequence[ConditionCompared],
    baseline: str | None,
) -> tuple[Threshold, ...]:
    """Every expression on every run but the baseline, or on every run where there is none.

    Raises InputError, naming the run, for a name that it has no value of.
    """
    date, thresholds = datetime.now(UTC).isoformat(timespec="seconds"), list[Threshold]()
    for expression in expressions:
        for run in runs:
            if run.name == baseline:
                continue
            try:
                values = {one: value_of(one, run, conditions, baseline) for one in expression.names}
            except InputError as error:
                raise InputError(f"--fail-if {shown(expression.text)}: {error}") from error
            measured = {str(one): value for one, value in values.items()}
            missed = expression.holds(values)
            thresholds.append(
                Threshold(text=expression.text, run=run.name, measured=measured, missed=missed, date=date)
            )
    return tuple(thresholds)


def value_of(
    measured: Measured, run: OpenedRun, conditions: Sequence[ConditionCompared], baseline: str | None
) -> float:
    """The value of a name on a run. Raises InputError where the run's folder has none."""
    results, where = run.results, run.run.path
    value: float | None = None
    if measured.name.endswith("_change"):
        return _change(measured, run, conditions, baseline)
    if measured.name == "accuracy" and results.evaluation:
        value = results.evaluation.accuracy.value
    elif measured.name == "robust_accuracy":
        return _robust(measured, run)
    elif measured.name == "class_accuracy" and results.evaluation:
        recalls = {row.class_: row.recall for row in results.evaluation.per_class}
        if measured.arguments[0] not in recalls:
            raise unknown("class", measured.arguments[0], recalls)
        return recalls[measured.arguments[0]]
    elif measured.name == "balanced_accuracy" and results.evaluation and results.evaluation.by_class:
        value = results.evaluation.by_class.balanced.value
    elif measured.name in ("ece", "brier") and results.evaluation and results.evaluation.calibration:
        value = _calibration(measured.name, results.evaluation.calibration, where)
    elif measured.name == "corruption_accuracy" and results.corruptions:
        value = results.corruptions.mean.value
    elif measured.name in ("parameters", "multiply_adds") and results.model:
        value = getattr(results.model, measured.name)
    elif measured.name == "training_seconds" and results.training:
        value = results.training.seconds
    if value is None:
        raise InputError(f"{where} has no {measured.name}: measure it, or leave the threshold out")
    return float(value)


def _calibration(name: str, calibration: Calibration, where: Path) -> float | None:
    """A number of the calibration. Raises InputError where an older version put another one under its name."""
    if name == "ece" and calibration.binned_gap is None:
        raise InputError(f"the ece of {where} holds what chance adds, as older versions recorded it: measure it again")
    mean = getattr(calibration, name)
    return None if mean is None else mean.value


def _robust(measured: Measured, run: OpenedRun) -> float:
    """Accuracy under an attack at an eps, as the run's own results say."""
    (name, digits), attacks, curve = measured.arguments, run.results.attacks, run.results.fgsm
    eps = number_of(digits) or 0.0
    where = run.run.path
    if attacks is None and curve is not None and name == "fgsm":
        points = {point.eps: point.accuracy.value for point in curve.points}
    elif attacks is None:
        raise InputError(f"{where} was not attacked{' by ' + name if curve else ''}: measure it by ironglass attack")
    elif name not in (names := [WORST, *(one.name for one in attacks.attacks)]):
        raise InputError(f"{where}: {unknown('attack', name, names)}")
    else:
        matches = [point_of(run, name, size) for size in attacks.eps]
        points = {point.eps: point.accuracy.value for point in matches if point is not None}
    for size, value in points.items():
        if same_eps(size, eps):
            return value
    sizes = listed(eps_words(size) for size in points)
    raise InputError(f"{where} was not attacked by {name} at eps {digits}: choose from {sizes}")


def _change(measured: Measured, run: OpenedRun, conditions: Sequence[ConditionCompared], baseline: str | None) -> float:
    """A run's accuracy less the baseline's, on the images that both were measured on."""
    if baseline is None:
        raise InputError(f"{measured.name} is a difference from a baseline, and there is none: give --baseline")
    name, eps = CLEAN, 0.0
    if measured.arguments:
        _robust(measured, run)  # refuses an attack that is not there
        name, eps = measured.arguments[0], number_of(measured.arguments[1]) or 0.0
    for one in conditions:
        if one.name == name and (same_eps(one.eps, eps) or eps == one.eps):
            for pair in one.pairs:
                if (pair.first, pair.second) == (baseline, run.name):
                    return pair.difference.value
    raise InputError(f"{run.name} and the baseline were not attacked alike by {name} at eps {measured.arguments[-1]}")
