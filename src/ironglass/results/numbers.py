"""Numbers with their uncertainty and their verdict: what every section is made of."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from ironglass.results.codec import result

EDGE = 1e-6
"""By which a bound may be exceeded, since intervals are rounded."""

Count: TypeAlias = Annotated[int, Field(ge=0, le=10**15)]
Share: TypeAlias = Annotated[float, Field(ge=-EDGE, le=1 + EDGE)]
Amount: TypeAlias = Annotated[float, Field(ge=0, le=1e15)]
Norm: TypeAlias = Literal["linf", "l2", "l1"]
Side: TypeAlias = Literal["before", "after"]
Setting: TypeAlias = bool | int | float | str | None


@result
class Mean:
    """A mean of one number an image, with its 95 % interval by Student's t.

    value: the mean, in the unit of the numbers.
    low: the interval's lower end.
    high: the interval's upper end.
    n: how many numbers, at least 1.
    """

    value: float
    low: float
    high: float
    n: Count

    @model_validator(mode="after")
    def _ordered(self) -> Mean:
        if not self.low - EDGE <= self.value <= self.high + EDGE:
            raise ValueError("the value does not lie within its interval")
        return self


@result
class Rate(Mean):
    """A share of n images, with its 95 % interval: Wilson's, widened to hold Clopper and Pearson's where
    fewer than 8 of them count, or do not.

    value: from 0 to 1.
    low: the interval's lower end, from 0 to 1.
    high: the interval's upper end, from 0 to 1.
    n: how many images; 0 where there was none to judge, and the interval is then 0 to 1.
    """

    value: Share
    low: Share
    high: Share


@result
class McNemar:
    """McNemar's exact test on the same images under two conditions.

    only_first: images that are right in the first condition alone.
    only_second: images that are right in the second condition alone.
    p: exact two-sided p-value, from 0 to 1.
    """

    only_first: Count
    only_second: Count
    p: Share


@result
class Verdict:
    """Verdict on how far a robustness number can be trusted.

    word: "trusted", "suspect" (may be better than the truth) or "invalid" (says nothing of robustness).
    reasons: a sentence each; [] where it is trusted.
    """

    word: Literal["trusted", "suspect", "invalid"]
    reasons: tuple[str, ...]
