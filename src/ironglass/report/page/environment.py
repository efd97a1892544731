"""The templates' environment: filters, and no blank for what is not there."""

# jinja2 does not say what its filters are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ironglass.report.kit import words
from ironglass.report.page.registry import SECTIONS


def environment() -> Environment:
    """Every section's filters and those of the kit; a template that prints what is not there is an error."""
    common = (
        words.percent, words.interval, words.count, words.magnitude, words.decimal, words.duration, words.eps_text,
        words.objective, words.settings, words.shorten,
    )  # fmt: skip
    return _with_filters((*common, *(function for section in SECTIONS for function in section.filters)))


@cache  # the templates of a page take longer to compile than to fill in
def _with_filters(filters: tuple[Callable[..., Any], ...]) -> Environment:
    jinja_environment = Environment(
        loader=PackageLoader("ironglass.report", ""),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja_environment.filters |= {function.__name__: function for function in filters}
    return jinja_environment
