"""What an audit is asked for."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from ironglass.errors import InputError
from ironglass.train.recipe import Recipe

Mask = Literal["grey", "black", "white", "mean", "blur"]
Step = Literal["train", "evaluate", "explain", "attack"]


def parse_eps(value: float | str) -> float:
    """A size of change in units of [0, 1], also from "8/255". Raises InputError for anything else."""
    try:
        above, _, below = str(value).partition("/")
        eps = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        eps = math.nan
    if not 0 <= eps <= 1:
        raise InputError(f"eps {value!r} is not a number from 0 to 1: write 0.03 or 8/255")
    return eps


Eps = Annotated[float, BeforeValidator(parse_eps)]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Audit(Recipe):
    """A training recipe, and what is looked at afterwards.

    steps: which parts of the loop to run. split: the split that is measured; "auto" is test, else validation. eps:
    sizes of FGSM's change, of [0, 1]. masks: what the occluding patch is filled with. patch, stride: of the patch, in
    pixels; None for a quarter of the image's shorter side and half a patch. samples: images shown in the report.
    images: how many images, drawn by the seed, the attack and the occlusion are measured on. probe_images: how many
    training images the linear probes learn from.
    """

    steps: tuple[Step, ...] = ("train", "evaluate", "explain", "attack")
    split: str = "auto"
    eps: tuple[Eps, ...] = (1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255)
    masks: tuple[Mask, ...] = ("grey", "black", "mean", "blur")
    patch: int | None = Field(default=None, gt=0)
    stride: int | None = Field(default=None, gt=0)
    samples: int = Field(default=12, ge=0, le=64)
    images: int = Field(default=1000, gt=0)
    probe_images: int = Field(default=2000, gt=1)
