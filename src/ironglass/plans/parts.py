"""The parts of an audit's plan that have a few fields of their own."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import AfterValidator, BeforeValidator, Field

from ironglass.data.corruptions.corrupt import find_corruptions
from ironglass.eps import Eps
from ironglass.fields import SEEDS, dataclass
from ironglass.train.recipe import MOST_IMAGES, MOST_SIDE

Mask = Literal["grey", "black", "white", "mean", "blur"]


def _corruption(name: str) -> str:
    find_corruptions((name,))
    return name


CorruptionName = Annotated[str, AfterValidator(_corruption)]


class Shortened(Protocol):
    """A part whose field `SHORT` may stand for the whole of it."""

    SHORT: ClassVar[str]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Corruptions:
    """Common corruptions on which the accuracy is measured.

    names: those that `list_corruptions` gives, or "all"; none for no such measurement.
    images: how many of the split, at most, spread evenly.
    """

    names: tuple[CorruptionName, ...] = ()
    images: int = Field(default=1000, gt=0, le=MOST_IMAGES)

    SHORT: ClassVar[str] = "names"


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Sampling:
    """Images drawn by the seed from the measured split.

    images: attacked, occluded and explained images, at most.
    report_images: images shown in the report.
    seed: by which the measured images are drawn; None for the audit's.
    """

    images: int = Field(default=1000, gt=0, le=MOST_IMAGES)
    report_images: int = Field(default=12, ge=0, le=64)
    seed: int | None = Field(default=None, ge=0, lt=SEEDS)


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Against:
    """Images of other kinds, which the network's scores are to tell from the measured ones.

    data: other data, as `load_dataset` takes them or a folder of images, of which all images are taken up to 10,000;
        "" for none. Noise and shuffled tiles are made of the measured images in any case.
    images: measured images, at most, that noise and tiles are made of; fewer where they would take too long.
    """

    data: str = ""
    images: int = Field(default=1000, gt=1, le=10_000)

    SHORT: ClassVar[str] = "data"


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Layers:
    """The contribution of every layer: linear probes, ablation, focus and Grad-CAM maps.

    probe_images: training images that the linear probes learn from, at most.
    """

    probe_images: int = Field(default=2000, gt=1, le=MOST_IMAGES)


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class OcclusionCurve:
    """The sliding patch under which the accuracy is measured.

    masks: what the patch is filled with: "grey", "black", "white", "mean", "blur".
    patch: its side in pixels; None for a quarter of the image's shorter side.
    stride: its step in pixels; None for half a patch.
    """

    masks: tuple[Mask, ...] = ("grey", "black", "mean", "blur")
    patch: int | None = Field(default=None, gt=0, le=MOST_SIDE)
    stride: int | None = Field(default=None, gt=0, le=MOST_SIDE)


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class PatchSearch:
    """A search over every position of patches: does any change the answer?

    sizes: sides of the patches, in pixels; none for no such search.
    images: how many of those measured, at most, spread evenly.
    fill: "grey", "black", "white", "mean" or "blur"; None for the first of the occlusion's masks, else grey.
    stride: pixels between two positions; None for the occlusion's own, where it is given, else 1.
    """

    sizes: tuple[Annotated[int, Field(gt=0, le=MOST_SIDE)], ...] = ()
    images: int = Field(default=200, gt=0, le=MOST_IMAGES)
    fill: Mask | None = None
    stride: int | None = Field(default=None, gt=0, le=MOST_SIDE)

    SHORT: ClassVar[str] = "sizes"


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Guard:
    """The guard against catastrophic overfitting of adversarial training.

    mode: "on" takes the training back where it collapses; "pgd" and "fgsm" only look on, and keep the epoch that stands
        this attack best: where eps rises from stage to stage, or a published run had no guard. "off" attacks nothing,
        and keeps the epoch of highest accuracy on unchanged images.
    eps: the size it attacks by, in units of [0, 1], where an objective does not say its own; None for none.
    """

    mode: Literal["on", "pgd", "fgsm", "off"] = "on"
    eps: Annotated[Eps, Field(gt=0, le=1)] | None = None

    SHORT: ClassVar[str] = "mode"


def short_for(part: type[Shortened]) -> BeforeValidator:
    """A part may be given as the value of one field alone: `guard="pgd"`, `attacks=("pgd-20",)`."""

    def expand(value: object) -> object:
        shortened: dict[str, object] = {part.SHORT: value}
        return shortened if isinstance(value, str | list | tuple) else value

    return BeforeValidator(expand)
