"""Names to choose from: the near ones of a name that is none of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from ironglass.errors import InputError

ALIKE = 0.7
"""Share of two spellings that must agree for one to be offered for the other."""
OFFERED = 3
LISTED = 40
"""Choices that one line lists, at most."""


def nearest(name: object, choices: Iterable[str]) -> list[str]:
    """The choices that were perhaps meant, best first, at most three.

    Case, spaces, hyphens and underscores do not count; of a choice with a prefix, as "timm/resnet18", the part after it
    is compared, too.
    """
    known, plain = list(dict.fromkeys(choices)), _plain(str(name)[:100])
    if not plain:
        return []
    same = [choice for choice in known if plain in (_plain(choice), _plain(choice.rpartition("/")[2]))]
    if same:
        return same[:OFFERED]
    spelt: dict[str, str] = {}
    for choice in known:
        spelt.setdefault(_plain(choice), choice)
    if near := difflib.get_close_matches(plain, list(spelt), n=OFFERED, cutoff=ALIKE):
        return [spelt[text] for text in near]
    parts = [text for text in spelt if len(plain) > 2 and plain in text]
    return [spelt[text] for text in sorted(parts, key=len)[:OFFERED]]


def did_you_mean(name: object, choices: Iterable[str]) -> str:
    """ " (did you mean pgd-20?)", or "" where nothing is near."""
    near = nearest(name, choices)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def listed(choices: Iterable[str]) -> str:
    """The choices with commas between; of very many the first, and how many there are."""
    known = list(choices)
    more = f", ... ({len(known)} in all)" if len(known) > LISTED else ""
    return ", ".join(known[:LISTED]) + more


def unknown(
    what: str, name: object, choices: Iterable[str], *, named: Iterable[str] | None = None, more: str = ""
) -> InputError:
    """The error for a name that is no choice: "there is no attack 'pgd20' (did you mean pgd-20?): choose from ..."

    what: what the choices are, in the singular. named: which of them are listed; None for all. more: what else can be
    given, after the list.
    """
    known = list(choices)
    where = listed(known if named is None else named)
    return InputError(f"there is no {what} {shown(name)}{did_you_mean(name, known)}: choose from {where}{more}")


def shown(value: object, length: int = 80) -> str:
    """A value as a message holds it: its repr, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # a whole number beyond the digits that Python writes out
        text = "a number of thousands of digits"
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text.casefold())
