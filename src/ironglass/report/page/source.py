"""A run folder, read: what a page is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ironglass.report.kit.samples import read_samples
from ironglass.report.kit.section import Facts, Section, Source, class_name
from ironglass.report.page.reading import Files, check_shape, drawing
from ironglass.results.sections import Results, read_results
from ironglass.run import Run
from ironglass.run.stored_recipes import upgrade_recipe


def read_source(run: Run, files: Files) -> Source:
    """Everything that stands in the run folder but the sections' own pictures; what is absent is empty or None.

    files: how they stand. Raises InputError where one cannot be read.
    """
    objects = {name: run.read_object(name) for name in ("recipe.json", "data.json", "environment.json")}
    results = read_results(run.read_object("results.json"), file=run.path / "results.json")
    history = run.history
    if not files.whole:
        for name, value in (objects | {"history.jsonl": history}).items():
            check_shape(run.path / name, value)
    recipe, data, environment = objects.values()
    recipe = upgrade_recipe(recipe)
    classes = class_names(data, results)
    with drawing(run.path / "samples.safetensors", files, "samples.json"):
        samples = read_samples(run, lambda class_index: class_name(classes, class_index))
    return Source(
        run=run,
        results=results,
        recipe=recipe,
        data=data,
        environment=environment,
        history=history,
        classes=classes,
        samples=samples,
    )


def class_names(data: dict[str, Any], results: Results) -> list[str]:
    """The names of the classes for people: of `data.json`, or of the results; words where they are WordNet ids."""
    evaluation = results.evaluation
    names: Iterable[Any] = data.get("classes") or [row.class_ for row in (evaluation.per_class if evaluation else ())]
    words = data.get("words", {})
    if not names:
        names = range(len(evaluation.confusion)) if evaluation else []
    return [words.get(str(name), str(name)) for name in names]


def section_facts(section: Section, source: Source, files: Files) -> Facts:
    """The facts that a section's template reads. Raises InputError for a file that cannot be drawn."""
    beside = "" if section.file == "linear" else f"{section.file}.json"
    pictured = _drawn(section.pictures, source, files, f"{section.file}.safetensors", beside)
    return {**pictured, **_drawn(section.facts, source, files, "results.json", "")}


def _drawn(make: Callable[[Source], Facts], source: Source, files: Files, name: str, beside: str) -> Facts:
    with drawing(source.run.path / name, files, beside):
        return make(source)
