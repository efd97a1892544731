"""A plan's trained model, with the classes that it brings."""

from __future__ import annotations

from typing import Any

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.class_errors import UnnamedOutputs
from ironglass.models.loading.load import load_classifier
from ironglass.plans.audit import Audit
from ironglass.studies.common.plan_data import data_classes


def load_trained(plan: Audit, classes: tuple[str, ...] | None = None) -> Classifier:
    """The plan's model with its weights and its own classes, or, of weights that bring none, with these."""
    return load_classifier(
        plan.model,
        classes=classes,
        size=plan.size,
        channels=plan.channels or 3,
        pretrained=plan.pretrained,
        weights=plan.weights,
        **normalised(plan),
    )


def with_own_classes(plan: Audit, download: bool) -> Classifier:
    """The trained network with the classes that it brings, or the data's where its head has as many outputs and nobody
    named them; called as the plan says."""
    try:
        classifier = load_trained(plan)
    except UnnamedOutputs as unnamed:
        classes = plan.classes or data_classes(plan, download)
        if len(classes) != unnamed.outputs:
            raise InputError(f"{unnamed} ({len(classes)} are named here)") from unnamed
        classifier = load_trained(plan, classes)
        if not plan.classes:
            classifier.remarks += (in_order_of_data(len(classes)),)
    if plan.classes and plan.classes != classifier.classes:
        if len(plan.classes) != len(classifier.classes):
            count, outputs = len(plan.classes), len(classifier.classes)
            raise InputError(
                f"--classes names {count} classes and {plan.model} has {outputs} outputs: name each, in order"
            )
        classifier.rename(plan.classes)
    return classifier


def in_order_of_data(outputs: int) -> str:
    """The remark on a network whose outputs nobody named."""
    return f"its {outputs} outputs are taken for the data's classes in their order: give --classes otherwise"


def normalised(plan: Audit) -> dict[str, Any]:
    """Normalisation and the network builder's options in the plan, as `load_classifier` takes them."""
    settings = {"mean": plan.mean, "std": plan.std, "normalise": plan.normalise}
    return plan.options | {name: value for name, value in settings.items() if value is not None}
