"""Classes for a handful of files or a folder of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ironglass.data.build import Reading
from ironglass.data.dataset import Split
from ironglass.data.files.plain import printable
from ironglass.data.images import LoadedImages, load_images
from ironglass.data.load import check_reading
from ironglass.errors import ForwardError, InputError, Notice
from ironglass.measure.per_image import write_predictions
from ironglass.models.classifier import Classifier
from ironglass.models.loading.fresh import assumed
from ironglass.models.loading.load import load_classifier
from ironglass.models.loading.native import is_code, is_exported, knows_classes
from ironglass.models.loading.weights import classes_beside
from ironglass.models.predict import logits_of
from ironglass.models.temperature import read_temperature
from ironglass.run import Run
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.plan_data import reading_of
from ironglass.studies.prediction.page import WritePage, write_predictions_page

DEFAULTS = RunOptions()


def predict(
    model: str,
    paths: Sequence[Path],
    folder: str | Path,
    *,
    size: int | None = None,
    weights: str | None = None,
    pretrained: bool = False,
    classes: Sequence[str] = (),
    normalised: Mapping[str, Any] | None = None,
    seed: int = 0,
    fit: str | None = None,
    range: str | tuple[float, float] | None = None,
    temperature: bool = False,
    write_page: WritePage | None = None,
    options: RunOptions = DEFAULTS,
) -> tuple[Run, list[dict[str, Any]]]:
    """Writes `predictions.csv`, an image a line with its five most probable classes, and gives the lines.

    classes: the names of the network's outputs, in their order; () for its own. normalised: mean, std, normalise as
    `load_classifier` takes them. Files that are no images are left out and named in `data.json`. fit, range: as of
    `load_dataset`; None for what the model's run says. temperature: whether confidences are those at the temperature in
    the model's folder. write_page: makes `predictions.html` of every image with a map of what its class follows from;
    None for no page. What was assumed of the network stands in `data.json`, too, under `remarks`. Raises InputError
    where no image is left.
    """
    own_reading = reading_of(model)
    asked_reading = check_reading(
        None, None, own_reading.fit if fit is None else fit, own_reading.range if range is None else range
    )
    arguments = {"size": size, "pretrained": pretrained, "weights": weights, "seed": seed}
    classifier = _trained(model, classes, arguments, normalised or {}, temperature).to(options.place)
    weighted = pretrained or weights is not None
    classifier.remarks += tuple(assumed(model, classifier, fresh=not weighted and is_code(model)))
    images = _readable(paths, classifier, asked_reading)
    names = images.names
    split = Split(images.pixels, np.zeros(len(names), dtype=np.int64), tuple(names))
    logits = logits_of(classifier, split, progress=lambda done, of: options.progress("predicting", done, of, ""))
    recipe = {"name": "predict", "model": model, "paths": [printable(path) for path in paths], "seed": seed}
    recipe |= {"temperature": classifier.temperature} if temperature else {}
    with Run.hold(folder, recipe, resume=options.resume) as run:
        left_out = [vars(file) for file in images.left_out]
        about = {"images": len(names), "quarantined": left_out, "notes": images.notes, "reading": images.reading}
        about |= {"remarks": list(classifier.remarks)}
        run.write("data.json", about)
        rows = write_predictions(run, names, classifier, logits)
        if write_page is not None:
            page: dict[str, Any] = {"write_page": write_page, "progress": options.progress}
            write_predictions_page(run, classifier, split, logits, rows, **page)
        return run, rows


def _trained(
    model: str, classes: Sequence[str], arguments: dict[str, Any], normalised: Mapping[str, Any], temperature: bool
) -> Classifier:
    """The network with its weights, its outputs called as asked. Raises InputError where nobody names its classes.

    arguments: size, pretrained, weights and seed, as `load_classifier` takes them.
    """
    weights = arguments["weights"]
    if temperature and weights is not None:
        raise InputError("--temperature was fitted for the weights in the model's own folder: leave --weights out")
    scale = read_temperature(model) if temperature else None
    weighted = arguments["pretrained"] or weights is not None
    has_classes = knows_classes(model, weighted=weighted)
    beside = weights is not None and not has_classes and bool(classes_beside(weights))
    if not has_classes and not beside and not (classes and (weighted or is_code(model))):
        raise InputError(
            f"{model} has no trained weights or no class names: name a run folder, give --pretrained, or --weights and"
            " --classes"
        )
    asked_for = {"classes": None if has_classes or not classes else classes, **arguments}
    classifier = _loaded(model, asked_for | dict(normalised))
    if classes and tuple(classes) != classifier.classes:
        classifier.rename(classes)
    if scale is not None:
        classifier.temperature, fitted = scale
        text = f"its confidences are those at temperature {classifier.temperature:.3g}, fitted on {fitted:,} images"
        classifier.remarks += (text,)
    return classifier


def _readable(paths: Sequence[Path], classifier: Classifier, reading: Reading) -> LoadedImages:
    """The images, as the network takes them. Raises InputError where no file can be decoded."""
    images = load_images(paths, size=classifier.input_size, channels=classifier.channels, reading=reading)
    if not images.names:
        first = images.left_out[0]
        raise InputError(f"none of the {len(images.left_out)} files can be decoded; {first.name}: {first.reason}")
    return images


def _loaded(model: str, asked_for: dict[str, Any]) -> Classifier:
    """The classifier; a network of the user's own, which says nothing of it, for grey images where it takes no others.

    In every other verb it is the data that say how many channels there are.
    """
    try:
        return load_classifier(model, **asked_for)
    except ForwardError:
        if not (is_code(model) or is_exported(model)):
            raise
        try:
            classifier = load_classifier(model, channels=1, **asked_for)
        except InputError:
            classifier = None
        if classifier is None:
            raise
    warnings.warn(Notice(f"{model} takes images of one channel: what is read is turned into grey"), stacklevel=4)
    return classifier
