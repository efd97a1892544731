"""Wrong images and labels, which a method must refuse by InputError."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.testing.networks import batch


def check_refusals(method: Callable[..., Any], fresh: Callable[[], Classifier], decorator: str) -> None:
    """Calls a method as method(classifier, images, labels) with wrong images, and with wrong labels.

    Args:
        method: an attack or explainer.
        fresh: makes a classifier, anew for each call.
        decorator: name, for the message, of the decorator that makes a method refuse wrong input.

    Raises:
        AssertionError: where it takes them, or raises anything but InputError.
    """
    for description, (images, labels) in _wrong_inputs(fresh()).items():
        try:
            method(fresh(), images, labels)
        except InputError:
            continue
        except Exception as error:
            raise AssertionError(
                f"raises {type(error).__name__}, not InputError, for {description}: {error}"
            ) from error
        raise AssertionError(f"takes {description} without InputError: see {decorator}")


def _wrong_inputs(classifier: Classifier) -> dict[str, tuple[Any, Any]]:
    """Wrong images and labels, by a description of the fault."""
    images, labels = batch(classifier)
    with_nan = images.clone()
    with_nan[2, 0, 0, 0] = torch.nan
    return {
        "images from 0 to 2": (2 * images, labels),
        "normalised images": ((images - 0.5) / 0.2, labels),
        "images with a NaN": (with_nan, labels),
        "images of bytes": ((255 * images).to(torch.uint8), labels),
        "images of one channel": (images[:, :1], labels),
        "a single image without its batch axis": (images[0], labels),
        "labels beyond the classes": (images, labels + len(classifier.classes)),
        "labels as floats": (images, labels.float()),
        "fewer labels than images": (images, labels[:3]),
    }
