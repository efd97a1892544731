"""`transfer` of `results.json`: networks that share blocks with the one an attacker has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.numbers import Amount, Count, Mean, Norm, Rate, Verdict


@result
class Source:
    """Base A, the network that an attacker has.

    model: its name.
    dataset: that it was trained on.
    classes: how many.
    clean: accuracy on its own data, or null.
    """

    model: str
    dataset: str
    classes: Count
    clean: Rate | None


@result
class Target:
    """The data of all other networks.

    dataset: its name.
    classes: how many.
    """

    dataset: str
    classes: Count


@result
class Kept:
    """Images made on base A, shown to base A.

    attack: its name.
    eps: the largest change, in units of [0, 1].
    kept: base A's answers that survive.
    """

    attack: str
    eps: Amount
    kept: Rate


@result
class ShownPoint:
    """Images made on base A, shown to the network.

    attack: its name.
    eps: the largest change, in units of [0, 1].
    accuracy: images named right, as float32.
    png: the same images as 8-bit files.
    """

    attack: str
    eps: Amount
    accuracy: Rate
    png: Rate


@result
class OwnPoint:
    """Images made on the network itself.

    attack: its name.
    eps: the largest change, in units of [0, 1].
    accuracy: images still classified correctly.
    verdict: null where it was not judged.
    """

    attack: str
    eps: Amount
    accuracy: Rate
    verdict: Verdict | None


@result
class Network:
    """One network.

    name: of its folder.
    arm: "base", "AnB", "AnB+", "BnB", "BnB+" or "random".
    blocks: that it shares; null of the base.
    seed: of its training.
    seconds: of its training.
    epochs: of its training.
    clean: accuracy on unchanged images.
    shown: images made on base A.
    own: images made on itself.
    """

    name: str
    arm: str
    blocks: Count | None
    seed: Count
    seconds: Amount
    epochs: Count
    clean: Rate
    shown: tuple[ShownPoint, ...]
    own: tuple[OwnPoint, ...]


@result
class Matrix:
    """Every network's images, shown to all.

    attack: its name.
    eps: the largest change, in units of [0, 1].
    n: images.
    names: of the networks.
    rows: made on (row), shown to (column): images named right, or null.
    """

    attack: str
    eps: Amount
    n: Count
    names: tuple[str, ...]
    rows: tuple[tuple[Rate | None, ...], ...]


@result
class Finding:
    """One statement, answered.

    key: of the statement.
    claim: the statement.
    measure: the effect that answers it.
    ours: whether it is a control of ours.
    above: what the effect has to lie above.
    answer: "supported", "not supported" or "undecided".
    effect: a difference of accuracies on the same images.
    over_images: its interval over images.
    over_seeds: its interval over seeds; null for a single one.
    seeds: how many.
    """

    key: str
    claim: str
    measure: str
    ours: bool
    above: float
    answer: Literal["supported", "not supported", "undecided"]
    effect: float
    over_images: Mean
    over_seeds: Mean | None
    seeds: Count


@result
class Cost:
    """Of all trainings.

    seconds: in all.
    networks: how many.
    """

    seconds: Amount
    networks: Count


@result
class Transfer:
    """Networks that share blocks with base A, and what fools them.

    source: base A.
    target: the data of all others.
    reading: whose classes the networks answer in.
    known: whether base A knows the target's classes.
    split: that was measured.
    n: images.
    own_n: images that each network is attacked on.
    norm: of eps.
    blocks: of the architecture.
    depths: numbers of shared blocks.
    control_depths: the same of the controls.
    seeds: of the trainings.
    eps: sizes of the images made on base A.
    judged_eps: at which statements are answered.
    shown: attacks made on base A.
    own: attacks made on each network.
    own_eps: their sizes.
    surrogate: how much of base A's own answers survives.
    networks: a row a network.
    matrix: every network's images, shown to all.
    findings: statements, answered.
    cost: of all trainings.
    """

    source: Source
    target: Target
    reading: str
    known: bool
    split: str
    n: Count
    own_n: Count
    norm: Norm
    blocks: Count
    depths: Annotated[tuple[Count, ...], Field(min_length=1)]
    control_depths: tuple[Count, ...]
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)]
    eps: tuple[Amount, ...]
    judged_eps: Amount
    shown: tuple[str, ...]
    own: tuple[str, ...]
    own_eps: tuple[Amount, ...]
    surrogate: tuple[Kept, ...]
    networks: Annotated[tuple[Network, ...], Field(min_length=1)]
    matrix: Matrix
    findings: tuple[Finding, ...]
    cost: Cost
