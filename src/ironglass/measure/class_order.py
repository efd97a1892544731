"""Comparison of possible class orders of a network's unnamed outputs."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np
import torch

from ironglass.data.dataset import Split
from ironglass.measure.statistics import mcnemar, rate_of
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.memory import in_parts
from ironglass.models.predict import batches, predicted
from ironglass.types import Logits

IMAGES = 256
_BATCH = 64
_LEVEL = 0.01
_MAX_LISTED = 20
"""Largest number of classes whose order is written out."""
_MAX_CLASSES = 2_000
"""Largest number of classes that is compared: the images say little about more, and their table grows with the
square."""


def compare_orders(classifier: Classifier, split: Split) -> dict[str, Any]:
    """Counts how many of up to 256 images, evenly spaced over the split, are right with the outputs in the assumed
    order and in the best other one.

    The other order is fitted on the even images and both are counted on the odd ones. `order`: the class of each
    output, an index into the classifier's list; None unless it is better by McNemar's test at 1 %, right for more than
    half of the images, and its interval lies above the share of the majority class. The classifier is unchanged.
    """
    from scipy.optimize import linear_sum_assignment  # late: few need it

    k = len(classifier.classes)
    if k > _MAX_CLASSES:
        return {"n": 0, "right": 0, "otherwise": 0, "order": None}
    sample = split.take(np.linspace(0, len(split) - 1, min(IMAGES, len(split))).round().astype(np.int64))
    logits: list[Logits] = []
    with eval_without_grad(classifier), torch.no_grad():
        for images, _ in batches(sample, _BATCH, classifier.device):
            logits += in_parts(lambda part, images=images: classifier(images[part]).float().cpu(), len(images))
    outputs, labels = predicted(torch.cat(logits)).numpy(), sample.labels
    fitted = (np.arange(len(labels)) % 2 == 0) & (outputs >= 0)
    counts = np.zeros((k, k))
    np.add.at(counts, (outputs[fitted], labels[fitted]), 1)
    _, order = linear_sum_assignment(-(counts + np.eye(k) / 2))  # ties keep the assumed order
    outputs, labels = outputs[1::2], labels[1::2]
    before, after = outputs == labels, (order[outputs] == labels) & (outputs >= 0)
    result = {"n": len(labels), "right": int(before.sum()), "otherwise": int(after.sum()), "order": None}
    if 2 * after.sum() > len(labels) and after.sum() > before.sum() and mcnemar(before, after)["p"] < _LEVEL:
        commonest = int(np.bincount(labels).max()) / len(labels)
        if rate_of(after)["low"] > commonest:
            result["order"] = order.tolist()
    return result


def order_warning(result: dict[str, Any], classes: tuple[str, ...], split: str = "validation") -> str:
    """The warning that another order of the outputs is clearly better; "" where none is."""
    if result["order"] is None:
        return ""
    names = [classes[i] for i in result["order"]]
    listed_ = len(names) <= _MAX_LISTED and not any("," in name for name in names)
    description = f"as {', '.join(names)}" if listed_ else "in another order"
    option = f"--classes {shlex.quote(','.join(names))}" if listed_ else "--classes"
    return (
        f"warning: of {result['n']} {split} images {result['right']} are read right with the outputs in this order, and"
        f" {result['otherwise']} {description}: give {option} if the network was trained so"
    )
