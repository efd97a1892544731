"""`evaluation.by_class` of `results.json`: numbers that treat every class alike."""

from __future__ import annotations

from typing import Literal

from ironglass.results.codec import result
from ironglass.results.numbers import Count, Mean, Rate, Share


@result
class Averages:
    """One of the rows that scikit-learn's report ends with, over the classes that have images.

    precision: from 0 to 1.
    recall: from 0 to 1.
    f1: from 0 to 1.
    """

    precision: Share
    recall: Share
    f1: Share


@result
class ClassAccuracy:
    """One class.

    class: its name.
    accuracy: share of its images that are right; null where it has none.
    """

    class_: str
    accuracy: Rate | None


@result
class Curve:
    """One class against the rest, by its probability.

    class: its name.
    share: of the images, which a network without any knowledge has as its average precision.
    roc_auc: area below the ROC curve, 0.5 without any knowledge; its interval is DeLong's of the logit.
    average_precision: area below the precision-recall curve, with an interval of its logit.
    roc: points (false-positive rate, true-positive rate); [] where there are more than 20 classes.
    precision_recall: points (recall, precision); [] where there are more than 20 classes.
    widened: of "roc_auc" and "average_precision" those whose interval is widened, since there are too few images of the
        class, or too few in the wrong order, for one that holds 95 times in 100; absent where there is none, and in
        older runs.
    """

    class_: str
    share: Share
    roc_auc: Mean
    average_precision: Mean
    roc: tuple[tuple[Share, Share], ...]
    precision_recall: tuple[tuple[Share, Share], ...]
    widened: tuple[Literal["roc_auc", "average_precision"], ...] = ()


@result
class ByClass:
    """Numbers that treat every class alike, whatever its share of the images.

    uneven: true where the largest class has more than twice as many images as the others on average; the balanced
        accuracy is then the headline.
    classes: that have images.
    balanced: mean of the classes' accuracies; its interval is the score interval of such a mean.
    macro: mean over the classes.
    weighted: mean over the classes, by their images.
    kappa: Cohen's, from -1 to 1; 0 is agreement by chance.
    by_chance: share of right answers if the network's answers were dealt to the images by chance.
    chance_p: probability that chance gives as many right answers.
    over_commonest: accuracy less that of always naming the commonest class, on the same images.
    accuracies: a row a class.
    top5: share of images whose true class is among the five most probable; null for fewer than 20 classes.
    curves: a row a class that has images; null where an image was not judged.
    balanced_widened: whether right or wrong answers are too few, in classes of few images, for an interval of the
        balanced accuracy that holds 95 times in 100; it is then wider. Absent where not, and in older runs.
    """

    uneven: bool
    classes: Count
    balanced: Mean
    macro: Averages
    weighted: Averages
    kappa: Mean
    by_chance: Share
    chance_p: Share
    over_commonest: Mean
    accuracies: tuple[ClassAccuracy, ...]
    top5: Rate | None
    curves: tuple[Curve, ...] | None
    balanced_widened: bool = False
