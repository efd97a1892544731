"""Classes for a handful of files or a folder of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ironglass.data.dataset import Split
from ironglass.data.load import load_images
from ironglass.errors import InputError
from ironglass.measure.per_image import write_predictions
from ironglass.models.load import load_classifier
from ironglass.models.native import knows_classes, native_size
from ironglass.models.predict import logits_of
from ironglass.run import Run
from ironglass.studies.prepare import pick_device


def predict(
    model: str,
    paths: Sequence[Path],
    folder: str | Path,
    *,
    size: int | None = None,
    weights: str | None = None,
    pretrained: bool = False,
    device: str = "auto",
    seed: int = 0,
    resume: bool = False,
    tell: Any = lambda what, done, of, detail: None,
) -> tuple[Run, list[dict[str, str]]]:
    """Writes `predictions.csv`, an image a line with its five most probable classes, and gives the lines.

    Files that cannot be decoded are left out and named in `data.json`. Raises InputError where none is left.
    """
    place = pick_device(device)
    if not knows_classes(model, weighted=pretrained or weights is not None):
        raise InputError(f"{model} has no trained weights or no class names: name a run folder, or give --pretrained")
    native = native_size(model)
    classifier = load_classifier(model, size=size or native, pretrained=pretrained, weights=weights, seed=seed).to(
        place
    )
    pixels, names, quarantined = load_images(
        [Path(path) for path in paths], size=classifier.input_size, channels=classifier.channels
    )
    if not names:
        first = quarantined[0]
        raise InputError(f"none of the {len(quarantined)} files can be decoded; {first.name}: {first.reason}")
    split = Split(pixels, np.zeros(len(names), dtype=np.int64), tuple(names))
    logits = logits_of(classifier, split, progress=lambda done, of: tell("predicting", done, of, ""))
    asked = {"name": "predict", "model": model, "paths": [str(path) for path in paths], "seed": seed}
    with Run.hold(folder, asked, resume=resume) as run:
        run.write("data.json", {"images": len(names), "quarantined": [vars(file) for file in quarantined]})
        return run, write_predictions(run, names, classifier.classes, logits)
