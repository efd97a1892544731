"""Classifiers by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from ironglass.errors import InputError
from ironglass.fields import check_seed, expect
from ironglass.models.checks import checked_size
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.loading.forms.exported_file import geometry_of
from ironglass.models.loading.forms.find import EXAMPLES, find_builder
from ironglass.models.loading.fresh import mark_fresh
from ironglass.models.loading.local_weights import with_weights
from ironglass.models.loading.native import is_code, is_exported, knows_classes
from ironglass.models.loading.ready import prepare
from ironglass.models.normalisation import ASSUMED, GIVEN, stated
from ironglass.models.request import ModelRequest


def load_classifier(
    name: str | Path,
    *,
    classes: Sequence[str] | None = None,
    size: int | tuple[int, int] | None = None,
    channels: int = 3,
    pretrained: bool = False,
    weights: str | Path | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    normalise: str | None = None,
    seed: int = 0,
    **options: Any,
) -> Classifier:
    """Loads a classifier by name. Choices and assumptions are listed in its `remarks`.

    Args:
        name: one of `ironglass.list_models()`, as "simple-cnn", "timm/NAME" or "torchvision/NAME"; "hf-hub:ID",
            "local-dir:PATH", "file.py:function", "net.pt2", "net.onnx", or a run folder.
        classes: names of a fresh head's classes, or of a bare module's outputs in their order; None for the weights'.
        size: height and width of the images, in pixels; None for the source's own.
        channels: 1 or 3.
        pretrained: whether to load the published weights; only then do timm and torchvision names use the network.
        weights: a local checkpoint for the network.
        mean, std: what images in [0, 1] are normalised by, a number a channel or one for all; None for the source's.
        normalise: "imagenet", "half" (to [-1, 1]) or "none", in place of mean and std.
        seed: of fresh weights; the caller's random state is left alone.
        options: for the network's builder.

    Raises:
        InputError: for an unknown name or option, weights that do not fit, and outputs that are no logits.

    Example:
        >>> import ironglass as ig
        >>> classifier = ig.load_classifier("simple-cnn", classes=("cat", "dog"), size=32, channels=3)
        >>> classifier.classes
        ('cat', 'dog')
    """
    expect(name, str | Path, "model", f"a name or a path: {EXAMPLES}")
    request = ModelRequest(
        name=str(name),
        classes=_checked_classes(classes),
        size=_checked_size(size),
        channels=channels,
        pretrained=pretrained,
        weighted=pretrained or weights is not None,
        options=options,
    )
    return _loaded(request, weights, lambda channels: stated(mean, std, normalise, channels), seed)


def _loaded(
    request: ModelRequest,
    weights: str | Path | None,
    normalisation: Callable[[int], tuple[Sequence[float], Sequence[float]] | None],
    seed: int,
) -> Classifier:
    """The requested classifier. normalisation: mean and std for so many channels, or None for its own."""
    with torch.random.fork_rng():
        torch.manual_seed(check_seed(seed))
        name = request.name
        classifier = find_builder(name)(request) if weights is None else with_weights(request, Path(weights))
        has_weights = request.weighted or knows_classes(name, weighted=False)
        _override(classifier, normalisation(classifier.channels), request.size, remark=has_weights)
        prepared = prepare(classifier)
        if not has_weights:
            mark_fresh(prepared, name)
        return prepared


def own_geometry(
    name: str, classes: tuple[str, ...] | None, options: dict[str, Any], seed: int
) -> tuple[tuple[int, int], int] | None:
    """Size and channels of the Classifier that a file of the user's own gives; None where it gives a bare module, to
    which images of any size may belong, and of an exported network what it says that it takes. Raises
    `NeedsClasses` where it must be told the classes to say so."""
    if is_exported(name):
        return geometry_of(Path(name))
    request = ModelRequest(
        name=name, classes=classes, size=None, channels=3, pretrained=False, weighted=False, options=dict(options)
    )
    for field in ("mean", "std"):
        request.options.pop(field, None)
    with torch.random.fork_rng():
        torch.manual_seed(check_seed(seed))
        classifier = find_builder(name)(request)
    return None if classifier.normalisation == ASSUMED else (classifier.input_size, classifier.channels)


def load_saved(folder: Path, model_name: str, **options: Any) -> Classifier:
    """A classifier that `save_classifier` wrote into the folder; `named`, `options`: how the user called its model.

    A folder chooses no code to run: where the user named a Python file, that name is what builds the network.
    """
    if model_name.lower().endswith(".onnx"):  # whose weights nothing changes
        return load_classifier(model_name, **options)
    if is_code(model_name):
        return load_classifier(model_name, weights=folder / "model.safetensors", **options)
    return load_classifier(str(folder))


def _override(
    classifier: Classifier,
    statistics: tuple[Sequence[float], Sequence[float]] | None,
    size: tuple[int, int] | None,
    *,
    remark: bool,
) -> None:
    """Gives the classifier another normalisation and size, where asked; remark: and says so where they differ."""
    remarks = []
    if statistics:
        before, origin = _statistics(classifier), classifier.normalisation
        classifier.normalise(*statistics, GIVEN)
        if origin != ASSUMED and (after := _statistics(classifier)) != before:
            remarks.append(f"its own normalisation is {before}, and it is given {after}, as asked")
    if size and (native := classifier.input_size) != size:
        resize(classifier, size)
        before, after = ("{} × {}".format(*one) for one in (native, size))
        remarks.append(f"its own images are of {before} pixels, and it is given some of {after}, as asked")
    if remark:
        classifier.remarks += tuple(remarks)


def _statistics(classifier: Classifier) -> str:
    values = {"mean": classifier.mean, "std": classifier.std}
    return ", ".join(
        f"{name} {' '.join(f'{float(number):.4g}' for number in tensor.flatten())}" for name, tensor in values.items()
    )


def _checked_classes(classes: Any) -> tuple[str, ...] | None:
    if classes is None:
        return None
    if (
        not isinstance(classes, Sequence)
        or isinstance(classes, str)
        or not all(isinstance(name, str) for name in classes)
    ):
        raise InputError(f"classes is {classes!r}: give a list of names, one an output of the network, in their order")
    return tuple(classes)


def _checked_size(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    return checked_size(size)


def resize(classifier: Classifier, size: tuple[int, int]) -> None:
    """Sets the size of image that the classifier is given. Raises InputError for a network that takes its own alone."""
    before, classifier.input_size = classifier.input_size, size
    try:
        with eval_without_grad(classifier), torch.no_grad():
            classifier(torch.zeros(1, classifier.channels, *size, device=classifier.device))
    except Exception as error:  # a stranger's network may raise anything
        classifier.input_size = before
        native, requested = (f"{height} × {width}" for height, width in (before, size))
        raise InputError(
            f"{classifier.source or 'the network'} takes images of {native} and not of {requested}: leave the size out"
            f" ({type(error).__name__}: {error})"
        ) from error
