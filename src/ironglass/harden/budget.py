"""The set of changes that an objective's attack may make: norm and eps."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias, cast

import torch
from pydantic import Field, model_validator
from pydantic_core import ArgsKwargs

from ironglass.attacks.parts.threat import L2, THREATS, Threat
from ironglass.fields import dataclass
from ironglass.types import Images

Norm: TypeAlias = Literal["linf", "l2"]
Eps: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]

USUAL_EPS: dict[str, float] = {"linf": 8 / 255, "l2": 128 / 255}
"""Eps by norm that most papers on small colour images train against (Rice et al. 2020, arXiv 2002.11569)."""


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Budget:
    """Norm and eps of an adversarial objective, the base of those in this room.

    norm: of the change: "linf", every value of an image, or "l2", the image as one vector.
    eps: in units of [0, 1]; by default 8/255, under l2 128/255.

    Raises InputError for an eps above 1 under linf.
    """

    LENGTHS: ClassVar[tuple[str, ...]] = ("eps", "step_size")
    """Fields that shrink together in a smaller budget."""

    norm: Norm = "linf"
    eps: Eps = USUAL_EPS["linf"]

    @model_validator(mode="before")
    @classmethod
    def _usual_eps(cls, values: Any) -> Any:
        fields = values.kwargs or {} if isinstance(values, ArgsKwargs) else values
        if not isinstance(fields, dict):
            return values
        filled = {"eps": USUAL_EPS.get(str(fields.get("norm")), USUAL_EPS["linf"]), **cast("dict[str, Any]", fields)}
        return ArgsKwargs(values.args, filled) if isinstance(values, ArgsKwargs) else filled

    def __post_init__(self) -> None:
        _ = self.ball

    @property
    def ball(self) -> Threat:
        """The same as a threat of attacks."""
        return THREATS[self.norm](self.eps)

    def draw(self, images: Images, reach: float | None = None) -> Images:
        """A uniform draw from the ball around 0, (n, c, h, w), by torch's default generator on the images' device.

        reach: the ball's radius; None for eps.
        """
        reach = self.eps if reach is None else reach
        if self.norm == "linf":
            return torch.empty_like(images).uniform_(-reach, reach)
        direction = L2(reach).step(torch.randn_like(images))
        share = torch.rand(len(images), 1, 1, 1, dtype=images.dtype, device=images.device)
        return direction.mul_(reach * share ** (1 / images[0].numel()))
