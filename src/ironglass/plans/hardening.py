"""The plan of a hardening study."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from ironglass.eps import Eps
from ironglass.errors import InputError
from ironglass.fields import check_seed, dataclass
from ironglass.harden.metadata import eps_of
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.train.recipe import MOST_IMAGES, Stage


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Hardening:
    """An audit whose stages harden a model, and what it is measured beside.

    after: what is run on the hardened model; its stages train it, its attacks judge both sides. Where an objective is a
    function of the user's own, which does not say its eps, the guard attacks by the largest of `after.attacks.eps`
    (Linf).
    baseline: how the model of before is trained where it comes without weights of its own; one that has them is taken
    as it is, and hardened from there.
    curve_eps: sizes of the curve over eps, in units of [0, 1]; none for a quarter, a half, twice and four times the
    largest of the attacks.
    curve_images: of the attacked images, how many the curve is measured on; 0 for no curve.
    seeds: trainings, by the audit's seed and those after it, all judged on the same images; the first has all numbers.

    Raises InputError where nothing hardens, there is no attack to compare by, or an eps is above 1 under Linf.
    """

    after: Audit
    baseline: tuple[Stage, ...] = ()
    curve_eps: tuple[Eps, ...] = ()
    curve_images: int = Field(default=250, ge=0, le=MOST_IMAGES)
    seeds: int = Field(default=1, ge=1, le=1000)

    @property
    def curve_sizes(self) -> list[float]:
        """Every eps of the curve but 0, in order; those at which attacks judge among them."""
        largest = max(self.attacks.eps)
        usual = [largest * factor for factor in (0.25, 0.5, 2, 4)]
        within = [eps for eps in usual if self.attacks.norm != "linf" or eps <= 1]
        return sorted({*(self.curve_eps or within), *self.attacks.eps} - {0.0})

    @property
    def attacks(self) -> Attacks:
        """The attacks by which both sides are compared."""
        assert self.after.attacks is not None
        return self.after.attacks

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.after.name

    def __post_init__(self) -> None:
        attacks = self.after.named_attacks
        if attacks is None:
            raise InputError("hardening is judged by named attacks, and attacks is empty: give it pgd-20, say")
        if self.after.attacks is None:
            object.__setattr__(self, "after", replace(self.after, attacks=attacks))
        check_seed(self.after.seed + self.seeds - 1)
        sizes = [eps_of(stage.objective) for stage in self.after.stages]
        if not any(size is None or size > 0 for size in sizes):
            raise InputError("no stage hardens: give one an objective as n-fgsm with an eps above 0")
        largest = max(self.curve_eps, default=0)
        if attacks.norm == "linf" and largest > 1:
            raise InputError(f"curve_eps {largest:g} is beyond 1, the range of an image: write {largest:g}/255")
