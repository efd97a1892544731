"""Suggestions for a misspelt choice, and the error that lists the choices."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from ironglass.errors import InputError

MIN_SIMILARITY = 0.7
"""Minimum similarity (difflib's ratio) of a suggestion."""
MAX_SUGGESTIONS = 3
MAX_LISTED = 40
"""Maximum number of choices in one message."""


def nearest(name: object, choices: Iterable[str]) -> list[str]:
    """The choices most similar to a name, best first, at most three.

    Case, spaces, hyphens and underscores are ignored; of a choice with a prefix, such as "timm/resnet18", the part
    after it is compared, too.
    """
    candidates, normalised = list(dict.fromkeys(choices)), _normalise(str(name)[:100])
    if not normalised:
        return []
    exact = [
        choice for choice in candidates if normalised in (_normalise(choice), _normalise(choice.rpartition("/")[2]))
    ]
    if exact:
        return exact[:MAX_SUGGESTIONS]
    by_normalised: dict[str, str] = {}
    for choice in candidates:
        by_normalised.setdefault(_normalise(choice), choice)
    if similar := difflib.get_close_matches(normalised, list(by_normalised), n=MAX_SUGGESTIONS, cutoff=MIN_SIMILARITY):
        return [by_normalised[text] for text in similar]
    containing = [text for text in by_normalised if len(normalised) > 2 and normalised in text]
    return [by_normalised[text] for text in sorted(containing, key=len)[:MAX_SUGGESTIONS]]


def did_you_mean(name: object, choices: Iterable[str]) -> str:
    """ " (did you mean pgd-20?)", or "" where nothing is similar."""
    suggestions = nearest(name, choices)
    return f" (did you mean {' or '.join(suggestions)}?)" if suggestions else ""


def listed(choices: Iterable[str]) -> str:
    """The choices, separated by commas; of more than 40, the first ones and the total number."""
    names = list(choices)
    count_note = f", ... ({len(names)} in all)" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + count_note


def unknown(
    kind: str, name: object, choices: Iterable[str], *, listed_names: Iterable[str] | None = None, note: str = ""
) -> InputError:
    """The error for an unknown name: "there is no attack 'pgd20' (did you mean pgd-20?): choose from ..."

    kind: noun for one choice, in the singular.
    listed_names: the choices that the message lists; None for all.
    note: text after the list.
    """
    candidates = list(choices)
    choice_list = listed(candidates if listed_names is None else listed_names)
    return InputError(
        f"there is no {kind} {shown(name)}{did_you_mean(name, candidates)}: choose from {choice_list}{note}"
    )


def shown(value: object, length: int = 80) -> str:
    """The repr of a value, shortened for a message."""
    try:
        text = repr(value)
    except ValueError:  # an int with more digits than Python converts
        text = "a number of thousands of digits"
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _normalise(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text.casefold())
