"""A network filled with the weights of a local checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ironglass.models.classifier import Classifier
from ironglass.models.loading.checkpoints.checkpoint import Checkpoint, read_checkpoint
from ironglass.models.loading.class_errors import HeadMismatch, UnnamedOutputs
from ironglass.models.loading.configuration import configuration_beside
from ironglass.models.loading.forms.find import find_builder
from ironglass.models.loading.native import knows_classes
from ironglass.models.loading.new_head import with_new_head
from ironglass.models.loading.weights import load_checkpoint
from ironglass.models.request import ModelRequest

_MAX_NAMES = 8


def with_weights(request: ModelRequest, path: Path) -> Classifier:
    """The network with a local checkpoint, whose head may be for the classes wanted or for the source's own."""
    checkpoint = read_checkpoint(path)
    saved_config = configuration_beside(path)
    if saved_config is not None:  # the file lies in a folder that `save_classifier` wrote
        classes, size = request.classes or saved_config.classes, request.size or saved_config.size
        request = replace(request, classes=classes, size=size, channels=saved_config.channels)
    remarks_on_classes = _remarks_on_classes(request, checkpoint) if saved_config is None else ()
    if request.classes is None and checkpoint.classes:
        request = replace(request, classes=checkpoint.classes)
    try:
        classifier = find_builder(request.name)(request)
        remarks = load_checkpoint(classifier.network, checkpoint)
    except HeadMismatch as mismatch:
        classifier, remarks = _with_other_head(request, checkpoint, mismatch)
    if saved_config is not None and len(saved_config.mean) == classifier.channels:
        classifier.normalise(saved_config.mean, saved_config.std, saved_config.origin)
    classifier.remarks += (*remarks_on_classes, *remarks)
    return classifier


def _remarks_on_classes(request: ModelRequest, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Remark on the names that the checkpoint gives its outputs."""
    if not checkpoint.classes:
        return ()
    label_list = _name_list(checkpoint.classes)
    if request.classes in (None, checkpoint.classes):
        return (f"its outputs are called as {checkpoint.path} has it: {label_list}",)
    return (f"{checkpoint.path} calls its outputs {label_list}, and they are taken for {_name_list(request.classes)}",)


def _name_list(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_MAX_NAMES]) + (f", … ({len(names)} in all)" if len(names) > _MAX_NAMES else "")


def _with_other_head(
    request: ModelRequest, checkpoint: Checkpoint, mismatch: HeadMismatch
) -> tuple[Classifier, tuple[str, ...]]:
    """The network with weights for the source's own classes, under a fresh head for those wanted.

    Raises InputError, naming both numbers, where the weights are for neither.
    """
    head_fact = f"{checkpoint.path} has a last layer of {mismatch.outputs} outputs"
    advice = "name the classes of its outputs, in their order, with --classes (from Python classes=)"
    if request.classes is None:
        raise UnnamedOutputs(
            f"{head_fact}, and {request.name} names other classes: {advice}", mismatch.outputs
        ) from mismatch
    count = len(request.classes)
    facts = (
        f"{head_fact}, and {count} classes are named ({', '.join(request.classes[:3])}{', ...' if count > 3 else ''})"
    )
    if not knows_classes(request.name, weighted=True):
        raise HeadMismatch(f"{facts}: {advice}", mismatch.outputs) from mismatch
    classifier = find_builder(request.name)(replace(request, classes=None))
    try:
        remarks = load_checkpoint(classifier.network, checkpoint)
    except HeadMismatch as error:
        raise HeadMismatch(f"{facts}: {advice}", mismatch.outputs) from error
    fresh = f"the last layer is fresh, for {count} classes: the weights of {checkpoint.path} are for the source's own"
    return with_new_head(classifier, request.classes), (*remarks, fresh)
