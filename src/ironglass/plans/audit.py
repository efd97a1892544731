"""The plan of an audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import ArgsKwargs

from ironglass.fields import dataclass
from ironglass.plans.attacks import Attacks
from ironglass.plans.certification import Certification
from ironglass.plans.explanation import ExplanationPlan
from ironglass.plans.parts import (
    Against,
    Corruptions,
    Guard,
    Layers,
    OcclusionCurve,
    PatchSearch,
    Sampling,
    short_for,
)
from ironglass.run.recipe_versions import EXPLAINING, FORMER, MOVED, nested
from ironglass.train.recipe import Recipe

NOTHING: dict[str, Any] = {
    "data_checks": False, "training": False, "evaluation": False, "against": None, "corruptions": None,
    "layers": None, "occlusion": None, "patches": None, "explanation": None, "attacks": None,
    "certification": None,
}  # fmt: skip
"""Fields of an audit that does nothing."""


def entries(value: object) -> object:
    """A list that may be given as text with commas."""
    return tuple(entry.strip() for entry in value.split(",")) if isinstance(value, str) else value


def only_parts(**parts: Any) -> dict[str, Any]:
    """Fields of an audit that does these parts alone, as for `dataclasses.replace`."""
    return {**NOTHING, **parts}


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Omitted:
    """Parts that the former field `steps` leaves out of an audit; for studies that say themselves what is done."""

    attacks: Annotated[Attacks | None, short_for(Attacks)] = None
    layers: Layers | None = None
    occlusion: OcclusionCurve | None = None
    patches: Annotated[PatchSearch | None, short_for(PatchSearch)] = None
    explanation: Annotated[ExplanationPlan | None, short_for(ExplanationPlan)] = None


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Audit(Recipe):
    """A training recipe, and the measurements made afterwards: those that are present, None for one that is not made.

    split: the split that is measured; "auto" is test, else validation.
    sampling: the images of the split that are measured, where not all are, and those shown in the report.
    data_checks: whether images of the same pixels, within and across splits and labels, are searched before all else.
    training: whether the stages are trained, or else the network is taken as it is.
    guard: the guard against catastrophic overfitting in training, or its mode alone.
    evaluation: whether the accuracy on the whole split is measured, and where it fails.
    slices: columns of the data's table by whose values the accuracy is split, beside classes and the like.
    against: images of other kinds that its scores are to tell from the measured ones, or the name of other data alone;
        by default noise and shuffled tiles, made of the measured images.
    corruptions: common corruptions, or their names alone.
    layers: the contribution of every layer, with Grad-CAM maps. Absent by default where `explanation` names methods.
    occlusion: the accuracy under a sliding patch. Absent by default where `explanation` names methods.
    patches: the search over every position of patches, or the sizes of these alone.
    explanation: maps by named methods, or the names alone.
    attacks: the attacks; names or attack objects alone mean these at the default eps, none FGSM's curve alone.
    certification: proofs at each eps and an attack on the rest, or the eps alone.
    omitted: of programs that give the former `steps`; no part of the record.

    `Audit.of_parts` makes one without the parts that are done by default. A part (`Against`, `Attacks`,
    `Certification`, `Corruptions`, `ExplanationPlan`, `Guard`, `Layers`, `OcclusionCurve`, `PatchSearch`, `Sampling`)
    may be a dict of its fields.
    Names of fields before version 0.3 are accepted, too, as `FORMER` lists them.
    Raises InputError as the parts do.
    """

    MOVED: ClassVar[Mapping[str, tuple[str, str]]] = MOVED
    """Fields that were side by side before: the part and the field of each."""
    FORMER: ClassVar[frozenset[str]] = FORMER
    OPTIONAL: ClassVar[tuple[str, ...]] = (*EXPLAINING, "against", "corruptions", "attacks", "certification")
    """Parts that may be absent, and that `--set` begins with the field it sets."""

    split: str = "auto"
    sampling: Sampling = Field(default_factory=Sampling)
    data_checks: bool = True
    training: bool = True
    guard: Annotated[Guard, short_for(Guard)] = Field(default_factory=Guard)
    evaluation: bool = True
    slices: Annotated[tuple[str, ...], BeforeValidator(entries)] = ()
    against: Annotated[Against | None, short_for(Against)] = Field(default_factory=Against)
    corruptions: Annotated[Corruptions | None, short_for(Corruptions)] = None
    layers: Layers | None = Field(default_factory=Layers)
    occlusion: OcclusionCurve | None = Field(default_factory=OcclusionCurve)
    patches: Annotated[PatchSearch | None, short_for(PatchSearch)] = None
    explanation: Annotated[ExplanationPlan | None, short_for(ExplanationPlan)] = None
    attacks: Annotated[Attacks | None, short_for(Attacks)] = Field(default_factory=Attacks)
    certification: Annotated[Certification | None, short_for(Certification)] = None
    omitted: Omitted = field(default_factory=Omitted, repr=False, compare=False)

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, values: Any) -> Any:
        if isinstance(values, ArgsKwargs):
            return ArgsKwargs(values.args, nested(values.kwargs or {}))
        return nested(cast("dict[str, Any]", values)) if isinstance(values, dict) else values

    @property
    def draw(self) -> int:
        """The seed by which the measured images are drawn."""
        return self.seed if self.sampling.seed is None else self.sampling.seed

    def __post_init__(self) -> None:
        for name, part in {"corruptions": Corruptions, "patches": PatchSearch, "explanation": ExplanationPlan}.items():
            if getattr(self, name) == part():  # which asks for nothing
                object.__setattr__(self, name, None)

    @classmethod
    def of_parts(cls, **fields: Any) -> Audit:
        """An audit in which nothing is done but what is given.

        Example:
            >>> plan = Audit.of_parts(model="logistic", dataset="digits", training=True, evaluation=True)
            >>> plan.attacks is None and plan.layers is None
            True
        """
        return cls(**only_parts(**fields))

    @property
    def explains(self) -> bool:
        """True where anything is measured of why the network answers as it does."""
        return any(getattr(self, part) is not None for part in EXPLAINING)

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods that images are explained by."""
        return () if self.explanation is None else self.explanation.methods

    @property
    def named_attacks(self) -> Attacks | None:
        """The attacks, also of a plan whose former `steps` leave them out; None where none is named."""
        attacks = self.attacks or self.omitted.attacks
        return attacks if attacks is not None and attacks.methods else None

    if not TYPE_CHECKING:  # which shall not take any name

        def __getattr__(self, name: str) -> Any:
            if name not in FORMER:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return former_value(self, name)


def former_value(plan: Audit, name: str) -> Any:
    """The value of a field that is accepted by its former name alone."""
    if name == "explained":
        return plan.explanation or plan.omitted.explanation or ExplanationPlan()
    if name == "steps":
        done = {
            "train": plan.training,
            "evaluate": plan.evaluation,
            "corrupt": bool(plan.corruptions and plan.corruptions.names),
            "explain": plan.explains,
            "attack": plan.attacks is not None,
        }
        return tuple(step for step, included in done.items() if included)
    part, inner = MOVED[name]
    value = getattr(plan, part) or getattr(plan.omitted, part, None)
    return getattr(PARTS[part]() if value is None else value, inner)


PARTS: dict[str, Any] = {
    "attacks": Attacks, "corruptions": Corruptions, "layers": Layers, "occlusion": OcclusionCurve,
    "patches": PatchSearch,
}  # fmt: skip
