"""A sweep in words: what a trial is called, and which one to take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

from ironglass.report.kit.words import count, eps_text, interval, listed, objective, percent, verdict_word
from ironglass.results.numbers import Rate
from ironglass.results.sweep import Axis, Criterion, Setting, Spread, Sweep
from ironglass.results.trial import DivergedRow, FailedRow, MeasuredRow, TrialRow

NAMED = 4
"""Trials that a sentence names; of more it counts them."""


class Valued(Protocol):
    """A trial's values, in the order of the axes."""

    @property
    def values(self) -> tuple[Any, ...]:
        """A value an axis."""
        ...


def value_words(value: Any, axis: Axis | None = None) -> str:
    """A varied value, from its entry in the results, as "0.01", "timm/resnet18" or "NFGSM, eps 0.1".

    axis: whose value it is; by its names "N-FGSM 4/255".
    """
    if axis is not None and axis.names and value in axis.values:
        return axis.names[axis.values.index(value)]
    if isinstance(value, dict):
        return objective(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(value_words, cast("Sequence[Any]", value))) or "none"
    return f"{value:g}" if type(value) is float else str(value)


def trial_words(row: Valued, measured: Sweep) -> str:
    """A trial's values in a sentence, as "timm/resnet18", or of several axes "learning rate 0.1 and batch size 32"."""
    values = [value_words(value, axis) for value, axis in zip(row.values, measured.axes, strict=True)]
    if len(values) == 1:
        return values[0]
    return listed([f"{axis.label} {value}" for axis, value in zip(measured.axes, values, strict=True)])


def trial_label(row: Valued, measured: Sweep) -> str:
    """A trial's values as a short name: "N-FGSM 4/255", or numbers with their axis, "seed 0, learning rate 0.1"."""
    parts: list[str] = []
    for axis, value in zip(measured.axes, row.values, strict=True):
        words = value_words(value, axis)
        parts.append(f"{axis.label} {words}" if isinstance(value, int | float) else words)
    return ", ".join(parts)


def trial_values(row: Valued, measured: Sweep) -> str:
    """The same in a table, in the order of the axes, as "0.1 · 32"."""
    values = [value_words(value, axis) for value, axis in zip(row.values, measured.axes, strict=True)]
    return " · ".join(value.removeprefix("timm/") for value in values)


def measured_rows(measured: Sweep) -> dict[str, MeasuredRow]:
    """The rows of the trials that came to a number, by name."""
    return {row.name: row for row in measured.rows if isinstance(row, MeasuredRow)}


def recommended_row(measured: Sweep) -> MeasuredRow | None:
    """The row of the recommended trial; None where no trial was measured."""
    return measured_rows(measured)[measured.recommended.trial] if measured.recommended else None


def sweep_words(measured: Sweep) -> str:
    """The recommended trial, its rivals, and its accuracy on images that did not choose it."""
    rows, best = measured.rows, recommended_row(measured)
    if best is None:
        return f"None of {count(len(rows))} trials came to a number: see why below."
    axes = listed([axis.label for axis in measured.axes])
    several = len(measured.axes) > 1
    text = f"{count(len(rows))} trials varied {axes}. "
    if [axis.field for axis in measured.axes] == ["seed"]:
        text += "They are one setting, trained anew by other draws, and there is nothing to choose between. Of them, "
        text += f"seed {trial_words(best, measured)} "
    else:
        text += f"Take {'' if several else axes + ' '}{trial_words(best, measured)}: it "
    text += f"{merit_words(best, measured)}. {seed_words(measured)}{alike_words(measured)}"
    if measured.split != "validation":
        text += (
            f" Being the best of several flatters that number; on {count(best.measured.n)} {measured.split} images, "
            f"which had no say, it is {percent(best.measured.value)} ({interval(best.measured)})."
        )
    if robust := best.robust:
        word = verdict_word(robust.verdict)
        doubt = "" if word == "trusted" else f" ({word}: see its verdict)"
        text += (
            f" Under attack {percent(robust.accuracy.value)} of {count(robust.accuracy.n)} images stay right{doubt}."
        )
    return text + range_limit_note(measured) + _lost(rows)


def chosen_by(measured: Sweep) -> Criterion:
    """The criterion that trials are chosen by: accuracy on validation images, or the same under attack."""
    return measured.recommended.criterion if measured.recommended else "validation"


def chosen_rate(row: MeasuredRow, measured: Sweep) -> Rate:
    """The rate that trials are chosen by."""
    robust = row.robust_validation if chosen_by(measured) != "validation" else None
    return robust or row.validation


def merit_words(best: MeasuredRow, measured: Sweep) -> str:
    """The rate that the recommended trial was chosen for, as "names 90 % of 100 validation images right (...)"."""
    rate, clean = chosen_rate(best, measured), best.validation
    if chosen_by(measured) == "validation":
        criterion = f"names {percent(rate.value)} of {count(rate.n)} validation images right"
        return f"{criterion} (95\u202f% interval {interval(rate)})"
    at = f" at eps {eps_text(measured.attacks.eps, measured.attacks.norm)}" if measured.attacks else ""
    return (
        f"keeps {percent(rate.value)} of {count(rate.n)} validation images right under attack{at} "
        f"(95\u202f% interval {interval(rate)}), which is what it was chosen by{_front_words(measured)}; unchanged, "
        f"{percent(clean.value)}"
    )


def _front_words(measured: Sweep) -> str:
    """A clause on the trials that none beats both unchanged and under attack; "" where these did not choose."""
    recommended = measured.recommended
    if recommended is None or recommended.front is None:
        return ""
    rows = measured_rows(measured)
    names = [trial_words(rows[name], measured) for name in recommended.front if name != recommended.trial]
    if not names:
        return " together with unchanged images, and no other is as good in either"
    several = len(measured.axes) > 1
    return (
        f" together with unchanged images: no trial beats it, nor {'; '.join(names) if several else listed(names)}, in "
        "both, and its two accuracies add up to most"
    )


def seed_words(measured: Sweep) -> str:
    """Spread of the trainings of the recommended setting; "" where it was trained once."""
    recommended = measured.recommended
    setting = next((one for one in measured.settings if recommended and recommended.trial in one.trials), None)
    if setting is None:
        return ""
    key = chosen_by(measured)
    robust = setting.robust_validation if key != "validation" else None
    part, n = robust or setting.validation, len(setting.trials)
    criterion = "validation accuracy" if key == "validation" else "validation accuracy under attack"
    return (
        f"By {n} seeds this setting comes to a {criterion} of {percent(part.mean.value)} on average, from "
        f"{percent(part.lowest)} to {percent(part.highest)}: so much is the draw alone. "
        f"{_seeds_measured(measured, setting)}"
    )


def _seeds_measured(measured: Sweep, setting: Setting) -> str:
    """A sentence on the spread of a setting's seeds on the images that had no say."""
    parts = [f"{where} {_spread_words(part)}" for where, part in (
        (f"on {measured.split} images", setting.measured), ("under attack", setting.robust)
    ) if part]  # fmt: skip
    if not parts or measured.split == "validation":
        return ""
    return f"Over seeds {listed(parts)} on average (95\u202f% intervals over {len(setting.trials)} seeds). "


def _spread_words(part: Spread) -> str:
    return f"{percent(part.mean.value)} ({interval(part.mean)})"


def alike_words(measured: Sweep) -> str:
    """The trials that may be as good as the recommended one."""
    recommended = measured.recommended
    if recommended is None:
        return ""
    others = len(recommended.tests)
    if not others:
        if recommended.same:
            return "No other setting was tried."
        return "There is no other trial to compare it with."
    rows = measured_rows(measured)
    similar = [trial_words(rows[name], measured) for name in recommended.alike]
    if not similar:
        return f"{'The other is' if others == 1 else f'All {others} others are'} worse, by more than chance explains."
    if len(similar) > NAMED:
        counted = f"{len(similar)} of the {others} others"
        return f"These images cannot tell it from {counted}, perhaps as good (see the table)."
    may = "which may be as good" if len(similar) > 1 else "which may be just as good"
    trials = "; ".join(similar) if len(measured.axes) > 1 else listed(similar)
    return f"These images cannot tell it from {trials}, {may}."


def range_limit_note(measured: Sweep) -> str:
    """A note where every good trial lies at one end of the values that were tried: the best may lie beyond it."""
    recommended, rows, text = measured.recommended, measured_rows(measured), ""
    good = [rows[name].values for name in (recommended.trial, *recommended.alike)] if recommended else []
    for index, axis in enumerate(measured.axes):
        if axis.field == "seed":
            continue
        values, distinct_values = axis.values, {str(row[index]) for row in good}
        if len(values) < 3 or any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
            continue
        for end, beyond in ((min(values), "lower"), (max(values), "higher")):
            if distinct_values == {str(end)}:
                text += f" {end:g} is the {beyond[:-2]}est {axis.label} that was tried: a {beyond} one may be better."
    return text


def _lost(rows: Sequence[TrialRow]) -> str:
    kinds = ((DivergedRow, "diverged"), (FailedRow, "failed"))
    counts = [(sum(isinstance(row, kind) for row in rows), key) for kind, key in kinds]
    clauses = [f"{'one trial' if n == 1 else f'{n} trials'} {key}" for n, key in counts if n]
    return f" {listed(clauses).capitalize()}." if clauses else ""
