"""Comparison of the orders that a network's unnamed outputs can be in."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np
import torch

from ironglass.data.dataset import Split
from ironglass.measure.statistics import mcnemar, wilson
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
from ironglass.models.memory import in_parts
from ironglass.models.predict import batches, predicted
from ironglass.types import Logits

IMAGES = 256
_BATCH = 64
_LEVEL = 0.01
_WRITTEN = 20
"""Most classes whose order is written out."""
_MOST = 2_000
"""Most classes of which it is asked: the images tell little of more, and their table grows with the square."""


def compare_orders(classifier: Classifier, split: Split) -> dict[str, Any]:
    """Counts how many of up to 256 images, spread over the split, are right with the outputs in the order assumed and
    in the best other one.

    The other order is the one that most of the even images are right in, and the odd ones are counted. `order`: the
    class of each output, a position in the classifier's list; None unless it is better by McNemar's test at 1 %, right
    for more than half of them, and its interval is above what always naming the commonest class gets. The classifier is
    left as it is.
    """
    from scipy.optimize import linear_sum_assignment  # late: few need it

    k = len(classifier.classes)
    if k > _MOST:
        return {"n": 0, "right": 0, "otherwise": 0, "order": None}
    chosen = split.take(np.linspace(0, len(split) - 1, min(IMAGES, len(split))).round().astype(np.int64))
    logits: list[Logits] = []
    with frozen(classifier), torch.no_grad():
        for images, _ in batches(chosen, _BATCH, classifier.device):
            logits += in_parts(lambda part, images=images: classifier(images[part]).float().cpu(), len(images))
    outputs, labels = predicted(torch.cat(logits)).numpy(), chosen.labels
    learning = (np.arange(len(labels)) % 2 == 0) & (outputs >= 0)
    met = np.zeros((k, k))
    np.add.at(met, (outputs[learning], labels[learning]), 1)
    _, order = linear_sum_assignment(-(met + np.eye(k) / 2))  # where nothing speaks for another, its own
    outputs, labels = outputs[1::2], labels[1::2]
    before, after = outputs == labels, (order[outputs] == labels) & (outputs >= 0)
    found = {"n": len(labels), "right": int(before.sum()), "otherwise": int(after.sum()), "order": None}
    if 2 * after.sum() > len(labels) and after.sum() > before.sum() and mcnemar(before, after)["p"] < _LEVEL:
        commonest = int(np.bincount(labels).max()) / len(labels)
        if wilson(int(after.sum()), len(labels))["low"] > commonest:
            found["order"] = order.tolist()
    return found


def order_warning(found: dict[str, Any], classes: tuple[str, ...], split: str = "validation") -> str:
    """The sentence that warns of an order of the outputs that another one is clearly better than; "" of others."""
    if found["order"] is None:
        return ""
    names = [classes[i] for i in found["order"]]
    few = len(names) <= _WRITTEN and not any("," in name for name in names)
    how = f"as {', '.join(names)}" if few else "in another order"
    give = f"--classes {shlex.quote(','.join(names))}" if few else "--classes"
    return (
        f"warning: of {found['n']} {split} images {found['right']} are read right with the outputs in this order, and"
        f" {found['otherwise']} {how}: give {give} if the network was trained so"
    )
