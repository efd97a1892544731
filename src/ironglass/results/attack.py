"""`attacks`, `fgsm` and `linear` of `results.json`: accuracy under attack, with verdicts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.evaluation import Naming
from ironglass.results.numbers import Amount, Count, Norm, Rate, Setting, Verdict


@result
class AttackPoint:
    """One attack at one eps.

    eps: the largest change, in units of [0, 1].
    accuracy: images still classified correctly, as float32.
    png_accuracy: the same images rounded to 8-bit files.
    fooled: of the images that are right without an attack, those that are wrong under it.
    verdict: on the accuracy; null where it was not judged.
    folder: of the adversarial images, within the run's.
    """

    eps: Amount
    accuracy: Rate
    png_accuracy: Rate
    fooled: Rate
    verdict: Verdict | None
    folder: str


@result
class AttackResult:
    """One attack.

    name: as it was asked for.
    label: for people, with its steps or queries.
    settings: the attack's own, by name.
    points: one an eps, the smallest first.
    """

    name: str
    label: str
    settings: dict[str, Setting]
    points: Annotated[tuple[AttackPoint, ...], Field(min_length=1)]


@result
class WorstPoint:
    """All attacks at one eps: an image is right where none fooled it.

    eps: the largest change, in units of [0, 1].
    accuracy: images right under every attack.
    verdict: on the accuracy; null where it was not judged.
    """

    eps: Amount
    accuracy: Rate
    verdict: Verdict | None


@result
class Probe:
    """A further attack that only the verdicts rest on.

    name: of the probe.
    kind: "grey", or what it tests: "gradient-free", "single-step", "noise", "longer", "search", ...
    of: the attack that it tests; "" for all.
    eps: the largest change, in units of [0, 1].
    accuracy: images still classified correctly.
    """

    name: str
    kind: str
    of: str
    eps: Amount
    accuracy: Rate


@result
class Attacks:
    """Several attacks on the same images.

    norm: of eps.
    n: images.
    split: they are of.
    seed: of all that attacks draw.
    batch: images an attack is given at once.
    clean: accuracy on the same images unchanged.
    eps: the sizes, the smallest first.
    attacks: a row an attack.
    worst: a row an eps.
    probes: a row a probe.
    naming: the class that is predicted most often of the unchanged images; absent in older files.
    """

    norm: Norm
    n: Count
    split: str
    seed: Count
    batch: Count
    clean: Rate
    eps: Annotated[tuple[Amount, ...], Field(min_length=1)]
    attacks: Annotated[tuple[AttackResult, ...], Field(min_length=1)]
    worst: Annotated[tuple[WorstPoint, ...], Field(min_length=1)]
    probes: tuple[Probe, ...]
    naming: Naming | None = None


@result
class FGSMPoint:
    """FGSM at one eps.

    eps: the largest change, in units of [0, 1]; 0 for unchanged images.
    accuracy: images still classified correctly.
    fooled: of the images that are right at eps 0, those that are wrong.
    """

    eps: Amount
    accuracy: Rate
    fooled: Rate


@result
class FGSMCurve:
    """Accuracy under FGSM, where no attack was named.

    norm: "linf".
    n: images.
    points: one an eps, 0 first.
    verdict: on all of them; null where they were not judged.
    """

    norm: Literal["linf"]
    n: Count
    points: Annotated[tuple[FGSMPoint, ...], Field(min_length=1)]
    verdict: Verdict | None


@result
class Linear:
    """A linear network of two classes under Linf, where one step of FGSM is exact.

    eps: the largest change, in units of [0, 1].
    reach: eps times the sum of absolute weights: how far a change can move the score.
    margin: the median image's score, positive where it is right.
    n: images.
    accuracy: images still classified correctly.
    """

    eps: Amount
    reach: Amount
    margin: float
    n: Count
    accuracy: Rate
