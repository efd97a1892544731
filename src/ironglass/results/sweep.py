"""`sweep` of `results.json`: settings varied, and which trial to take."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.numbers import Amount, Count, Mean, Norm, Share
from ironglass.results.trial import TrialRow

Criterion: TypeAlias = Literal["validation", "robust_validation", "pareto"]


@result
class Axis:
    """One field that is varied.

    field: its path in the recipe.
    label: for people.
    values: in the order of the rows.
    names: of the values for people, in their order; absent where the values are names enough.
    """

    field: str
    label: str
    values: tuple[Any, ...]
    names: tuple[str, ...] = ()


@result
class SweptAttacks:
    """Attacks that every trial went through.

    names: as they were asked for.
    norm: of eps.
    eps: the largest size, in units of [0, 1].
    """

    names: tuple[str, ...]
    norm: Norm
    eps: Amount


@result
class Spread:
    """A mean over trainings by several seeds.

    mean: with its interval.
    lowest: of the trainings.
    highest: of the trainings.
    """

    mean: Mean
    lowest: Share
    highest: Share


@result
class Setting:
    """Trials that differ in their seed alone.

    trials: their names.
    validation: accuracy on validation images.
    robust_validation: the same under every attack; where that chooses.
    measured: accuracy on the images that had no say; absent in older files.
    robust: of these, right under every attack at the largest eps; where there are attacks.
    """

    trials: tuple[str, ...]
    validation: Spread
    robust_validation: Spread | None = None
    measured: Spread | None = None
    robust: Spread | None = None


@result
class PairTest:
    """The recommended trial against another setting's best: McNemar's, or, of several seeds, the larger of two p.

    only_first: validation images that the recommended one alone has right; of single trainings.
    only_second: validation images that the other alone has right; of single trainings.
    difference: in mean accuracy; of several seeds.
    p_images: over other images; of several seeds.
    p_seeds: over other seeds, null where neither has two; of several seeds.
    p: two-sided, from 0 to 1.
    """

    only_first: Count | None = None
    only_second: Count | None = None
    difference: float | None = None
    p_images: Share | None = None
    p_seeds: Share | None = None
    p: Share


@result
class Recommended:
    """The trial to take.

    trial: its name.
    level: of Holm's test.
    criterion: by which it was chosen; "pareto": of those that none beats both unchanged and under attack.
    alike: trials of other settings that the test cannot tell from it.
    tests: by the best trial of each other setting.
    same: its other seeds; absent where it has one.
    front: trials that none beats both unchanged and under attack; where that chose.
    """

    trial: str
    level: Share
    criterion: Criterion
    alike: tuple[str, ...]
    tests: dict[str, PairTest]
    same: tuple[str, ...] | None = None
    front: tuple[str, ...] | None = None


@result
class Sweep:
    """Every trial, and which to take.

    axes: the fields that are varied.
    split: what was measured.
    jobs: trials at once.
    attacks: that every trial went through, or null.
    rows: a row a trial.
    settings: of those trained by several seeds.
    recommended: null where no trial was measured.
    """

    axes: tuple[Axis, ...]
    split: str
    jobs: Count
    attacks: SweptAttacks | None
    rows: Annotated[tuple[TrialRow, ...], Field(min_length=1)]
    settings: tuple[Setting, ...]
    recommended: Recommended | None
