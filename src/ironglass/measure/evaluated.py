"""Public `evaluate`: a result with labels and logits that can be displayed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ironglass.data.dataset import Split
from ironglass.measure.accuracy import evaluate as numbers_and_logits
from ironglass.measure.statistics import Rate
from ironglass.models.checks import check_classifier
from ironglass.models.classifier import Classifier
from ironglass.models.predict import predicted
from ironglass.types import Labels, Logits, Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class EvaluationResult:
    """Accuracy of a classifier on n unchanged images. It unpacks as (numbers, logits).

    numbers: as they stand in `results.json` under `evaluation`.
    logits: float (n, number of classes), on the CPU.
    labels: true classes, int64 (n,), as positions in `classes`.
    predictions: predicted classes, int64 (n,); -1 where the logits have no largest.
    classes: names of the classes.
    """

    numbers: dict[str, Any]
    logits: Logits
    labels: Labels
    predictions: Labels
    classes: tuple[str, ...]

    def __iter__(self) -> Iterator[Any]:
        return iter((self.numbers, self.logits))

    def __getitem__(self, index: int) -> Any:
        return (self.numbers, self.logits)[index]

    def __len__(self) -> int:
        return 2

    @property
    def split(self) -> str:
        """Name of the split."""
        return self.numbers["split"]

    @property
    def accuracy(self) -> Rate:
        """Share of correctly classified images, with its 95 % interval and n."""
        return self.numbers["accuracy"]

    @property
    def loss(self) -> float | None:
        """Mean cross-entropy; None where it is no finite number."""
        return self.numbers["loss"]

    @property
    def macro_f1(self) -> float:
        """Mean F1, from 0 to 1, of the classes that have images."""
        return self.numbers["macro_f1"]

    @property
    def confusion(self) -> np.ndarray:
        """Images by true class (row) and prediction (column), int64 (number of classes, number of classes)."""
        return np.array(self.numbers["confusion"], dtype=np.int64)

    def __repr__(self) -> str:
        value, low, high = (100 * self.accuracy[key] for key in ("value", "low", "high"))
        loss = "no finite loss" if self.loss is None else f"loss {self.loss:.3g}"
        lines = [
            f"EvaluationResult({self._title}: "
            f"accuracy {value:.1f} % ({low:.1f} to {high:.1f}), {loss}, macro F1 {self.macro_f1:.3g}"
        ]
        if self.numbers["not_judged"]:
            lines.append(f"  without a largest logit, counted as wrong: {self.numbers['not_judged']:,}")
        if mistake := self._commonest_mistake():
            lines.append(f"  most often wrong: {mistake}")
        return "\n".join(lines) + ")"

    @property
    def _title(self) -> str:
        n = len(self.labels)
        return f"{self.split}, {n:,} image{'s' * (n != 1)}"

    def _commonest_mistake(self) -> str:
        wrong = self.confusion
        np.fill_diagonal(wrong, 0)
        if not wrong.any():
            return ""
        true, named = np.unravel_index(int(wrong.argmax()), wrong.shape)
        return (
            f"{self.classes[true]} taken for {self.classes[named]}, {wrong[true, named]:,} of {wrong.sum():,} mistakes"
        )

    def _repr_html_(self) -> str:
        from ironglass.report.kit.notebook import html_of

        return html_of(repr(self), self.show())

    def show(self) -> Figure:
        """A matplotlib Figure: the confusion matrix, each row shaded by its shares.

        Returns:
            A Figure, which a notebook draws; elsewhere `figure.savefig("confusion.png")` writes it.
        """
        from ironglass.report.kit.notebook import confusion_figure

        return confusion_figure(self.confusion, self.classes, self._title)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the numbers, class names, labels and predictions, without the logits."""
        labels_ = {"classes": list(self.classes), "labels": self.labels.tolist()}
        return {**self.numbers, **labels_, "predictions": self.predictions.tolist()}


def evaluate(
    classifier: Classifier,
    split: Split,
    *,
    name: str = "test",
    batch_size: int = 256,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Measures the accuracy of a classifier on the unchanged images of a split.

    An image whose logits have no largest has no prediction, and counts as wrong.

    Args:
        classifier: the classifier to measure; the work is done on its device.
        split: one split of a data set, as `dataset.test`. Its labels are positions in the classifier's classes.
        name: name of the split in the result.
        batch_size: images per forward pass, 1 or more.
        progress: called as progress(images done, images in all) after each batch.

    Returns:
        An `EvaluationResult`: `accuracy` with its 95 % interval, `loss`, `macro_f1`, `confusion`, `logits` (n, number
        of classes), `.show()`. `numbers, logits = evaluate(...)` works, too.

    Raises:
        InputError: for what is no split, an empty one, and labels beyond the classifier's classes.

    Example:
        >>> import ironglass as ig
        >>> dataset = ig.load_dataset("digits")
        >>> classifier = ig.load_classifier("logistic", classes=dataset.classes, size=32, channels=1)
        >>> recipe = ig.Recipe(stages=(ig.Stage(epochs=1, batch_size=128),))
        >>> run = ig.fit(classifier, dataset, recipe, "runs/evaluated", progress=False)
        >>> result = ig.evaluate(classifier, dataset.test)
        >>> result.accuracy["n"], result.confusion.shape
        (359, (10, 10))
    """
    check_classifier(classifier)
    numbers, logits = numbers_and_logits(classifier, split, name=name, batch_size=batch_size, progress=progress)
    return EvaluationResult(
        numbers=numbers,
        logits=logits,
        labels=torch.from_numpy(np.array(split.labels, dtype=np.int64)),
        predictions=predicted(logits),
        classes=classifier.classes,
    )
