"""Pictures of the images that were gained or lost, where the runs' folders have them or their data can be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from safetensors.numpy import load_file, save

from ironglass.data.load import load_dataset
from ironglass.errors import InputError
from ironglass.results.runs_compared import ImagesChanged
from ironglass.run import Run
from ironglass.studies.common.stored import stored
from ironglass.studies.runs_compared.read import OpenedRun

PICTURED = 8
"""Images gained, and as many lost, of which a pair has pictures."""
PAIRS = 12
"""Pairs that have pictures."""


def write_pictures(run: Run, opened: Sequence[OpenedRun], changed: Sequence[ImagesChanged]) -> None:
    """Writes `compared.safetensors` (`images` uint8 or float32 (n, h, w, c)) and `compared.json` (their `names`).

    Writes neither where no picture is to be had.
    """
    requested = list(
        dict.fromkeys(name for one in changed[:PAIRS] for name in (*one.gained[:PICTURED], *one.lost[:PICTURED]))
    )
    pictures = _of_data(opened[0], requested) or _of_samples(opened, requested)
    if not pictures:
        return
    with run.atomic(run.path / "compared.safetensors") as path:
        path.write_bytes(save({"images": np.ascontiguousarray(np.stack(list(pictures.values())))}))
    run.write("compared.json", {"names": list(pictures)})


def _of_data(opened: OpenedRun, requested: Sequence[str]) -> dict[str, np.ndarray]:
    """The images by name, of the data that the run names; {} where these cannot be read here, or have changed since.

    Data of the Hugging Face Hub are left alone: they might be fetched, which nobody has asked for.
    """
    recipe, evaluation = opened.run.read_object("recipe.json"), opened.results.evaluation
    dataset, size, channels = recipe.get("dataset"), opened.data.get("size"), opened.data.get("channels")
    if not requested or evaluation is None or not isinstance(dataset, str) or dataset.startswith("hf:"):
        return {}
    fields = {name: recipe.get(name) for name in ("image_column", "label_column", "splits")}
    reading = opened.data.get("reading")
    fields |= {name: reading.get(name) for name in ("fit", "range")} if isinstance(reading, dict) else {}
    try:
        data = load_dataset(
            dataset,
            size=tuple(size) if isinstance(size, list) else None,
            channels=channels if isinstance(channels, int) else None,
            classes=recipe.get("only") or None,
            **{name: value for name, value in fields.items() if value is not None},
        )
        split = data.splits[evaluation.split]
    except (InputError, OSError, KeyError, TypeError, ValueError):
        return {}
    if not data.contents or data.contents != opened.data.get("contents"):
        return {}
    positions = {name: index for index, name in enumerate(split.names)}
    there = [name for name in requested if name in positions]
    return dict(zip(there, split.stored(np.asarray([positions[name] for name in there], dtype=int)), strict=True))


def _of_samples(opened: Sequence[OpenedRun], requested: Sequence[str]) -> dict[str, np.ndarray]:
    """Those of the images that are among the pictures of a run's own report, of the first run that has any."""
    for one in opened:
        path, facts = one.run.path / "samples.safetensors", one.run.read_object("samples.json")
        if not facts or not path.is_file():
            continue
        with stored(path):
            images = load_file(path)["images"]
        entries = facts.get("images")
        names = [str(one.get("name")) for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
        pictures = dict(zip(names, images, strict=False))
        if available := {name: pictures[name] for name in requested if name in pictures}:
            return available
    return {}
