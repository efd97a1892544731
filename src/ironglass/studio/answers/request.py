"""Requests of the page: what is done to a picture, and which map is shown of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ironglass.choices import unknown
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS
from ironglass.studio.edit.rotation import MOST_DEGREES
from ironglass.studio.edit.strokes import Stroke, read_strokes

ATTACKS = ("fgsm", "pgd-20", "apgd-ce-20", "mi-fgsm", "square-200", "noise")
"""Attacks that are done while somebody waits."""
STEPS = {"linf": 255, "l2": 10}
"""Steps of the eps slider in a change of 1, under each norm."""
MOST_STEPS = 64
MOST_LISTED = 10
"""Choices that a refusal lists; the page has them all."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request: changes to a picture, in this order, and the map that is shown of it.

    degrees: by how much it is rotated, counter-clockwise, from -180 to 180.
    strokes: painted over the rotated picture.
    attack: one of ATTACKS; "" for none.
    norm: "linf" or "l2".
    steps: the size of the attack, in 255ths of the range of a pixel under linf and in tenths under l2.
    method: of the maps, a name in EXPLAINERS; "" for none.
    target: the class that the maps explain, a position in the classifier's classes; None for the one predicted for
        the picture as it was.
    """

    degrees: float = 0.0
    strokes: tuple[Stroke, ...] = ()
    attack: str = ""
    norm: str = "linf"
    steps: int = 0
    method: str = ""
    target: int | None = None

    @property
    def eps(self) -> float:
        """Size of the attack, in units of [0, 1]."""
        return self.steps / STEPS[self.norm]

    @property
    def is_attacked(self) -> bool:
        """True where there is an attack of a size above 0."""
        return bool(self.attack and self.steps)


def read_request(value: dict[str, Any], classes: int, donors: int = 0) -> Request:
    """The request in JSON, checked. Raises InputError for a field that has none of its values.

    classes, donors: how many there are.
    """
    method, attack, norm = (
        value.get(name, default) for name, default in (("method", ""), ("attack", ""), ("norm", "linf"))
    )
    choices = (("method", method, ("", *EXPLAINERS)), ("attack", attack, ("", *ATTACKS)), ("norm", norm, tuple(STEPS)))
    for name, choice, names in choices:
        if not isinstance(choice, str) or choice not in names:
            options = [one for one in names if one]
            note = f", ... ({len(options)} in all)" if len(options) > MOST_LISTED else ""
            raise unknown(name, str(choice)[:40], options, listed_names=options[:MOST_LISTED], note=note)
    target, steps, degrees = value.get("target"), value.get("steps", 0), value.get("degrees", 0)
    if target is not None and (isinstance(target, bool) or not isinstance(target, int) or not 0 <= target < classes):
        raise InputError(f"target: give a class from 0 to {classes - 1}, or null")
    if isinstance(steps, bool) or not isinstance(steps, int) or not 0 <= steps <= MOST_STEPS:
        raise InputError(f"steps: give a whole number from 0 to {MOST_STEPS}")
    if isinstance(degrees, bool) or not isinstance(degrees, int | float) or not abs(degrees) <= MOST_DEGREES:
        raise InputError(f"degrees: give a number from −{MOST_DEGREES} to {MOST_DEGREES}")
    return Request(
        degrees=float(degrees), strokes=read_strokes(value.get("strokes", []), donors), attack=attack, norm=norm,
        steps=steps, method=method, target=target,
    )  # fmt: skip
