"""`transfer` of `results.json`: networks that share blocks with the one an attacker has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.evaluation import Naming
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
class SourceAccuracy:
    """Images made on base A, given to base A itself.

    attack: its name.
    eps: the largest change, in units of [0, 1].
    accuracy: share of base A's answers that stay as they were.
    """

    attack: str
    eps: Amount
    accuracy: Rate


@result
class TransferredPoint:
    """Images made on base A, given to the network.

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
class WhiteBoxPoint:
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
    transferred: images made on base A.
    white_box: images made on itself.
    naming: the class that is predicted most often of the unchanged images; absent in older files.
    """

    name: str
    arm: str
    blocks: Count | None
    seed: Count
    seconds: Amount
    epochs: Count
    clean: Rate
    transferred: tuple[TransferredPoint, ...]
    white_box: tuple[WhiteBoxPoint, ...]
    naming: Naming | None = None


@result
class Matrix:
    """Every network's images, shown to all.

    attack: its name.
    eps: the largest change, in units of [0, 1].
    n: images.
    names: of the networks.
    rows: made on (row), given to (column): images named right, or null.
    """

    attack: str
    eps: Amount
    n: Count
    names: tuple[str, ...]
    rows: tuple[tuple[Rate | None, ...], ...]


@result
class Claim:
    """One published claim, or a control of ours, tested.

    key: its name.
    statement: in words.
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
    statement: str
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
    label_space: whose classes the networks answer in.
    source_knows_classes: whether base A knows the target's classes.
    split: that was measured.
    n: images.
    white_box_n: images that each network is attacked on.
    norm: of eps.
    blocks: of the architecture.
    depths: numbers of shared blocks.
    control_depths: the same of the controls.
    seeds: of the trainings.
    eps: sizes of the images made on base A.
    headline_eps: at which the claims are tested.
    transfer_attacks: made on base A.
    white_box_attacks: made on each network itself.
    white_box_eps: their sizes.
    source_accuracy: of base A on the images made on it.
    networks: a row a network.
    matrix: every network's images, shown to all.
    claims: tested.
    cost: of all trainings.
    """

    source: Source
    target: Target
    label_space: str
    source_knows_classes: bool
    split: str
    n: Count
    white_box_n: Count
    norm: Norm
    blocks: Count
    depths: Annotated[tuple[Count, ...], Field(min_length=1)]
    control_depths: tuple[Count, ...]
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)]
    eps: tuple[Amount, ...]
    headline_eps: Amount
    transfer_attacks: tuple[str, ...]
    white_box_attacks: tuple[str, ...]
    white_box_eps: tuple[Amount, ...]
    source_accuracy: tuple[SourceAccuracy, ...]
    networks: Annotated[tuple[Network, ...], Field(min_length=1)]
    matrix: Matrix
    claims: tuple[Claim, ...]
    cost: Cost
