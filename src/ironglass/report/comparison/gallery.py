"""Saliency, preferred images and feature maps of the arms, made ready for the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ironglass.report.kit import pictures
from ironglass.report.kit.map_scale import full_scale
from ironglass.report.kit.tensors import read_tensors
from ironglass.run import Run


def read_gallery(run: Run, names: Callable[[int], str]) -> dict[str, Any] | None:
    """Saliency, layers and maximised images of every arm with their scales, or None where the run has none.

    An arm's saliency maps of one image, unchanged and attacked, share a scale; every layer's picture has its own.
    Raises InputError where the file cannot be read.
    """
    facts, path = run.read_object("gallery.json"), run.path / "gallery.safetensors"
    if not facts or not facts["images"] or not path.is_file():
        return None
    tensors = read_tensors(path, "remove it and gallery.json, and add --resume")
    photos = [pictures.colour(image) for image in tensors["images"]]
    return {
        "eps": facts["eps"],
        "norm": facts["norm"],
        "images": [
            {"label": names(entry["label"]), "file": entry["name"], **_photo(photo)}
            for entry, photo in zip(facts["images"], photos, strict=True)
        ],
        "classes": [names(class_index) for class_index in facts["classes"]],
        "arms": [_arm(entry, facts, tensors, names) for entry in facts["arms"]],
    }


def _arm(
    entry: dict[str, Any], facts: dict[str, Any], tensors: dict[str, np.ndarray], names: Callable[[int], str]
) -> dict[str, Any]:
    name = entry["name"]
    maps = {kind: tensors[f"saliency/{name}/{kind}"] for kind in ("clean", "attacked")}
    outcomes: list[dict[str, Any]] = []
    for i, image in enumerate(facts["images"]):
        scale = full_scale([part[i] for part in maps.values()])
        outcomes.append(
            {
                "scale": scale,
                **{
                    kind: {
                        "url": pictures.map_url(pictures.positive_index(part[i], scale), pictures.HEAT, pictures.CELL),
                        "prediction": names(entry[kind][i]["prediction"]),
                        "confidence": entry[kind][i]["confidence"],
                        "right": entry[kind][i]["prediction"] == image["label"],
                    }
                    for kind, part in maps.items()
                },
            }
        )
    best = [
        _photo(pictures.colour(part)) | {"share": outcome["share"]}
        for part, outcome in zip(tensors.get(f"maximised/{name}", []), entry.get("maximised", []), strict=True)
    ]
    layers = [
        {"name": layer} | _tiles(tensors[key])
        for layer in entry["layers"]
        if (key := f"layers/{name}/{layer}") in tensors
    ]
    return {"name": name, "looks": outcomes, "maximised": best, "layers": layers}


def _tiles(picture: np.ndarray) -> dict[str, Any]:
    scale = pictures.signed_scale([picture])
    rgb = pictures.SIGNED[pictures.signed_index(picture, scale)]
    rgb[np.isnan(picture)] = 128
    return {"url": pictures.photo_url(rgb, 256, nearest=True), "scale": scale}


def _photo(photo: np.ndarray) -> dict[str, Any]:
    picture = pictures.picture(photo)
    return {"url": picture.url, "px": picture.px}
