"""The same images attacked before and after a hardening, made ready for the page."""

from __future__ import annotations

from typing import Any

import numpy as np

from ironglass.report.kit import pictures
from ironglass.report.kit.attacked import attacked_cell, magnification
from ironglass.report.kit.section import Facts, Source
from ironglass.report.kit.tensors import read_tensors

FILE = "hardened"
SIDES = ("before", "after")
OUTCOMES = {
    "before": "fooled before, not after",
    "both": "fooled before and after",
    "after": "fooled after, not before",
    "neither": "fooled neither before nor after",
}


def attacked_pictures(source: Source) -> Facts:
    """Pictures of the images with what each side was attacked by; `hardened` is None where the run has none.

    The changes of all images and both sides are magnified alike. Raises InputError where the file cannot be read.
    """
    facts, path = source.run.read_object(f"{FILE}.json"), source.run.path / f"{FILE}.safetensors"
    if not facts or not facts["images"] or not path.is_file():
        return {"hardened": None}
    tensors = read_tensors(path, f"remove it and {FILE}.json, and add --resume")
    images = pictures.unit(tensors["images"], np.float32)
    factor = magnification([tensors[side] - images for side in SIDES])
    entries = [
        {
            "name": entry["name"],
            "label": source.name_of(entry["label"]),
            "outcome": OUTCOMES[entry["outcome"]],
            "photo": pictures.picture(pictures.colour(image), large=True),
            "sides": {side: _side(source, entry[side], image, tensors[side][position], factor) for side in SIDES},
        }
        for position, (entry, image) in enumerate(zip(facts["images"], images, strict=True))
    ]
    counts = [(facts["counts"][kind], words) for kind, words in OUTCOMES.items() if facts["counts"][kind]]
    return {
        "hardened": {
            "eps": facts["eps"],
            "norm": facts["norm"],
            "n": facts["n"],
            "counts": counts,
            "factor": factor,
            "images": entries,
        }
    }


def _side(
    source: Source, entry: dict[str, Any], image: np.ndarray, attacked: np.ndarray, factor: float
) -> dict[str, Any]:
    prediction = entry["prediction"]
    outcome = {
        "attack": entry["attack"],
        "prediction": "no class" if prediction is None else source.name_of(prediction),
        "confidence": entry["confidence"],
        "right": entry["right"],
    }
    return attacked_cell(attacked, attacked - image, factor, outcome, large=True)
