"""The support that a number of images gives to what a section says."""

from __future__ import annotations

from ironglass.report.kit.words import count, percent
from ironglass.results.numbers import Mean

_Z = 1.96
LEAST_IMAGES = 30
"""Images below which a share is hardly known."""


def support_words(rate: Mean | None, n: int | None = None) -> str:
    """A sentence on how well a share of so many images is known; "" where there are none.

    rate: the section's main number. n: images where there is no such number: a share of a half is then spoken of.
    """
    images = rate.n if rate else n or 0
    if not images:
        return ""
    half = 100 * ((rate.high - rate.low) / 2 if rate else _Z * (0.25 / images) ** 0.5)
    of = f"the {percent(rate.value)} measured" if rate else "a share"
    text = (
        f"How far {count(images)} image{'s carry' if images > 1 else ' carries'} this: {of} is known to about "
        f"± {half:.1f} points (95\u202f%), and a network measured on other images differs for sure only by more than "
        f"about {2**0.5 * half:.1f}."
    )
    return f"{text} So few images say little." if images < LEAST_IMAGES else text
