"""Does a network read more images right under another normalisation than the one that was assumed?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ironglass.data.dataset import Split
from ironglass.measure.statistics import holm, mcnemar
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
from ironglass.models.normalisation import PRESETS, stated
from ironglass.types import Images

IMAGES = 64
_LEVEL = 0.01


def compare_normalisations(classifier: Classifier, split: Split) -> dict[str, Any]:
    """Counts how many of 64 images, spread over the split, are right as the classifier normalises and under each
    alternative: the presets, and the images' own mean and deviation.

    `better` names the alternative that reads most right, of those that Holm's test over McNemar's pairs sets apart at
    1 %; None where there is none. The classifier is left as it is.
    """
    images, labels = split[np.linspace(0, len(split) - 1, min(IMAGES, len(split))).round().astype(np.int64)]
    images, labels = images.to(classifier.device), labels.to(classifier.device)
    own = (classifier.mean.flatten().tolist(), classifier.std.flatten().tolist())
    found = {name: stated(None, None, name, classifier.channels) for name in PRESETS}
    ways = {name: both for name, both in found.items() if both is not None and not np.allclose(both, own)}
    std = images.std((0, 2, 3))
    if bool((std > 0).all()):
        ways["the data's own"] = (images.mean((0, 2, 3)).tolist(), std.tolist())
    before = _right(classifier, images, labels, *own)
    rows = {}
    for name, (mean, deviation) in ways.items():
        after = _right(classifier, images, labels, mean, deviation)
        rows[name] = {"right": int(after.sum()), "mean": mean, "std": deviation, "p": mcnemar(before, after)["p"]}
    apart = holm([row["p"] for row in rows.values()], _LEVEL)
    clear = [name for name, stands in zip(rows, apart, strict=True) if stands and rows[name]["right"] > before.sum()]
    better = max(clear, key=lambda name: rows[name]["right"], default=None)
    return {"n": len(labels), "right": int(before.sum()), "alternatives": rows, "better": better}


def warning(found: dict[str, Any], split: str = "validation") -> str:
    """The sentence that warns of an assumed normalisation, tried on images of the split; "" where no other is clearly
    better."""
    name = found["better"]
    if name is None:
        return ""
    row = found["alternatives"][name]
    numbers = "".join(f" --{field} {','.join(f'{value:.3f}' for value in row[field])}" for field in ("mean", "std"))
    how = f"--normalise {name}" if name in PRESETS else numbers.strip()
    return (
        f"warning: of {found['n']} {split} images {found['right']} are read right as images are normalised here, and"
        f" {row['right']} under {how}: give it if the network was trained so"
    )


@torch.no_grad()
def _right(classifier: Classifier, images: Images, labels: Tensor, mean: list[float], std: list[float]) -> np.ndarray:
    """Flags of the images that are right if they are normalised by these numbers, bool (n,)."""
    other_mean, other_std = (torch.tensor(values, device=images.device).view(1, -1, 1, 1) for values in (mean, std))
    given = (images - other_mean) / other_std * classifier.std + classifier.mean  # the classifier then undoes its own
    with frozen(classifier):
        return (classifier(given).argmax(1) == labels).cpu().numpy()
