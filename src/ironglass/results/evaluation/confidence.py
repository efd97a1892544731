"""`confidence` and `confidence_under` of `results.json`: the worth of the network's probabilities."""

from __future__ import annotations

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.numbers import Count, Mean, Norm, Rate, Share


@result
class ReliabilityBin:
    """The images of one bin of confidence.

    low: the bin's lower end.
    high: the bin's upper end.
    confidence: mean probability of the predicted class.
    accuracy: of the bin's images.
    """

    low: Share
    high: Share
    confidence: Share
    accuracy: Rate


@result
class BrierParts:
    """The Brier score as reliability - resolution + uncertainty.

    reliability: squared distance of probabilities from shares, over the bins; 0 is best.
    resolution: how far the bins' shares differ from the classes' shares; high is best.
    uncertainty: the score of a network that gives every image the classes' shares.
    """

    reliability: float
    resolution: float
    uncertainty: float


@result
class Selective:
    """Answers withheld where the network is least sure.

    coverage: share of images that are answered.
    threshold: confidence of the last image answered.
    risk: share of wrong answers among those.
    curve: points (coverage, risk).
    widened: whether the interval of the risk is widened to the exact one, which holds 95 times in 100 or more often,
        since too few images are right, or wrong. Absent where not, and in older runs.
    """

    coverage: Share
    threshold: Share
    risk: Rate
    curve: tuple[tuple[Share, Share], ...]
    widened: bool = False


@result
class Temperature:
    """The temperature that fits the validation images best; never applied unless it is asked for.

    value: logits are divided by it.
    fitted: validation images.
    loss_before: mean cross-entropy of the measured images.
    loss_after: the same with the temperature.
    ece_after: expected calibration error with the temperature, without what chance adds.
    """

    value: float = Field(gt=0)
    fitted: Count
    loss_before: float
    loss_after: float
    ece_after: Mean


@result
class Sets:
    """Split-conformal sets of classes: those of at least a certain probability.

    level: promised share of images whose set holds the true class.
    calibrated: validation images that the probability was chosen on.
    least_share: the probability.
    coverage: share of the measured images whose set holds the true class.
    p: probability of so low a coverage where the promise holds.
    size: classes of a set.
    empty: sets without any class.
    widened: whether the interval of the coverage is widened to the exact one, which holds 95 times in 100 or more
        often, since too few images are covered, or not. Absent where not, and in older runs.
    """

    level: Share
    calibrated: Count
    least_share: Share
    coverage: Rate
    p: Share
    size: Mean
    empty: Rate
    widened: bool = False


@result
class Confidence:
    """The worth of the probabilities of unchanged images.

    split: what was measured.
    bins: of equal width, that confidences are sorted into.
    reliability: a row a bin that has images.
    ece: expected calibration error without what chance adds to it.
    brier_parts: of the Brier score.
    selective: answers withheld.
    temperature: null without validation images.
    sets: null without validation images.
    """

    split: str
    bins: Count
    reliability: tuple[ReliabilityBin, ...]
    ece: Mean
    brier_parts: BrierParts
    selective: Selective
    temperature: Temperature | None
    sets: Sets | None


@result
class ConditionRow:
    """The same images under one condition.

    kind: "clean", "corruption" or "attack".
    condition: its name.
    label: for people.
    severity: of a corruption; null for others.
    eps: of an attack; null for others.
    norm: of an attack; null for others.
    n: images.
    ece: expected calibration error without what chance adds to it.
    risk: share of wrong answers among the surest 90 %; its interval, as that of `coverage`, is widened to the exact
        one where fewer than 8 images are on the one side.
    coverage: share of images whose set holds the true class; null where it was not recorded.
    size: classes of a set; null where it was not recorded.
    """

    kind: str
    condition: str
    label: str
    severity: Count | None
    eps: float | None
    norm: Norm | None
    n: Count
    ece: Mean
    risk: Rate
    coverage: Rate | None
    size: Mean | None


@result
class ConfidenceUnder:
    """The worth of the probabilities of changed images.

    level: promised coverage of the sets; null where there are none.
    rows: a row a corruption at its strongest severity, and a row an attack and eps.
    """

    level: Share | None
    rows: tuple[ConditionRow, ...]
