"""`inspection.label_errors` of `results.json`: labels that may be wrong."""

from __future__ import annotations

from ironglass.results.codec import result
from ironglass.results.numbers import Count, Rate, Share


@result
class ImageRef:
    """One image.

    split: that it is in.
    name: where it lies, relative to the source.
    class: its label.
    """

    split: str
    name: str
    class_: str


@result
class LabelSuspect:
    """One image whose label may be wrong.

    image: which.
    suggested: the class that the other images speak for.
    score: probability of its label, from networks that did not learn from it.
    """

    image: ImageRef
    suggested: str
    score: Share


@result
class LabelErrors:
    """Labels that cross-validated probabilities contradict.

    features: from which the probabilities are.
    folds: of the cross-validation.
    accuracy: of the cross-validated predictions.
    suspects: the least probable label first.
    rule: when a label is suspect, and what the rule is worth on these images.
    caught: of labels that were flipped on purpose, those that the rule named.
    wrongly_named: of the labels left alone in that trial, those that the rule named; some of them may be wrong.
    worth_a_look: further labels, up to as many in all as confident learning counts, the least probable first; fewer of
        them are wrong than of the suspects. () where both lists of the trial are not surely better than any labels.
    caught_with_look: of the labels that were flipped on purpose, those in either list; null in older runs.
    flips_with_look: of the labels in either list of that trial, those that were flipped; null where there were none.
    """

    features: str
    folds: Count
    accuracy: Rate
    suspects: tuple[LabelSuspect, ...]
    rule: str
    caught: Rate
    wrongly_named: Rate
    worth_a_look: tuple[LabelSuspect, ...] = ()
    caught_with_look: Rate | None = None
    flips_with_look: Rate | None = None
