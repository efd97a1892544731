"""The one image that shows every corruption, made ready for the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ironglass.report.kit import pictures
from ironglass.report.kit.tensors import read_tensors
from ironglass.run import Run


def read_corrupted(run: Run, names: Callable[[int | str], str]) -> dict[str, Any] | None:
    """`corruptions.json` with a picture in each place, or None where a run has none.

    The image itself is `picture`; `rows` are the corruptions {`name`, `images` [{`picture`, `severity`, `prediction`,
    `confidence`, `correct`}]}. Raises InputError where the file cannot be read.
    """
    facts, path = run.read_object("corruptions.json"), run.path / "corruptions.safetensors"
    if not facts or not path.is_file():
        return None
    tensors = read_tensors(path, "take the run's corruptions.json away, too")
    rows: list[dict[str, Any]] = []
    for entry in facts["corruptions"]:
        images = [
            prediction | {"severity": severity, "picture": pictures.picture(pictures.colour(image))}
            for prediction, severity, image in zip(
                entry["images"], facts["severities"], tensors[entry["name"]], strict=True
            )
        ]
        rows.append({"name": entry["name"], "images": images})
    return facts | {
        "label": names(facts["label"]),
        "picture": pictures.picture(pictures.colour(tensors["image"])),
        "rows": rows,
    }
