"""The page of a prediction: every image beside a map of what its class follows from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.explain import explain
from ironglass.measure.maps.attribution import image_maps
from ironglass.models.classifier import Classifier
from ironglass.models.predict import batches
from ironglass.run import Run
from ironglass.studies.common.progress import Tell
from ironglass.types import Logits

PICTURED = 200
"""Images on the page, the first: each adds some 20 kB to it."""
_BATCH = 16
_METHODS = {"grad-cam": "Grad-CAM", "saliency": "the gradient's size"}


WritePage: TypeAlias = Callable[..., None]
"""`report.prediction.page.write_page`, which the face gives: studies draw nothing."""


def write_predictions_page(
    run: Run,
    classifier: Classifier,
    split: Split,
    logits: Logits,
    rows: list[dict[str, Any]],
    *,
    write_page: WritePage,
    progress: Tell,
) -> None:
    """Writes `predictions.html`: the first images, their most probable classes, and a map for the first of these.

    Grad-CAM of the last layer that has one; else the gradient; else no map, where the network has no gradient.
    """
    pictured = split.take(slice(0, PICTURED))
    targets = torch.nan_to_num(logits[: len(pictured)]).argmax(1)
    method = next((name for name in _METHODS if _works(classifier, pictured, targets, name)), None)
    maps: list[np.ndarray] = []
    if method is not None:
        for number, (images, _) in enumerate(batches(pictured, _BATCH, classifier.device)):
            progress("drawing maps", number * _BATCH, len(pictured), "")
            maps += list(_maps(classifier, images, targets[number * _BATCH :][: len(images)], method))
        progress("drawing maps", len(pictured), len(pictured), "")
    about = run.read("data.json", {})
    note = _METHODS[method] if method else ""
    write_page(run, pictured.stored(slice(None)), maps, rows, method_note=note, of=len(split), about=about)


def _works(classifier: Classifier, split: Split, targets: torch.Tensor, method: str) -> bool:
    images, _ = split[:1]
    try:
        _maps(classifier, images.to(classifier.device), targets[:1], method)
    except InputError:  # no layer with a place, or no gradient
        return False
    return True


def _maps(classifier: Classifier, images: torch.Tensor, targets: torch.Tensor, method: str) -> np.ndarray:
    """Maps (n, h, w) of the size of the images."""
    attributions = explain(classifier, images, targets.to(images.device), method)
    size = (images.shape[2], images.shape[3])
    return image_maps(attributions, size, absolute=method == "saliency").float().cpu().numpy()
