"""Sizes of change as people write them."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BeforeValidator

from ironglass.choices import shown
from ironglass.errors import InputError


def parse_eps(value: float | str) -> float:
    """A size of change in units of [0, 1], also from "8/255". Raises InputError for what is no finite number ≥ 0."""
    try:
        above, _, below = str(value).partition("/")
        eps = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError, OverflowError):
        eps = math.nan
    if not 0 <= eps < math.inf:
        raise InputError(f"eps {shown(value)} is not a number of at least 0: write 0.03 or 8/255")
    return eps


def eps_words(eps: float) -> str:
    """An eps as people write it: "8/255" where it is a whole number of these, else "0.03"."""
    steps = round(eps * 255, 4)
    return f"{steps:g}/255" if steps.is_integer() and (steps or not eps) else f"{eps:.6g}"


Eps = Annotated[float, BeforeValidator(parse_eps)]
