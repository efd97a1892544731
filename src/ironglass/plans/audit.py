"""What an audit is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import Field, model_validator
from pydantic_core import ArgsKwargs

from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.plans.attacks import Attacks
from ironglass.plans.explanation import Explained
from ironglass.plans.parts import Corruptions, Guard, OcclusionCurve, PatchSearch, short_for, with_parts
from ironglass.results.versions import MOVED
from ironglass.train.recipe import MOST_IMAGES, Recipe

Step = Literal["train", "evaluate", "corrupt", "explain", "attack"]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Audit(Recipe):
    """A training recipe, and what is looked at afterwards.

    steps: which parts of the loop to run.
    split: the split that is measured; "auto" is test, else validation.
    attacks: those that are made; names or attack objects alone mean these by the usual eps, none FGSM's curve alone.
    occlusion: the sliding patch.
    samples: images that the attacks and the occlusion are measured on, at most; drawn by the seed.
    shown: images shown in the report.
    probe_images: training images that the linear probes learn from.
    patches: the search over every position of patches, or the sizes of these alone.
    corruptions: those measured, or their names alone.
    guard: the guard against catastrophic overfitting, or its mode alone.
    explained: by which methods images are explained, in place of Grad-CAM's layers and the occlusion curve; where
        attacks are named too, the maps are compared with those under attack at the largest eps.

    A part (`Attacks`, `OcclusionCurve`, `PatchSearch`, `Corruptions`, `Guard`, `Explained`) may be a dict of fields.
    Raises InputError for corruptions that no step measures, and as the parts do.
    """

    MOVED: ClassVar[Mapping[str, tuple[str, str]]] = MOVED
    """Fields that were side by side before, and are taken by these names, too: the part and the field of each."""

    steps: tuple[Step, ...] = ("train", "evaluate", "corrupt", "explain", "attack")
    split: str = "auto"
    attacks: Annotated[Attacks, short_for(Attacks)] = Field(default_factory=Attacks)
    occlusion: OcclusionCurve = Field(default_factory=OcclusionCurve)
    samples: int = Field(default=1000, gt=0, le=MOST_IMAGES)
    shown: int = Field(default=12, ge=0, le=64)
    probe_images: int = Field(default=2000, gt=1, le=MOST_IMAGES)
    patches: Annotated[PatchSearch, short_for(PatchSearch)] = Field(default_factory=PatchSearch)
    corruptions: Annotated[Corruptions, short_for(Corruptions)] = Field(default_factory=Corruptions)
    guard: Annotated[Guard, short_for(Guard)] = Field(default_factory=Guard)
    explained: Explained = Field(default_factory=Explained)

    @model_validator(mode="before")
    @classmethod
    def _with_parts(cls, given: Any) -> Any:
        if isinstance(given, ArgsKwargs):
            return ArgsKwargs(given.args, with_parts(given.kwargs or {}))
        return with_parts(cast("dict[str, Any]", given)) if isinstance(given, dict) else given

    def __post_init__(self) -> None:
        if self.corruptions.names and "corrupt" not in self.steps:
            raise InputError("corruptions are named, and no step measures them: add corrupt to steps")
