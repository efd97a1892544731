"""Numbers, names and settings as a reader wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ironglass.results.hardening.seeds import SeedSpread
from ironglass.results.inspection import SplitRow
from ironglass.results.numbers import Mean, Verdict

MANY_TO_ONE = 10
"""Images of the largest class to one of the smallest, from which classes are called unbalanced."""
NOT_JUDGED = "not judged"
"""In place of a verdict that is not there: such a number is never drawn as a trusted one."""


def verdict_word(verdict: Verdict | None) -> str:
    """The verdict on a number under attack as one word, or that there is none."""
    return verdict.word if verdict else NOT_JUDGED


def verdict_reasons(verdict: Verdict | None) -> tuple[str, ...]:
    """The reasons for a verdict; () where there is none."""
    return verdict.reasons if verdict else ()


def percent(share: float, digits: int = 1) -> str:
    """A share as "94.1 %", with spaces that do not break."""
    return f"{100 * share:.{digits}f}\u202f%"


def interval(rate: Mean, digits: int = 1) -> str:
    """A rate's 95 % interval as "92.4–95.5 %"."""
    return span_of(rate.low, rate.high, digits)


def span_of(low: float, high: float, digits: int = 1) -> str:
    """Two shares as "92.4–95.5 %"."""
    return f"{100 * low:.{digits}f}–{percent(high, digits)}"


def count(number: float) -> str:
    """A whole number as "11,689,512"."""
    return f"{round(number):,}"


def magnitude(number: float) -> str:
    """A large number as "11.7 million"."""
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if number >= size:
            return f"{number / size:.1f} {word}"
    return count(number)


def objective(settings_given: Any) -> str:
    """A training objective, from its entry in `recipe.json`, as "CrossEntropy, label smoothing 0.1"."""
    if not isinstance(settings_given, dict):
        return str(settings_given)
    fields = cast("dict[str, Any]", settings_given)
    clauses = [f"{name.replace('_', ' ')} {value}" for name, value in fields.items() if name != "kind"]
    return ", ".join([str(fields.get("kind", "")), *clauses]).strip(", ")


def duration(seconds: float) -> str:
    """A time as "8.2 s", "3 min 5 s" or "2 h 4 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    total_seconds = round(seconds)
    if total_seconds < 3600:
        return f"{total_seconds // 60} min {total_seconds % 60} s"
    return f"{total_seconds // 3600} h {total_seconds % 3600 // 60} min"


def eps_text(eps: float, norm: str = "linf") -> str:
    """An eps as "8/255", as "0.25" where it was given in hundredths; under other norms as it is, as "0.5 (L2)"."""
    return eps_number(eps, norm) if norm == "linf" else f"{eps_number(eps, norm)} ({norm.upper()})"


def eps_number(eps: float, norm: str = "linf") -> str:
    """The same without the norm, where that is said beside it."""
    if norm != "linf":
        return f"{eps:.4g}"
    steps = float(eps) * 255
    steps = round(steps, 2) if steps >= 1 else float(f"{steps:.3g}")
    hundredths = eps == round(eps, 2) and not steps.is_integer()
    return f"{eps:.4g}" if hundredths else f"{steps:g}/255"


def settings(values: Mapping[str, Any]) -> str:
    """An attack's settings as "steps 20, step size 0.007"; what holds settings of its own stands in brackets."""
    parts: list[str] = []
    for name, value in values.items():
        inner = (
            f"({settings(cast('dict[str, Any]', value))})"
            if isinstance(value, dict)
            else f"{value:.4g}"
            if isinstance(value, float)
            else str(value)
        )
        parts.append(f"{name.replace('_', ' ')} {inner}")
    return ", ".join(parts)


def short_labels(labels: Sequence[str]) -> list[str]:
    """Labels without what they say in brackets, unless that is what tells two of them apart."""
    short = [label.partition(" (")[0] for label in labels]
    return short if len(set(short)) == len(set(labels)) else list(labels)


def listed(names: Sequence[str]) -> str:
    """Names as "a, b and c"."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def decimal(number: float, digits: int = 2) -> str:
    """A signed number as "−0.12", with a true minus."""
    return f"{number:.{digits}f}".replace("-", "−")


def shorten(text: str, length: int) -> str:
    """The text, or its beginning and an ellipsis, in at most `length` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


def p_value(p: float) -> str:
    """A probability of a test as "= 0.03" or "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"


def over_seeds(spread: SeedSpread) -> str:
    """Mean of a share with its interval over seeds and their range, as "47.0 % (40.0 % to 54.0 % over seeds, ...)"."""
    mean = spread.mean
    between = f"{percent(mean.low)} to {percent(mean.high)} over seeds, 95\u202f%"
    return f"{percent(mean.value)} ({between}; the seeds {percent(spread.lowest)} to {percent(spread.highest)})"


def balance_words(splits: Sequence[SplitRow]) -> str:
    """A sentence on classes of very different size in any split; "" where there are none."""
    for split in splits:
        counts = split.per_class
        largest, smallest = max(counts, key=lambda name: counts[name]), min(counts, key=lambda name: counts[name])
        if counts[largest] >= MANY_TO_ONE * max(1, counts[smallest]):
            share = percent(counts[largest] / max(1, split.images))
            return (
                f"Classes are unbalanced: in {split.name}, {largest} has {count(counts[largest])} images and "
                f"{smallest} {count(counts[smallest])}; always naming {largest} is right for {share}."
            )
    return ""
