"""Checks of images and labels that users give."""

from __future__ import annotations

import torch
from torch import Tensor

from ironglass.errors import InputError


def check_images(images: Tensor, channels: int | None = None) -> None:
    """Raises InputError unless `images` is float, (n, c, h, w), finite and in [0, 1]."""
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
    if labels.dtype != torch.int64 or tuple(labels.shape) != (n,):
        raise InputError(f"labels are {labels.dtype} {tuple(labels.shape)}: give int64 ({n},), one class an image")
    low, high = (int(bound) for bound in labels.aminmax())
    if low < 0 or high >= classes:
        raise InputError(f"labels range from {low} to {high}: {classes} classes are numbered 0 to {classes - 1}")
