"""Two classes and a linear network: its weights as a picture, since nothing else decides."""

from __future__ import annotations

import numpy as np
from safetensors.numpy import save

from ironglass.attacks import FGSM, Linf
from ironglass.data.dataset import Split
from ironglass.measure.statistics import Rate, counted_rate
from ironglass.models.classifier import Classifier
from ironglass.models.predict import batches, logits_of
from ironglass.models.structure.linear import linear_weights
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.run import Run
from ironglass.studies.steps.step import Step

IMAGES_PER_CLASS = 2
"""Images of each class."""


def write_linear(run: Run, classifier: Classifier, split: Split, plan: Audit) -> None:
    """Writes `linear.safetensors` and `linear` of the results (see docs/run-folder.md), where there is a picture.

    That is for a linear network and two classes, under Linf. The images are drawn by the seed whatever the network says
    of them, so that runs of one seed show the same.
    """
    attacks = plan.attacks or Attacks()
    parameters = linear_weights(classifier) if len(classifier.classes) == 2 and attacks.norm == "linf" else None
    if parameters is None or not len(split):
        return
    weights, biases = (tensor.double() for tensor in parameters)
    order = np.random.default_rng(plan.seed).permutation(len(split))
    positions = np.concatenate([order[split.labels[order] == label][:IMAGES_PER_CLASS] for label in (0, 1)])
    difference = (weights[1] - weights[0]).permute(1, 2, 0).cpu().numpy()
    logits = logits_of(classifier, split).double().numpy()
    margins = (logits[:, 1] - logits[:, 0]) * np.where(split.labels == 1, 1, -1)
    tensors = {
        "weights": difference.astype(np.float32),
        "bias": (biases[1] - biases[0]).reshape(1).cpu().numpy().astype(np.float32),
        "images": split.stored(positions),
        "labels": split.labels[positions],
    }
    with run.atomic(run.path / "linear.safetensors") as path:
        path.write_bytes(save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}))
    run.record(
        "linear",
        {
            "eps": max(attacks.eps),
            "reach": max(attacks.eps) * float(np.abs(difference).sum()),
            "margin": float(np.median(margins)),
            "n": len(split),
            "accuracy": _under_one_step(classifier, split, max(attacks.eps)),
        },
    )


def _under_one_step(classifier: Classifier, split: Split, eps: float) -> Rate:
    """The accuracy of all the split's images under FGSM, which nothing within eps exceeds here."""
    attack, right = FGSM(threat=Linf(eps)), 0
    for images, labels in batches(split, 256, classifier.device):
        right += int((classifier(attack(classifier, images, labels)).argmax(1) == labels).sum())
    return counted_rate(right, len(split))


LINEAR = Step(
    key="linear",
    wanted=lambda context: context.plan.attacks is not None,
    run=lambda context: write_linear(context.run, context.classifier, context.split, context.plan),
)
