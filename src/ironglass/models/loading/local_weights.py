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
from ironglass.models.request import Wanted

_NAMED = 8


def with_weights(wanted: Wanted, path: Path) -> Classifier:
    """The network with a local checkpoint, whose head may be for the classes wanted or for the source's own."""
    checkpoint = read_checkpoint(path)
    known = configuration_beside(path)
    if known is not None:  # the file lies in a folder that `save_classifier` wrote
        classes, size = wanted.classes or known.classes, wanted.size or known.size
        wanted = replace(wanted, classes=classes, size=size, channels=known.channels)
    said = _called(wanted, checkpoint) if known is None else ()
    if wanted.classes is None and checkpoint.classes:
        wanted = replace(wanted, classes=checkpoint.classes)
    try:
        classifier = find_builder(wanted.name)(wanted)
        remarks = load_checkpoint(classifier.network, checkpoint)
    except HeadMismatch as mismatch:
        classifier, remarks = _with_other_head(wanted, checkpoint, mismatch)
    if known is not None and len(known.mean) == classifier.channels:
        classifier.normalise(known.mean, known.std, known.origin)
    classifier.remarks += (*said, *remarks)
    return classifier


def _called(wanted: Wanted, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Remark on the names that the checkpoint gives its outputs."""
    if not checkpoint.classes:
        return ()
    own = _few(checkpoint.classes)
    if wanted.classes in (None, checkpoint.classes):
        return (f"its outputs are called as {checkpoint.path} has it: {own}",)
    return (f"{checkpoint.path} calls its outputs {own}, and they are taken for {_few(wanted.classes)}",)


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_NAMED]) + (f", … ({len(names)} in all)" if len(names) > _NAMED else "")


def _with_other_head(
    wanted: Wanted, checkpoint: Checkpoint, mismatch: HeadMismatch
) -> tuple[Classifier, tuple[str, ...]]:
    """The network with weights for the source's own classes, under a fresh head for those wanted.

    Raises InputError, naming both numbers, where the weights are for neither.
    """
    said = f"{checkpoint.path} has a last layer of {mismatch.outputs} outputs"
    how = "name the classes of its outputs, in their order, with --classes (from Python classes=)"
    if wanted.classes is None:
        raise UnnamedOutputs(f"{said}, and {wanted.name} names other classes: {how}", mismatch.outputs) from mismatch
    count = len(wanted.classes)
    both = f"{said}, and {count} classes are named ({', '.join(wanted.classes[:3])}{', ...' if count > 3 else ''})"
    if not knows_classes(wanted.name, weighted=True):
        raise HeadMismatch(f"{both}: {how}", mismatch.outputs) from mismatch
    classifier = find_builder(wanted.name)(replace(wanted, classes=None))
    try:
        remarks = load_checkpoint(classifier.network, checkpoint)
    except HeadMismatch as error:
        raise HeadMismatch(f"{both}: {how}", mismatch.outputs) from error
    fresh = f"the last layer is fresh, for {count} classes: the weights of {checkpoint.path} are for the source's own"
    return with_new_head(classifier, wanted.classes), (*remarks, fresh)
