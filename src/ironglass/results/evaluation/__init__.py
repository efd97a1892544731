"""`evaluation` and `corruptions` of `results.json`: how often the classifier is right."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.evaluation.by_class import Averages as Averages
from ironglass.results.evaluation.by_class import ByClass
from ironglass.results.evaluation.by_class import ClassAccuracy as ClassAccuracy
from ironglass.results.evaluation.by_class import Curve as Curve
from ironglass.results.evaluation.confidence import BrierParts as BrierParts
from ironglass.results.evaluation.confidence import ConditionRow as ConditionRow
from ironglass.results.evaluation.confidence import Confidence as Confidence
from ironglass.results.evaluation.confidence import ConfidenceUnder as ConfidenceUnder
from ironglass.results.evaluation.confidence import ReliabilityBin as ReliabilityBin
from ironglass.results.evaluation.confidence import Selective as Selective
from ironglass.results.evaluation.confidence import Sets as Sets
from ironglass.results.evaluation.confidence import Temperature as Temperature
from ironglass.results.numbers import Count, Mean, Rate, Share


@result
class ClassRow:
    """One class.

    class: its name.
    precision: from 0 to 1.
    recall: from 0 to 1.
    f1: from 0 to 1.
    support: images of the class.
    """

    class_: str
    precision: Share
    recall: Share
    f1: Share
    support: Count


@result
class Naming:
    """The class that is predicted most often, and the commonest one.

    named: the class predicted most often.
    named_share: its share of the answers.
    named_true_share: its share of the images.
    commonest: the class of most images.
    commonest_share: its share of the images.
    """

    named: str
    named_share: Share
    named_true_share: Share
    commonest: str
    commonest_share: Share


@result
class Calibration:
    """Confidences of a network against its accuracy.

    bins: of equal width, that confidences are sorted into.
    ece: expected calibration error: accuracy from mean confidence, over the bins, without what chance adds to it; in
        older runs, which have no `binned_gap`, it is that.
    brier: Brier score, from 0 to 2: squared distance of the probabilities from the truth; null where not recorded.
    confidence: mean probability of the predicted class.
    binned_gap: the plain gap over the bins, uncorrected, as other tools print it: too large where images are few.
    """

    bins: Count
    ece: Mean
    brier: Mean | None
    confidence: Mean
    binned_gap: Share | None = None


@result
class Evaluation:
    """Accuracy on unchanged images.

    split: what was measured.
    accuracy: share of the images that are classified correctly.
    not_judged: images whose logits have no largest; they count as wrong.
    loss: mean cross-entropy; null where it is no finite number.
    confusion: images by true class (row) and prediction (column).
    per_class: a row a class.
    naming: the class that is predicted most often.
    macro_f1: mean over the classes that have images.
    report: scikit-learn's text.
    calibration: of the confidences; null where an image was not judged, absent where it was not measured.
    by_class: numbers that treat every class alike; absent in runs of version 0.2 and before.
    """

    split: str
    accuracy: Rate
    not_judged: Count
    loss: float | None
    confusion: tuple[tuple[Count, ...], ...]
    per_class: tuple[ClassRow, ...]
    naming: Naming
    macro_f1: Share
    report: str
    calibration: Calibration | None = None
    by_class: ByClass | None = None


@result
class Named:
    """Check whether a network answers without regard to the image.

    accuracy: on unchanged images.
    naming: the class that is predicted most often.
    """

    accuracy: Rate
    naming: Naming


@result
class CorruptionPoint:
    """One severity.

    severity: from 1 to 5.
    accuracy: images classified correctly.
    """

    severity: Count
    accuracy: Rate


@result
class Corruption:
    """One corruption.

    name: as it is asked for.
    label: for people.
    points: one a severity.
    mean: accuracy over the severities.
    """

    name: str
    label: str
    points: Annotated[tuple[CorruptionPoint, ...], Field(min_length=1)]
    mean: Mean


@result
class Corruptions:
    """Several corruptions of the same images.

    split: they are of.
    severities: from 1 to 5.
    n: images.
    seed: of all that corruptions draw.
    side: pixels of the published images whose strengths are taken: 32, 64 or 224.
    clean: accuracy on the same images unchanged.
    corruptions: a row a corruption.
    mean: accuracy over severities and corruptions, each counting alike.
    """

    split: str
    severities: Annotated[tuple[Count, ...], Field(min_length=1)]
    n: Count
    seed: Count
    side: Count
    clean: Rate
    corruptions: Annotated[tuple[Corruption, ...], Field(min_length=1)]
    mean: Mean
