"""The section on where the network fails: highest losses, confused classes, slices of low accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ironglass.report.failures.words import (
    attribute_words,
    correction_words,
    failure_lines,
    failure_paragraphs,
    slice_name,
    slice_words,
)
from ironglass.report.kit import pictures
from ironglass.report.kit.map_scale import full_scale
from ironglass.report.kit.section import Facts, Section, Source
from ironglass.report.kit.tensors import read_tensors
from ironglass.report.kit.words import p_value

NO_PICTURES: Facts = {"failure_pictures": {"losses": [], "pairs": [], "slices": [], "maps": []}}


def _pictures(source: Source) -> Facts:
    """Pictures of the images, in the order of the results' entries; of each pair the maps of both classes."""
    facts, path = source.run.read_object("failures.json"), source.run.path / "failures.safetensors"
    if not facts or not path.is_file():
        return NO_PICTURES
    tensors = read_tensors(path)
    photos = [_photo(tensors[str(number)], name) for number, name in enumerate(facts["names"])]
    maps = [_maps(pair) for pair in tensors["maps"]] if "maps" in tensors else []
    return {
        "failure_pictures": {
            "losses": [photos[number] for number in facts["losses"]],
            "pairs": [photos[number] for number in facts["pairs"]],
            "slices": [[photos[number] for number in part] for part in facts["slices"]],
            "maps": maps,
        }
    }


def _photo(photo: np.ndarray, name: str) -> dict[str, Any]:
    picture = pictures.picture(photo, large=True)
    return {"url": picture.url, "px": picture.px, "name": name}


def _maps(maps: np.ndarray) -> dict[str, Any]:
    """Both classes' maps on the scale that they share."""
    scale = full_scale([maps[0], maps[1]])
    urls = [pictures.map_url(pictures.signed_index(part, scale), pictures.SIGNED, pictures.CELL) for part in maps]
    return {"urls": urls, "scale": scale}


SECTION = Section(
    key="failures",
    title="Where it fails",
    template="failures/section",
    results=("failures",),
    file="failures",
    pictures=_pictures,
    measured=lambda results: "where it fails" if results.failures else "",
    words=lambda results, classes: failure_paragraphs(results),
    terminal=failure_lines,
    explains=True,
    filters=(attribute_words, p_value, slice_name, slice_words, correction_words),
)
