"""Checks of user-provided classifiers, images and labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ironglass.errors import InputError


def check_classifier(classifier: object) -> None:
    """Raises InputError for anything but a `Classifier`, such as a bare module or a model's name."""
    if not hasattr(classifier, "input_size") or not callable(getattr(classifier, "accept", None)):
        raise InputError(
            f"classifier is of type {type(classifier).__name__}: give what ironglass.load_classifier gives, or"
            " ironglass.Classifier(module, mean=..., std=..., classes=..., input_size=...)"
        )


def checked_images(classifier: Any, images: Tensor) -> Tensor:
    """Images as a public call takes them, see `Classifier.accept`. Raises InputError, also for no classifier."""
    check_classifier(classifier)
    return classifier.accept(images)


def checked_names(classes: Any) -> tuple[str, ...]:
    """Names of a network's outputs. Raises InputError for what has no order, and unless two or more differ."""
    if isinstance(classes, str | bytes | Mapping | set | frozenset) or not hasattr(classes, "__iter__"):
        raise InputError(f"classes is {classes!r}: give a list of names, one an output of the network, in their order")
    names = tuple(str(name) for name in classes)
    if len(set(names)) != len(names) or len(names) < 2:
        raise InputError(f"classes must be at least two different names, not {list(names)[:5]}")
    return names


def checked_size(size: Any) -> tuple[int, int]:
    """Height and width in pixels, of both or of one number for a square. Raises InputError for anything else."""
    sides = (size, size) if isinstance(size, int) else tuple(size) if isinstance(size, tuple | list) else ()
    if len(sides) != 2 or not all(isinstance(side, int) and 1 <= side <= 4096 for side in sides):
        raise InputError(f"size is {size!r}: give 1 to 4096 pixels, or height and width")
    return sides


def check_images(images: Tensor, channels: int | None = None) -> None:
    """Raises InputError unless `images` is float, (n, c, h, w), finite and in [0, 1]."""
    if not isinstance(images, Tensor):
        raise InputError(
            f"images are of type {type(images).__name__}: give a float Tensor (n, c, h, w) in [0, 1], of an array"
            " torch.from_numpy(array), of several images torch.stack(images)"
        )
    if images.ndim != 4:
        raise InputError(f"images have shape {tuple(images.shape)}: give them as (n, c, h, w)")
    if not images.is_floating_point():
        raise InputError(f"images are {images.dtype}: give float32 in [0, 1], for bytes images.float() / 255")
    if channels is not None and images.shape[1] != channels:
        raise InputError(f"images have {images.shape[1]} channels and the classifier takes {channels}")
    if images.numel() == 0:
        raise InputError("there are no images: the batch is empty")
    low, high = (float(bound) for bound in images.detach().aminmax())
    if not (low >= 0 and high <= 1):  # also catches NaN
        raise InputError(f"images range from {low:.4g} to {high:.4g}: give them in [0, 1], not normalised")


def check_labels(labels: Tensor, n: int, classes: int) -> None:
    """Raises InputError unless `labels` is int64, (n,), with every one a position in the list of classes."""
    if not isinstance(labels, Tensor):
        raise InputError(
            f"labels are of type {type(labels).__name__}: give an int64 Tensor ({n},), one class an image, of a list"
            " torch.tensor(labels)"
        )
    if labels.dtype != torch.int64 or tuple(labels.shape) != (n,):
        raise InputError(f"labels are {labels.dtype} {tuple(labels.shape)}: give int64 ({n},), one class an image")
    low, high = (int(bound) for bound in labels.aminmax())
    if low < 0 or high >= classes:
        raise InputError(f"labels range from {low} to {high}: {classes} classes are numbered 0 to {classes - 1}")
