"""The data of a run, by which the studio opens them where no others are named, and the pictures that attacks fooled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ironglass.errors import InputError
from ironglass.report.kit.words import eps_text
from ironglass.results.sections import read_results
from ironglass.run import Run
from ironglass.run.stored_recipes import upgrade_recipe
from ironglass.studies.common.stored import read_table

FIELDS = ("image_column", "label_column", "splits", "only")
"""Fields of a run's recipe that shape its data, beside their name."""


@dataclass(frozen=True)
class FooledPictures:
    """Pictures that a model classified correctly, and did not under an attack that its run recorded.

    attack: its name and eps, for people.
    names: of the pictures.
    predictions: name of the class predicted under attack, or None.
    """

    attack: str
    names: tuple[str, ...]
    predictions: tuple[str | None, ...]


def run_of(model: str) -> Run | None:
    """The run that a model's name stands for; None where it is no run folder."""
    folder = Path(model.removeprefix("local-dir:"))
    try:
        return Run(folder) if (folder / "recipe.json").is_file() else None
    except (OSError, ValueError):  # a name that no file can bear
        return None


def data_of_run(model: str) -> tuple[str, dict[str, Any]] | None:
    """The name of the data that a run was measured on, and the other fields of a plan that shape them.

    None for a model that is no run, and for a run of data without a name. Raises InputError for a damaged recipe, and
    for data on the Hugging Face Hub: they might be fetched, which nobody has asked for.
    """
    run = run_of(model)
    if run is None:
        return None
    run.check(["recipe.json", "results.json"])
    recipe = upgrade_recipe(run.read_object("recipe.json"))
    name = recipe.get("dataset")
    if not isinstance(name, str) or not name:
        return None
    if name.startswith("hf:"):
        raise InputError(f"{name} is on the Hugging Face Hub")
    plan = {key: value for key in FIELDS if (value := recipe.get(key))}
    if "only" in plan:
        plan["only"] = tuple(plan["only"])
    results = read_results(run.read_object("results.json"), file=run.path / "results.json")
    if results.evaluation is not None:
        plan["split"] = results.evaluation.split
    return name, plan


def contents_of_run(model: str) -> str | None:
    """The digest of the data that a run was made on; None where it has none."""
    run = run_of(model)
    contents = None if run is None else run.read_object("data.json").get("contents")
    return contents if isinstance(contents, str) and contents else None


def fooled_pictures(model: str) -> list[FooledPictures]:
    """The pictures that each attack and eps of a run fooled; [] where none were recorded.

    Raises InputError for a file that is not as it was written, or cannot be read.
    """
    run = run_of(model)
    if run is None:
        return []
    files = {part: f"per_image/{part}.parquet" for part in ("clean", "attacks", "fgsm")}
    run.check(files.values())
    if not (run.path / files["clean"]).is_file():
        return []
    clean = read_table(run.path / files["clean"], columns=["name", "correct"]).to_pydict()
    correct = {name for name, right in zip(clean["name"], clean["correct"], strict=True) if right}
    recorded: list[FooledPictures] = []
    for part in ("attacks", "fgsm"):
        path = run.path / files[part]
        if path.is_file():
            table = read_table(path, columns=["name", "condition", "eps", "prediction", "fooled"])
            recorded += _by_attack(table.to_pydict(), correct)
    return recorded


def _by_attack(columns: Mapping[str, list[Any]], correct: set[str]) -> list[FooledPictures]:
    rows: dict[tuple[str, float], list[tuple[str, str | None]]] = {}
    for name, condition, eps, prediction, fooled in zip(*columns.values(), strict=True):
        if eps > 0:
            predictions = rows.setdefault((condition, eps), [])
            if fooled and name in correct:
                predictions.append((name, prediction))
    return [
        FooledPictures(
            f"{condition}, eps {eps_text(eps)}",
            tuple(name for name, _ in predictions), tuple(prediction for _, prediction in predictions),
        )
        for (condition, eps), predictions in rows.items()
    ]  # fmt: skip
