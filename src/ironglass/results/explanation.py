"""`explanations` of `results.json`: maps by named methods, and what becomes of them in each condition."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.evaluation import Naming
from ironglass.results.numbers import Amount, Count, McNemar, Mean, Norm, Rate, Setting


@result
class Method:
    """One method of explanation.

    name: as it was asked for.
    label: for people.
    unit: of its maps.
    settings: the method's own, by name.
    note: what the method itself says of its maps of this network; absent where it says nothing.
    words: what the method is, a sentence; absent where the method has none.
    """

    name: str
    label: str
    unit: str
    settings: dict[str, Setting]
    note: str | None = None
    words: str | None = None


@result
class Drift(Mean):
    """Distance of maps from those of the unchanged images, by one metric.

    value: the mean.
    low: the interval's lower end.
    high: the interval's upper end.
    n: images.
    quantiles: at 5, 25, 50, 75 and 95 %.
    """

    quantiles: tuple[float, float, float, float, float]


@result
class CleanCondition:
    """The unchanged images.

    name: "clean".
    label: for people.
    kind: "clean".
    accuracy: images classified correctly.
    """

    name: str
    label: str
    kind: Literal["clean"]
    accuracy: Rate


@result
class OcclusionCondition:
    """Images of which a part is set to black.

    name: of the condition.
    label: for people.
    kind: "occlusion".
    by: the method that names the part, the rectangle or the mask's file.
    patch: its side in pixels; absent for a rectangle and a mask.
    pixels: how many are hidden; absent for a patch.
    accuracy: images classified correctly.
    changed: images whose prediction changed.
    fooled: of the images that were right, those that are wrong; absent where none was right.
    drift: by method and metric.
    """

    name: str
    label: str
    kind: Literal["occlusion"]
    by: str
    patch: Count | None = None
    pixels: Count | None = None
    accuracy: Rate
    changed: Rate
    fooled: Rate | None = None
    drift: dict[str, dict[str, Drift]]


@result
class ControlCondition:
    """Images of which as large a patch is set to black at a random position.

    name: of the condition.
    label: for people.
    kind: "control".
    by: the method whose patch it is compared with.
    patch: its side in pixels.
    accuracy: images classified correctly.
    changed: images whose prediction changed.
    fooled: of the images that were right, those that are wrong; absent where none was right.
    against: McNemar's test by the name of the other condition, which comes first in it.
    drift: by method and metric.
    """

    name: str
    label: str
    kind: Literal["control"]
    by: str
    patch: Count
    accuracy: Rate
    changed: Rate
    fooled: Rate | None = None
    against: dict[str, McNemar]
    drift: dict[str, dict[str, Drift]]


@result
class AttackCondition:
    """Images under attack.

    name: of the attack.
    label: for people.
    kind: "attack".
    eps: the largest change, in units of [0, 1].
    norm: of eps.
    accuracy: images classified correctly.
    changed: images whose prediction changed.
    fooled: of the images that were right, those that are wrong; absent where none was right.
    drift: by method and metric.
    """

    name: str
    label: str
    kind: Literal["attack"]
    eps: Amount
    norm: Norm
    accuracy: Rate
    changed: Rate
    fooled: Rate | None = None
    drift: dict[str, dict[str, Drift]]


Condition: TypeAlias = Annotated[
    CleanCondition | OcclusionCondition | ControlCondition | AttackCondition, Field(discriminator="kind")
]


@result
class Explanations:
    """Maps by named methods, in several conditions of the same images.

    split: the images are of.
    n: images.
    seed: of all that is drawn.
    batch: images explained at once.
    images: "random", "misclassified", "all" or "chosen".
    target: "predicted", "true" or a class.
    classes: how many.
    methods: a row a method.
    conditions: a row a condition, the unchanged images first.
    naming: the class that is predicted most often of the unchanged images; absent in older files.
    """

    split: str
    n: Count
    seed: Count
    batch: Count
    images: str
    target: str
    classes: Count
    methods: Annotated[tuple[Method, ...], Field(min_length=1)]
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1)]
    naming: Naming | None = None


@result
class Drawn:
    """Images that were drawn for the report (`samples`, `explained`).

    images: how many.
    seed: by which they were drawn.
    """

    images: Count
    seed: Count
