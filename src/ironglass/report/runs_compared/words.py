"""Sentences on runs compared."""

from __future__ import annotations

from ironglass.report.kit.constant import constant_words
from ironglass.report.kit.words import decimal, eps_text, listed, p_value, percent
from ironglass.results.numbers import Mean
from ironglass.results.runs_compared import CalibrationPair, ConditionCompared, RunPair, RunsCompared, Threshold

NAMED = 4
"""Runs that a sentence names, at most."""
MAX_CONDITIONS = 6
"""Conditions that a table of the terminal or of a pull request shows; of more, clean and worst cases alone."""


def condition_words(one: ConditionCompared) -> str:
    """A condition as "clean", "pgd-20, eps 8/255" or "worst case, eps 8/255"."""
    if one.norm is None:
        return "clean"
    name = "worst case" if one.name == "worst" else one.name
    return f"{name}, eps {eps_text(one.eps, one.norm)}"


def shown_conditions(compared: RunsCompared) -> tuple[ConditionCompared, ...]:
    """All conditions, or where they are many, unchanged images and the worst cases."""
    rows = compared.conditions
    if len(rows) <= MAX_CONDITIONS:
        return rows
    worst = tuple(one for one in rows if one.name == "worst")
    return (rows[0], *(worst or rows[1:MAX_CONDITIONS]))


def outcome(pair: RunPair) -> str:
    """The outcome of a pair's test: the run that is better, or that none is shown to be."""
    if not pair.stands:
        return "may be as good"
    return f"{pair.second if pair.difference.value > 0 else pair.first} better"


def signed(value: float, digits: int = 1) -> str:
    """A difference in points as "+1.2" or "−0.3"."""
    return f"{'+' if value > 0 else ''}{decimal(100 * value, digits)}"


def difference_words(pair: RunPair) -> str:
    """A pair's difference with its interval, in points: "+1.2 (−0.3 to +2.7)"."""
    return f"{signed(pair.difference.value)} ({signed(pair.difference.low)} to {signed(pair.difference.high)})"


def mean_words(mean: Mean | None, digits: int = 3) -> str:
    """A mean with its interval, as "0.041 (0.020 to 0.062)"; "–" where there is none."""
    if mean is None:
        return "–"
    values = (decimal(number, digits) for number in (mean.value, mean.low, mean.high))
    return "{} ({} to {})".format(*values)


def signed_mean(mean: Mean | None, digits: int = 3) -> str:
    """A difference with its interval, as "+0.041 (−0.002 to +0.062)"; "–" where there is none."""
    if mean is None:
        return "–"
    values = (f"{'+' if number > 0 else ''}{decimal(number, digits)}" for number in (mean.value, mean.low, mean.high))
    return "{} ({} to {})".format(*values)


def pair_words(pair: RunPair | CalibrationPair) -> str:
    """A pair as "B less A"."""
    return f"{pair.second} less {pair.first}"


def counts_words(pair: RunPair) -> str:
    """The images that only one of the two has right, the second's first: "14 to 2"."""
    return f"{pair.test.only_second:,} to {pair.test.only_first:,}"


def threshold_words(one: Threshold) -> str:
    """A threshold's outcome: "by B: fails if accuracy < 0.9 (accuracy = 0.85)"."""
    values = ", ".join(f"{name} = {value:.6g}" for name, value in one.measured.items())
    return f"by {one.run}: fails if {one.text} ({values})"


def compared_words(compared: RunsCompared) -> list[str]:
    """The outcome of the comparison: on unchanged images, under the strongest common attack, and how it was tested."""
    if len(compared.runs) < 2:
        return []
    sentences = [_condition_sentence(compared.conditions[0])]
    if attacked := strongest(compared):
        sentences.append(_condition_sentence(attacked))
    if compared.tests > 1:
        sentences.append(
            f"All {compared.tests} tests of this comparison are read together (Holm): the chance that any pair that is "
            f"equally good is called different is at most {percent(compared.level, 0)}."
        )
    return sentences


def strongest(compared: RunsCompared) -> ConditionCompared | None:
    """The worst case at the largest eps that runs share, else an attack there; None where none was attacked alike."""
    attacked = [one for one in compared.conditions if one.norm is not None and one.pairs]
    worst = [one for one in attacked if one.name == "worst"] or attacked
    return max(worst, key=lambda one: one.eps) if worst else None


def _condition_sentence(one: ConditionCompared) -> str:
    where = "On unchanged images" if one.norm is None else f"Under {condition_words(one)},"
    where = f"{where} ({one.n:,})" if one.norm is None else f"{where} on {one.n:,} images"
    sure = [pair for pair in one.pairs if pair.stands]
    if len(one.pairs) == 1:
        pair = one.pairs[0]
        first, second = (percent(one.rates[name].value) for name in (pair.first, pair.second))
        text = f"{where} {pair.second} is right for {second}, {pair.first} for {first}: {difference_words(pair)} points"
        p = f"p {p_value(pair.test.p)}".replace(" ", "\u00a0")
        return f"{text}, {p}. " + (
            f"{outcome(pair).removesuffix(' better')} is better." if sure else "Either may be as good as the other."
        )
    best = max(one.rates, key=lambda name: one.rates[name].value)
    text = f"{where} {best} has the highest accuracy, {percent(one.rates[best].value)}"
    return f"{text}; {_rivals(one, best)} Of {len(one.pairs)} pairs {len(sure)} differ by more than chance explains."


def _rivals(one: ConditionCompared, best: str) -> str:
    """The runs that may be as good as the one of highest accuracy, as the end of a sentence."""
    pairs = {pair.first if pair.second == best else pair.second: pair for pair in one.pairs
             if best in (pair.first, pair.second)}  # fmt: skip
    undecided = [name for name, pair in pairs.items() if not pair.stands]
    untested = len(one.rates) - 1 - len(pairs)
    if undecided:
        names = listed(undecided) if len(undecided) <= NAMED else f"{len(undecided)} others"
        text = f"{names} may be as good"
    else:
        text = f"it is better than {listed(list(pairs))}" if len(pairs) <= NAMED else "it is better than all others"
    return f"{text}, and {untested} of the others were not tested against it." if untested else f"{text}."


def constant_cautions(compared: RunsCompared) -> list[str]:
    """A sentence a run whose network answers without regard to the image."""
    return [constant_words(run.accuracy, run.naming, f"The network of {run.name}") for run in compared.runs]
