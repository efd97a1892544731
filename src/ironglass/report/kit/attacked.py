"""Adversarial images with what was changed, in the one look that every section gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ironglass.report.kit import pictures
from ironglass.report.kit.samples import Samples

MAX_LARGE = 60
"""Adversarial images beyond which they are kept no larger than a cell, so that the page stays small."""


@dataclass(frozen=True)
class AttackRow:
    """The sampled images under one attack.

    name: of the attack.
    sizes: eps, images float32 (s, h, w, c) in [0, 1], and for each image what it is then taken for.
    """

    name: str
    sizes: tuple[tuple[float, np.ndarray, list[dict[str, Any]]], ...]


def fgsm_row(samples: Samples) -> list[AttackRow]:
    """FGSM at every eps above 0; [] where the samples were not attacked so."""
    sizes = [(eps, part, [entry["fgsm"][i] for entry in samples.images]) for i, eps, part in samples.attacked() if eps]
    return [AttackRow("fgsm", tuple(sizes))] if sizes else []


def named_rows(samples: Samples) -> list[AttackRow]:
    """Every named attack at every eps, or, in older runs, at the largest alone."""
    return [AttackRow(name, _sizes(samples, name, largest)) for name, largest in samples.side_by_side()]


def _sizes(
    samples: Samples, name: str, largest: np.ndarray
) -> tuple[tuple[float, np.ndarray, list[dict[str, Any]]], ...]:
    now: list[dict[str, Any]] = [entry[name] for entry in samples.attacks["images"]]
    at: list[dict[str, Any]] = now[0].get("at", []) if now else []
    smaller = [
        (float(point["eps"]), samples.tensors[key], [entry["at"][i] for entry in now])
        for i, point in enumerate(at)
        if (key := f"attack/{name}/{i}") in samples.tensors
    ]
    return (*smaller, (float(samples.attacks["eps"]), largest, now))


def magnification(changes: Sequence[np.ndarray]) -> float:
    """Factor by which changes are magnified, the same for all: the largest just fills the range about mid-grey."""
    largest = max((float(np.abs(part).max(initial=0)) for part in changes), default=0.0)
    return 1.0 if largest == 0 else max(1.0, float(np.floor(0.5 / largest)))


def attacked_cell(
    attacked: np.ndarray, change: np.ndarray, factor: float, outcome: dict[str, Any], *, large: bool
) -> dict[str, Any]:
    """One adversarial image for the page: pictures of it and of what was changed, and what it is then taken for.

    attacked: (h, w, c) in [0, 1]. change: (h, w, c), signed. outcome: `prediction`, `confidence` and `right`.
    """
    magnified = pictures.magnified(change, factor)
    side = pictures.stored_side(magnified.shape)
    return outcome | {
        "picture": pictures.picture(pictures.colour(attacked), large=large),
        "change": pictures.Picture(pictures.photo_url(magnified, side, nearest=True), side),
    }


def attack_grid(samples: Samples, rows: Sequence[AttackRow]) -> dict[str, Any] | None:
    """Every sampled image under every attack at every eps; None without attacks.

    `sizes`: the eps, smallest first. `names`: of the attacks. `images`: an image, attack and eps a cell, None where an
    attack was not made at that eps. `factor`: of the changes.
    """
    if not rows:
        return None
    originals = pictures.unit(samples.tensors["images"], np.float32)
    factor = magnification([part - originals for row in rows for _, part, _ in row.sizes])
    sizes = sorted({eps for row in rows for eps, _, _ in row.sizes})
    by_eps = [{eps: (part, outcomes) for eps, part, outcomes in row.sizes} for row in rows]
    large = len(samples.images) * len(sizes) * len(rows) <= MAX_LARGE

    def cell(row: dict[float, tuple[np.ndarray, list[dict[str, Any]]]], eps: float, i: int) -> dict[str, Any] | None:
        if eps not in row:
            return None
        part, outcomes = row[eps]
        prediction = outcomes[i]["prediction"]
        outcome = {
            "prediction": samples.names(prediction),
            "confidence": outcomes[i]["confidence"],
            "right": prediction == samples.images[i]["label"],
        }
        return attacked_cell(part[i], part[i] - originals[i], factor, outcome, large=large)

    return {
        "sizes": sizes,
        "names": [row.name for row in rows],
        "factor": factor,
        "images": [[[cell(row, eps, i) for eps in sizes] for row in by_eps] for i in range(len(samples.images))],
    }
