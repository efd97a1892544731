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
from ironglass.measure.statistics import mean_interval, wilson
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
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
    """Accuracy under every named corruption at severities 1 to 5, as `corruption_numbers` has it.

    names: of CORRUPTIONS, or "all". positions: which images of the split are measured; None for all. Raises InputError.
    """
    where = np.arange(len(split)) if positions is None else positions
    if not len(where):
        raise InputError("there are no images to corrupt: the split, or the choice from it, is empty")
    labels = split.labels[where]
    check_labels(torch.from_numpy(labels.copy()), len(where), len(classifier.classes))
    chosen = find_corruptions(names, split.pixels.shape[3])
    if not chosen:
        raise InputError("no corruption is named: give at least one, or all")
    total = len(chosen) * len(SEVERITIES) * len(where)
    done = 0

    def counted(more: int, _: int) -> None:
        if progress:
            progress(done + more, total)

    clean = predicted(logits_of(classifier, split.take(where), batch_size=batch_size)).numpy() == labels
    right = {}
    for name in chosen:
        flags = []
        for severity in SEVERITIES:
            logits, _ = corrupted_logits(
                classifier, split, name, severity, where, seed=seed, batch_size=batch_size, progress=counted
            )
            flags.append(predicted(logits).numpy() == labels)
            done += len(where)
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
    """Logits (m, k) of the images at `positions` (m,) of the split under one corruption, and how far it moves them.

    The latter (m,) is the largest change of any value of the image, in units of [0, 1]. An image's draw depends on the
    seed and its position in the split, and on nothing else.
    """
    found, moved = [], []
    with frozen(classifier), torch.no_grad():
        for start in range(0, len(positions), batch_size):
            where = positions[start : start + batch_size]
            pixels, _ = split.batch(where)
            changed = corrupt(pixels, name, severity, seed=seed, positions=where)
            found.append(classifier(to_images(changed.to(classifier.device))).float().cpu())
            moved.append(_largest_change(changed, pixels))
            if progress:
                progress(start + len(where), len(positions))
    return torch.cat(found), np.concatenate(moved)


def _largest_change(changed: Pixels, pixels: Pixels) -> np.ndarray:
    if pixels.dtype == torch.uint8:
        return (changed.short() - pixels.short()).abs().amax((1, 2, 3)).numpy() / 255
    return (changed.double() - pixels.double()).abs().amax((1, 2, 3)).numpy()


def corruption_numbers(
    clean: np.ndarray, right: Mapping[str, np.ndarray], *, size: tuple[int, int], seed: int
) -> dict[str, Any]:
    """The section `corruptions` of the results, from flags of the images that are named right.

    clean: (n,), of the unchanged images. right: an entry a corruption, (5, n), of its severities. size: (h, w). The
    numbers hold `severities`, `n`, `seed`, `side` (whose strengths, see `strengths_side`), `clean` (rate),
    `corruptions` [{`name`, `label`, `points` [{`severity`, `accuracy` (rate)}], `mean`}] and `mean`: a corruption's
    `mean` is its accuracy averaged over the severities, and the `mean` of all is averaged over the corruptions that
    were measured, each counting alike. Their n is the number of images, and their 95 % interval is Student's t over the
    images' own averages, for what becomes of one image under two corruptions is no two draws.

    Unlike the mCE of Hendrycks & Dietterich (2019, arXiv:1903.12261) it is an accuracy, not an error; it is not divided
    by AlexNet's error under each corruption, and so weighs hard corruptions more; and it averages what was measured,
    which may be other corruptions than their fifteen.
    """
    entries = []
    for name, flags in right.items():
        points = [
            {"severity": severity, "accuracy": wilson(int(row.sum()), len(row))}
            for severity, row in zip(SEVERITIES, flags, strict=True)
        ]
        mean = mean_interval(flags.mean(0), within=(0, 1))
        entries.append({"name": name, "label": CORRUPTIONS[name].label, "points": points, "mean": mean})
    return {
        "severities": list(SEVERITIES),
        "n": len(clean),
        "seed": seed,
        "side": strengths_side(size),
        "clean": wilson(int(clean.sum()), len(clean)),
        "corruptions": entries,
        "mean": mean_interval(np.mean([flags.mean(0) for flags in right.values()], axis=0), within=(0, 1)),
    }
