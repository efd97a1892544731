"""Accuracy on common corruptions: noise, blur, weather, compression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ironglass.data.corruptions.corrupt import CORRUPTIONS, SEVERITIES, corrupt, find_corruptions, strengths_side
from ironglass.data.dataset import Split
from ironglass.data.pixels import to_images
from ironglass.errors import InputError
from ironglass.measure.statistics import rate_of, share_interval
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import logits_of, predicted
from ironglass.types import Logits, Pixels, Progress


def corruption_accuracy(
    classifier: Classifier,
    split: Split,
    names: Sequence[str] = ("all",),
    *,
    positions: np.ndarray | None = None,
    seed: int = 0,
    batch_size: int = 256,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Accuracy under every named corruption at severities 1 to 5, in the form of `corruption_numbers`.

    names: of CORRUPTIONS, or "all".
    positions: indices of the measured images of the split; None for all.

    Raises InputError.
    """
    index = np.arange(len(split)) if positions is None else positions
    if not len(index):
        raise InputError("there are no images to corrupt: the split, or the choice from it, is empty")
    labels = split.labels[index]
    check_labels(torch.from_numpy(labels.copy()), len(index), len(classifier.classes))
    corruptions = find_corruptions(names, split.pixels.shape[3])
    if not corruptions:
        raise InputError("no corruption is named: give at least one, or all")
    total = len(corruptions) * len(SEVERITIES) * len(index)
    done = 0

    def counted(more: int, _: int) -> None:
        if progress:
            progress(done + more, total)

    clean = predicted(logits_of(classifier, split.take(index), batch_size=batch_size)).numpy() == labels
    right = {}
    for name in corruptions:
        flags = []
        for severity in SEVERITIES:
            logits, _ = corrupted_logits(
                classifier, split, name, severity, index, seed=seed, batch_size=batch_size, progress=counted
            )
            flags.append(predicted(logits).numpy() == labels)
            done += len(index)
        right[name] = np.stack(flags)
    size = (split.pixels.shape[1], split.pixels.shape[2])
    return corruption_numbers(clean, right, size=size, seed=seed)


def corrupted_logits(
    classifier: Classifier,
    split: Split,
    name: str,
    severity: int,
    positions: np.ndarray,
    *,
    seed: int = 0,
    batch_size: int = 256,
    progress: Progress | None = None,
) -> tuple[Logits, np.ndarray]:
    """Logits (m, k) of the images at `positions` (m,) of the split under one corruption, and the largest change of any
    value of each image, (m,), in units of [0, 1].

    An image's draw depends on the seed and its position in the split only.
    """
    logits, changes = [], []
    with eval_without_grad(classifier), torch.no_grad():
        for start in range(0, len(positions), batch_size):
            index = positions[start : start + batch_size]
            pixels, _ = split.batch(index)
            changed = corrupt(pixels, name, severity, seed=seed, positions=index)
            logits.append(classifier(to_images(changed.to(classifier.device))).float().cpu())
            changes.append(_largest_change(changed, pixels))
            if progress:
                progress(start + len(index), len(positions))
    return torch.cat(logits), np.concatenate(changes)


def _largest_change(changed: Pixels, pixels: Pixels) -> np.ndarray:
    if pixels.dtype == torch.uint8:
        return (changed.short() - pixels.short()).abs().amax((1, 2, 3)).numpy() / 255
    return (changed.double() - pixels.double()).abs().amax((1, 2, 3)).numpy()


def corruption_numbers(
    clean: np.ndarray, right: Mapping[str, np.ndarray], *, size: tuple[int, int], seed: int
) -> dict[str, Any]:
    """The section `corruptions` of the results, from flags of correctly classified images.

    clean: (n,), flags of the unchanged images.
    right: by corruption, (5, n), flags for its severities.
    size: (h, w).

    The numbers hold `severities`, `n`, `seed`, `side` (see `strengths_side`), `clean` (rate), `corruptions` [{`name`,
    `label`, `points` [{`severity`, `accuracy` (rate)}], `mean`}] and `mean`: a corruption's `mean` is its accuracy
    averaged over the severities, and the overall `mean` is the average over the measured corruptions with equal
    weights. Their n is the number of images, and their 95 % interval is Student's t over the images' own averages
    (that of a count where these are all alike), since the outcomes of one image under two corruptions are not
    independent.

    Unlike the mCE of Hendrycks & Dietterich (2019, arXiv:1903.12261) it is an accuracy, not an error; it is not divided
    by AlexNet's error under each corruption, and so weighs hard corruptions more; and it averages what was measured,
    which may be other corruptions than their fifteen.
    """
    entries = []
    for name, flags in right.items():
        points = [
            {"severity": severity, "accuracy": rate_of(row)} for severity, row in zip(SEVERITIES, flags, strict=True)
        ]
        mean = share_interval(flags.mean(0))
        entries.append({"name": name, "label": CORRUPTIONS[name].label, "points": points, "mean": mean})
    return {
        "severities": list(SEVERITIES),
        "n": len(clean),
        "seed": seed,
        "side": strengths_side(size),
        "clean": rate_of(clean),
        "corruptions": entries,
        "mean": share_interval(np.mean([flags.mean(0) for flags in right.values()], axis=0)),
    }
