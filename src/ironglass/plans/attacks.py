"""The attack part of an audit's plan."""

from __future__ import annotations

from functools import partial
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ironglass.attacks import find_attack
from ironglass.eps import Eps
from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.registry import registered_name
from ironglass.train.recipe import MOST_IMAGES


def _attack_name(name: str) -> str:
    find_attack(name)
    return name


AttackName = Annotated[str, BeforeValidator(partial(registered_name, kind="attack")), AfterValidator(_attack_name)]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Attacks:
    """The attacks that an audit makes.

    methods: names that `find_attack` knows, or attack objects, whose threat is replaced by norm and eps; none for
        FGSM's curve alone.
    norm: of the change, "linf", "l2" or "l1".
    eps: sizes of the change, in units of [0, 1], also as "8/255".
    batch: images attacked at once, the unit that an interrupted run keeps; other sizes draw other numbers.

    Raises InputError for an eps above 1 under Linf, and for methods or a norm that say nothing.
    """

    methods: tuple[AttackName, ...] = ()
    norm: Literal["linf", "l2", "l1"] = "linf"
    eps: tuple[Eps, ...] = (1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255)
    batch: int = Field(default=64, gt=0, le=MOST_IMAGES)

    SHORT: ClassVar[str] = "methods"

    def __post_init__(self) -> None:
        if self.norm == "linf" and max(self.eps, default=0) > 1:
            largest = max(self.eps)
            raise InputError(f"eps {largest:g} is beyond 1, the range of an image: for bytes write {largest:g}/255")
        if self.methods and not max(self.eps, default=0):
            raise InputError("every eps is 0, under which no attack may change anything: give one above 0, as 8/255")
        if self.norm != "linf" and not self.methods:
            raise InputError(f"norm {self.norm} is for named attacks, and there is none: give methods pgd-20, say")
        for name in self.methods:
            norms = getattr(find_attack(name), "norms", (self.norm,))
            if self.norm not in norms:
                raise InputError(
                    f"{name} works under {', '.join(norms)}, and norm is {self.norm}: leave one of them out"
                )
