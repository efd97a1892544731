"""The certification part of an audit's plan."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ironglass.attacks import find_attack
from ironglass.certify import Smoothing
from ironglass.eps import Eps
from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.plans.attacks import AttackName

CertifyingMethod = Literal["auto", "linear", "interval", "crown-ibp", "crown", "smoothing"]


USUAL: dict[str, float] = {"sigma": 0.25, "draws": 10_000, "alpha": 0.001}
"""Settings of smoothing where none are asked for."""


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Certification:
    """Proofs on the measured images at each eps, and an attack on those that are left: the bracket.

    eps: sizes of the change, in units of [0, 1], also as "8/255".
    norm: of the change, "linf" or "l2".
    method: as `ironglass.certify` takes it; "smoothing", under L2 alone, certifies the network under noise.
    attack: name of the attack on images that are right and not certified; None for none.
    sigma: deviation of smoothing's noise, in units of [0, 1].
    draws: smoothing's noisy images by which a class's probability is bounded.
    alpha: probability that a radius of smoothing is too large, an image.

    Raises InputError for an eps above 1 under Linf, no eps above 0, smoothing under Linf, settings of smoothing without
    it, and an attack that has not this norm.
    """

    eps: Annotated[tuple[Eps, ...], Field(min_length=1)] = (8 / 255,)
    norm: Literal["linf", "l2"] = "linf"
    method: CertifyingMethod = "auto"
    attack: AttackName | None = "apgd-ce"
    sigma: float = 0.25
    draws: int = Field(default=10_000, gt=0, le=10_000_000)
    alpha: float = 0.001

    SHORT: ClassVar[str] = "eps"

    def __post_init__(self) -> None:
        if self.norm == "linf" and max(self.eps) > 1:
            largest = max(self.eps)
            raise InputError(f"eps {largest:g} is beyond 1, the range of an image: for bytes write {largest:g}/255")
        if not max(self.eps):
            raise InputError("every eps is 0, within which nothing changes: give one above 0, as 1/255")
        smoothed = {"sigma": self.sigma, "draws": self.draws, "alpha": self.alpha}
        if self.method != "smoothing" and (unused := [name for name in smoothed if smoothed[name] != USUAL[name]]):
            raise InputError(f"{unused[0]} is for smoothing, and method is {self.method}: leave one of them out")
        if self.method == "smoothing" and self.norm != "l2":
            raise InputError("smoothing certifies changes in L2: give norm l2, or another method")
        Smoothing(sigma=self.sigma, draws=self.draws, alpha=self.alpha)
        norms = getattr(find_attack(self.attack), "norms", (self.norm,)) if self.attack else (self.norm,)
        if self.norm not in norms:
            raise InputError(f"{self.attack} works under {', '.join(norms)}, and norm is {self.norm}: change one")
