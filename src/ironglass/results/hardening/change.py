"""Parts of `hardening` of `results.json`: the method and its cost, accuracy over eps, change of every class."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.numbers import Amount, Count, McNemar, Norm, Rate


@result
class Method:
    """Objective of one stage, and its passes over a batch an epoch; plain training takes one of each.

    name: short, with its eps, "N-FGSM 8/255".
    eps: size of change trained against, in units of [0, 1]; 0 on unchanged images, null where it is not stated.
    norm: of eps; null where there is no eps.
    forward: forward passes a batch, counted on one; null where they could not be counted.
    backward: backward passes a batch, counted on one; null where they could not be counted.
    """

    name: str
    eps: Amount | None
    norm: Norm | None
    forward: Count | None
    backward: Count | None


@result
class CurvePoint:
    """Both sides at one eps, paired image by image.

    eps: the largest change, in units of [0, 1]; 0 for the same images unchanged.
    before: images right before.
    after: images right after.
    test: McNemar's, before being first.
    """

    eps: Amount
    before: Rate
    after: Rate
    test: McNemar


@result
class EpsCurve:
    """Accuracy of both sides over eps, under one attack, on the same images at every eps.

    attack: its name.
    label: of the attack, for people.
    n: images.
    points: one an eps, the smallest first.
    """

    attack: str
    label: str
    n: Count
    points: Annotated[tuple[CurvePoint, ...], Field(min_length=1)]


@result
class ClassPair:
    """Images of one class under one condition, paired image by image.

    before: images right before.
    after: images right after.
    test: McNemar's, before being first.
    stands: whether they differ beyond chance (5 %) when all tests of all classes are read together, by Holm's
        procedure.
    """

    before: Rate
    after: Rate
    test: McNemar
    stands: bool


@result
class ClassChange:
    """One class on both sides.

    class: its name.
    clean: unchanged images.
    attacked: images in the worst case of all attacks, at the largest eps; null where none of the class was attacked.
    """

    class_: str
    clean: ClassPair
    attacked: ClassPair | None
