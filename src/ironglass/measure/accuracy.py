"""Accuracy of a classifier: overall, per class, and per image."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ironglass.data.dataset import Split
from ironglass.errors import ForwardError, InputError, Notice
from ironglass.fields import expect
from ironglass.measure.calibration import Confidences, brier_scores, calibration
from ironglass.measure.classes.by_class import by_class
from ironglass.measure.classes.scores import classification_text, count_by_class
from ironglass.measure.statistics import rate_of
from ironglass.models.classifier import Classifier
from ironglass.models.loading.fresh import warn_if_untrained
from ironglass.models.predict import logits_of, predicted
from ironglass.models.reading.probability import come_out_of_sigmoid
from ironglass.types import Logits, Progress


def evaluate(
    classifier: Classifier,
    split: Split,
    *,
    name: str = "test",
    batch_size: int = 256,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], Logits]:
    """The section `evaluation` of `results.json`, and the logits (n, k) that it is computed from.

    Labels are indices into the classifier's own classes. An image whose logits have no largest, see `predicted`, has no
    prediction: it counts as wrong and in no column of `confusion`, and `not_judged` is the number of such images.
    `loss` is None where it is not finite, `calibration` where an image has no prediction. Raises InputError for a label
    beyond the classes.
    """
    expect(split, Split, "split", "one split of a data set, as dataset.test")
    k = len(classifier.classes)
    if len(split) == 0:
        raise InputError(f"the {name} split is empty: there is nothing to evaluate")
    if split.labels.max() >= k:
        raise InputError(f"the data has label {split.labels.max()} and the classifier {k} classes: match them by name")
    warn_if_untrained(classifier)
    logits = logits_of(classifier, split, batch_size=batch_size, progress=progress)
    labels, predictions = split.labels, predicted(logits).numpy()
    _warn_of_sigmoid(classifier, logits)
    loss = float(cross_entropy(classifier.as_logits(logits), torch.from_numpy(labels.copy())))
    numbers = {
        "split": name,
        "accuracy": rate_of(predictions == labels),
        "not_judged": int((predictions < 0).sum()),
        "loss": loss if math.isfinite(loss) else None,
        **_by_class(labels, predictions, classifier.classes),
        **_by_probability(classifier, logits, labels, predictions),
    }
    return numbers, logits


def _by_probability(
    classifier: Classifier, logits: Logits, labels: np.ndarray, predictions: np.ndarray
) -> dict[str, Any]:
    """Numbers that follow from the probabilities; None where an image is not judged, which has none."""
    if (predictions < 0).any():
        return {"calibration": None, "by_class": by_class(labels, predictions, None, classifier.classes)}
    shares = probabilities(classifier, logits).numpy()
    return {
        "calibration": calibration(Confidences(shares.max(1), predictions == labels, brier_scores(shares, labels))),
        "by_class": by_class(labels, predictions, shares, classifier.classes),
    }


def _by_class(labels: np.ndarray, predictions: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
    """Confusion matrix, precision, recall and F1 of each class, and scikit-learn's text of them."""
    counts = count_by_class(labels, predictions, len(classes))
    precision, recall, f1 = counts.scores
    support = counts.labelled
    present = np.flatnonzero(support)  # a class without images has no recall, and is left out of means
    return {
        "confusion": counts.confusion.tolist(),
        "per_class": [
            {
                "class": label,
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(support[i]),
            }
            for i, label in enumerate(classes)
        ],
        "naming": naming(labels, predictions, classes),
        "macro_f1": float(f1[present].mean()),
        "report": classification_text(counts, classes),
    }


def _warn_of_sigmoid(classifier: Classifier, logits: Logits) -> None:
    """Warns where the outputs are neither logits nor a distribution, so that loss and confidences mean little."""
    if not bool(((logits >= 0) & (logits <= 1)).all()):
        return
    try:  # small logits of an untrained network lie there, too: the operations that make the outputs decide
        is_sigmoid = not classifier.gives_probabilities and come_out_of_sigmoid(classifier.probed_logits())
    except ForwardError:  # random images are not for every network
        is_sigmoid = False
    if is_sigmoid:
        text = (
            "every output lies between 0 and 1, and an image's do not add up to 1, as behind a sigmoid: the loss and "
            "the confidences are of a softmax over them and mean little; leave the sigmoid out of the network"
        )
        warnings.warn(Notice(text), stacklevel=3)


def naming(labels: np.ndarray, predictions: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """The most predicted class with its shares of predictions and of labels, and the majority class with its share of
    labels, the accuracy of always predicting it.

    labels, predictions: int64 (n,).
    """
    k = len(classes)
    answers = np.bincount(predictions[predictions >= 0], minlength=k)
    images = np.bincount(labels[labels >= 0], minlength=k)
    named, commonest = int(answers.argmax()), int(images.argmax())
    return {
        "named": classes[named],
        "named_share": float(answers[named] / len(labels)),
        "named_true_share": float(images[named] / len(labels)),
        "commonest": classes[commonest],
        "commonest_share": float(images[commonest] / len(labels)),
    }


def top(classifier: Classifier, outputs: Logits, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """The most probable classes (n, min(count, k)), best first, and their probabilities, 0 for an image without
    prediction.

    outputs: (n, k), the classifier's own in evaluation mode, on the CPU.
    """
    shares = probabilities(classifier, outputs)
    confidence, classes = shares.topk(min(count, shares.shape[1]), dim=1)
    return classes.numpy(), confidence.numpy()


def probabilities(classifier: Classifier, outputs: Logits) -> torch.Tensor:
    """The probability of each class, (n, k); all 0 of an image that is not judged.

    outputs: (n, k), the classifier's own in evaluation mode, on the CPU.
    """
    return (finite_logits(classifier, outputs) / classifier.temperature).softmax(1).nan_to_num(0.0)


def finite_logits(classifier: Classifier, outputs: Logits) -> Logits:
    """Outputs (n, k) as logits, an infinity replaced by the largest number there is."""
    logits = classifier.as_logits(outputs)
    largest = torch.finfo(logits.dtype).max  # one infinity is the surest there is
    return logits.clamp(-largest, largest)
