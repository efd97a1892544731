"""Expressions on which a comparison fails, such as `robust_accuracy[pgd-20,8/255] < 0.40`: a parser, and no eval."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from ironglass.choices import shown, unknown
from ironglass.errors import InputError

LONGEST = 1000
NAMES: dict[str, tuple[tuple[str, ...], str]] = {
    "accuracy": ((), "on unchanged images"),
    "balanced_accuracy": ((), "mean of the classes' accuracies on unchanged images"),
    "robust_accuracy": (("ATTACK", "EPS"), "under an attack, or under every attack of the run: worst"),
    "corruption_accuracy": ((), "mean over corruptions and severities"),
    "class_accuracy": (("CLASS",), "of one class's unchanged images"),
    "accuracy_change": ((), "accuracy less the baseline's"),
    "robust_accuracy_change": (("ATTACK", "EPS"), "robust accuracy less the baseline's, on the same images"),
    "ece": ((), "expected calibration error on unchanged images, without what chance adds"),
    "brier": ((), "Brier score on unchanged images"),
    "parameters": ((), "of the network"),
    "multiply_adds": ((), "of one image"),
    "training_seconds": ((), "of the training"),
}
"""Names that an expression can hold, each with its arguments and its meaning."""
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?:\s*/\s*\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<operator><=|>=|<|>)"
    r"""|(?P<arguments>\[(?:"[^"]*"|'[^']*'|[^\[\]"'])*\]))"""
)
_ARGUMENT = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^,"']*?))\s*(?:,|$)""")
_EXAMPLE = "write NAME OPERATOR NUMBER, for instance robust_accuracy[pgd-20,8/255] < 0.40"


@dataclass(frozen=True)
class Measured:
    """A name of an expression. arguments: as they were given, without quotation marks."""

    name: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name + (f"[{','.join(self.arguments)}]" if self.arguments else "")


@dataclass(frozen=True)
class Bound:
    """One comparison of a name with a number. operator: a key of COMPARE."""

    measured: Measured
    operator: str
    number: float


@dataclass(frozen=True)
class Expression:
    """A condition: it holds where all bounds of any of its `alternatives` hold. text: as it was given."""

    text: str
    alternatives: tuple[tuple[Bound, ...], ...]

    @property
    def names(self) -> list[Measured]:
        """Every name of the expression, once."""
        return list(dict.fromkeys(bound.measured for bounds in self.alternatives for bound in bounds))

    def holds(self, values: dict[Measured, float]) -> bool:
        """True where the condition holds of these values, one a name."""
        return any(
            all(COMPARE[bound.operator](values[bound.measured], bound.number) for bound in bounds)
            for bounds in self.alternatives
        )


def parse(text: str) -> Expression:
    """The expression in a text: comparisons joined by `and` and `or`, of which `and` binds closer.

    Raises InputError, in one line with the text, for what is no expression, and for names that there are not.
    """
    tokens, position = _tokens(text), 0
    alternatives: list[list[Bound]] = [[]]
    while True:
        bound, position = _bound(text, tokens, position)
        alternatives[-1].append(bound)
        if position == len(tokens):
            return Expression(text.strip(), tuple(map(tuple, alternatives)))
        kind, word = tokens[position]
        if kind != "name" or word not in ("and", "or"):
            raise _wrong(text, f"after a comparison stands {word!r}, not `and` or `or`")
        if word == "or":
            alternatives.append([])
        position += 1


def _tokens(text: str) -> list[tuple[str, str]]:
    if len(text) > LONGEST:
        raise InputError(f"--fail-if: an expression has {len(text):,} characters, more than {LONGEST:,}: shorten it")
    tokens, position, end = list[tuple[str, str]](), 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _wrong(text, f"{text[position:].strip()[:20]!r} is neither a name, an operator nor a number")
        tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
        position = match.end()
    return tokens


def _bound(text: str, tokens: list[tuple[str, str]], position: int) -> tuple[Bound, int]:
    """The comparison that begins with a token, and the token after it."""
    name, position = _expect(text, tokens, position, "name", "a name")
    if name not in NAMES:
        meant = unknown("measured name", name, NAMES)
        raise InputError(f"--fail-if {shown(text)}: {meant}")
    arguments: tuple[str, ...] = ()
    if position < len(tokens) and tokens[position][0] == "arguments":
        arguments = _arguments(text, tokens[position][1][1:-1])
        position += 1
    parameters = NAMES[name][0]
    if len(arguments) != len(parameters):
        form = f"{name}[{','.join(parameters)}]" if parameters else f"{name}, without arguments"
        raise _wrong(text, f"{name} has {len(arguments)} arguments: write {form}")
    if "EPS" in parameters:
        _number(text, arguments[len(parameters) - 1])
    operator, position = _expect(text, tokens, position, "operator", "one of < <= > >=")
    number, position = _expect(text, tokens, position, "number", "a number")
    return Bound(Measured(name, arguments), operator, _number(text, number)), position


def _expect(text: str, tokens: list[tuple[str, str]], position: int, kind: str, description: str) -> tuple[str, int]:
    if position >= len(tokens):
        raise _wrong(text, f"it ends where {description} should stand")
    if tokens[position][0] != kind:
        raise _wrong(text, f"{tokens[position][1]!r} stands where {description} should")
    return tokens[position][1], position + 1


def _arguments(text: str, inside: str) -> tuple[str, ...]:
    arguments, position = list[str](), 0
    while position < len(inside):
        match = _ARGUMENT.match(inside, position)
        if match is None:
            raise _wrong(text, f"{inside!r} are no arguments: put what holds a comma in quotation marks")
        arguments.append(next(group for group in match.groups() if group is not None))
        position = match.end()
    return tuple(arguments)


def number_of(text: str) -> float | None:
    """The number that a text is, "0.03" or "8/255"; None for what is none, or not finite."""
    above, slash, below = (part.strip() for part in text.partition("/"))
    try:
        value = float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) else None


def _number(text: str, digits: str) -> float:
    value = number_of(digits)
    if value is None:
        raise _wrong(text, f"{digits!r} is no number, such as 0.4 or 8/255")
    return value


def _wrong(text: str, reason: str) -> InputError:
    return InputError(f"--fail-if {shown(text)}: {reason}; {_EXAMPLE}")
