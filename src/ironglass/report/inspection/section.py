"""The section on a data set's images: as they are stored, duplicates, outliers, effect on a model."""

from __future__ import annotations

from collections.abc import Sequence

from ironglass.report.inspection.words import FAULT_WORDS, effect_words, findings, inspection_words, look_words
from ironglass.report.kit import pictures
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Facts, Section, Source
from ironglass.report.kit.tensors import read_tensors
from ironglass.results.sections import Results


def named_pictures(source: Source, name: str) -> Facts:
    """Pictures of images that are named in NAME.json, by split and name; no fact where there are none."""
    path = source.run.path / f"{name}.safetensors"
    refs = source.run.read_object(f"{name}.json").get("images", [])
    if not refs or not path.is_file():
        return {}
    arrays = read_tensors(path, "inspect the data again")
    photos: dict[str, pictures.Picture] = {}
    for number, (split, image) in enumerate(refs):
        photos[f"{split}\t{image}"] = pictures.picture(arrays[str(number)])
    return {"inspected_pictures": photos}


def _facts(source: Source) -> Facts:
    inspection = source.results.inspection
    return {"findings": findings(inspection), "fault_words": FAULT_WORDS} if inspection else {}


def _headlines(results: Results) -> list[Headline]:
    if results.inspection is None or not results.inspection.effects:
        return []
    effects = results.inspection.effects
    first = effects[0]
    rows = [Headline("Accuracy", f"all {first.split} images", first.all)]
    return rows + [Headline("Accuracy", f"without {effect.removed}", effect.without) for effect in effects]


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    return inspection_words(results.inspection) if results.inspection else []


def _measured(results: Results) -> str:
    return "duplicates, outliers and labels that may be wrong" if results.inspection else ""


SECTION = Section(
    key="inspection",
    title="Inspection of the data",
    template="inspection/section",
    results=("inspection",),
    measured=_measured,
    file="inspection",
    pictures=lambda source: named_pictures(source, "inspection"),
    facts=_facts,
    headlines=_headlines,
    words=_words,
    filters=(effect_words, inspection_words, look_words),
)
