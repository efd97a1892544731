"""One image at every eps, and what each network makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ironglass.report.kit import pictures
from ironglass.report.kit.tensors import read_tensors
from ironglass.report.transfer.words import plain_name
from ironglass.run import Run


def read_transfer_image(run: Run, name_of: Callable[[int], str], words: Mapping[str, str]) -> dict[str, Any] | None:
    """The image at each eps with a row of answers a network, or None where the run has none.

    words: for class names that are WordNet ids. Raises InputError where the file cannot be read.
    """
    facts, path = run.read_object("transfer.json"), run.path / "transfer.safetensors"
    if not facts or not facts["columns"] or not path.is_file():
        return None
    photos = map(pictures.colour, read_tensors(path, "remove it and transfer.json, and add --resume")["images"])
    columns = facts["columns"]
    answers = [{answer["network"]: answer for answer in column["answers"]} for column in columns]
    return {
        "file": facts["image"]["name"],
        "label": name_of(facts["image"]["label"]),
        "attack": facts["attack"],
        "columns": [
            {"eps": column["eps"], "picture": pictures.picture(photo, large=True)}
            for column, photo in zip(columns, photos, strict=True)
        ],
        "rows": [
            {"label": plain_name(network), "answers": [_worded(column.get(network), words) for column in answers]}
            for network in answers[0]
        ],
    }


def _worded(answer: dict[str, Any] | None, words: Mapping[str, str]) -> dict[str, Any] | None:
    return answer and answer | {"class": words.get(answer["class"], answer["class"])}
