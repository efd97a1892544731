"""One page of several runs of one model: of its training, its explanations and its attacks, say."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ironglass.errors import InputError
from ironglass.report.about.unmeasured import unmeasured
from ironglass.report.kit import palette
from ironglass.report.kit.constant import answers_blindly
from ironglass.report.kit.section import Facts, Section, Source
from ironglass.report.kit.words import listed
from ironglass.report.page.contact_sheets import sheets
from ironglass.report.page.environment import environment
from ironglass.report.page.page import draw_charts, has_pdf, page_facts, section_body, write_files
from ironglass.report.page.reading import Files, check_files, drawing
from ironglass.report.page.registry import SECTIONS, cautions, first_headlines, plain_words
from ironglass.report.page.source import read_source
from ironglass.report.page.title import day, page_title, subtitle
from ironglass.results.sections import Results
from ironglass.run import Run
from ironglass.run.checksums import digest

ABOUT = ("data", "model", "making")
"""Sections that measure nothing: of them, too, that of the last run stands, and nothing is to be said of it."""

OWN_PAGE = "report.html"
LEFT_OUT = ("config.json", "model_summary.txt", "temperature.json", "data.json", "recipe.json", "environment.json")
"""Files that a joint page does not link: each run's own page does."""


@dataclass(frozen=True)
class Part:
    """One run of a joint page. name: of its folder."""

    name: str
    files: Files
    source: Source
    facts: Facts


def write_joint_report(runs: Sequence[str | Path], folder: str | Path, *, pdf: bool = False) -> Path:
    """Writes one `report.html`, with `figures/`, from several runs of one model, and returns the path of the page.

    Every section is that of the last run that has it, and says so where several measured it.

    Args:
        runs: folders of two runs or more, the later ones to stand where two measured the same.
        folder: for the page; new, empty, or of an earlier joint page.
        pdf: write each chart as `figures/*.pdf`, too, and link it from the page; also where the folder has such files.

    Raises:
        InputError: for runs of other weights or of several models, and where a file cannot be read.

    Example:
        >>> import ironglass as ig
        >>> stages = (ig.Stage(epochs=1, batch_size=128),)
        >>> plan = ig.Audit.of_parts(dataset="digits", model="logistic", stages=stages, training=True)
        >>> trained = ig.audit(plan, "runs/trained")
        >>> plan = ig.Audit.of_parts(dataset="digits", model="runs/trained", evaluation=True)
        >>> evaluated = ig.audit(plan, "runs/evaluated")
        >>> ig.write_joint_report(["runs/trained", "runs/evaluated"], "runs/both").name
        'report.html'
    """
    parts, folder = _read_parts([Path(run) for run in runs]), Path(folder)
    if folder.exists() and (not folder.is_dir() or {path.name for path in folder.iterdir()} - {OWN_PAGE, "figures"}):
        raise InputError(f"{folder} is in use: name another --output for the page")
    figures, bodies, sections = dict[str, bytes](), list[Markup](), list[Section]()
    of_all_runs, pdf = _of_all_runs(parts, folder), pdf or has_pdf(folder)
    for section in SECTIONS:
        having = [part for part in parts if section.on_page(part.source, part.facts)]
        if not having:
            continue
        part, sections = having[-1], [*sections, section]
        facts = part.facts | of_all_runs
        with drawing(part.source.run.path / "results.json", part.files):
            charts = draw_charts(section.charts(part.source, part.facts), figures, pdf=pdf)
            bodies.append(section_body(section, len(sections), facts, charts, _measured_by(section, having)))
    for part in parts:
        for name, (draw, arguments) in (sheets(part.source.samples) if part.source.samples else {}).items():
            (figures[f"{name}.png"],) = palette.drawn(draw, *arguments, kinds=("png",))
    albums = [(part.facts["album"], part.facts["photographs"]) for part in parts]
    page = environment().get_template("page/page.html.jinja")
    return write_files(
        folder, page.render(_first_screen(parts), sections=sections, bodies=bodies, albums=albums), figures
    )


def _read_parts(paths: Sequence[Path]) -> list[Part]:
    """The runs with their facts. Raises InputError where they cannot share a page."""
    if len(paths) < 2:
        raise InputError("one page of several runs needs two or more: name further run folders")
    for number, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:number]]:
            raise InputError(f"{path} is named twice: name each run once")
    weights = [_weights(Run.open(path)) for path in paths]
    for path, other in zip(paths[1:], weights[1:], strict=True):
        if other != weights[0]:
            raise InputError(
                f"{paths[0]} and {path} are of other weights (model.safetensors), and one page is of one model: "
                f"compare them by ironglass compare {paths[0]} {path}"
            )
    names = [path.resolve().name for path in paths]
    names = [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]
    parts: list[Part] = []
    for number, (name, path) in enumerate(zip(names, paths, strict=True)):
        run = Run.open(path)
        files = check_files(run)
        source = read_source(run, files)
        parts.append(Part(name, files, source, page_facts(source, files) | {"album": f"{number}-"}))
    return parts


def _weights(run: Run) -> str:
    """Digest of a run's weights, which are as they were written. Raises InputError where it has none."""
    path = run.path / "model.safetensors"
    run.check(["model.safetensors"])
    if not path.is_file():
        raise InputError(f"{run.path} has no model.safetensors: only runs that keep one model share a page")
    return digest(path)


def _measured_by(section: Section, having: Sequence[Part]) -> str:
    """The run that a section is of, and those that measured the same before it."""
    if section.key in ABOUT:
        return f"That of the last run, {having[-1].name}." if len(having) > 1 else ""
    last, former = having[-1], [part.name for part in having[:-1]]
    when = day(last.source.environment.get("date"))
    text = f"From the run {last.name}{f' of {when}' if when else ''}."
    if not former:
        return text
    return f"{text} {listed(former)} measured the same before: this, the later, stands."


def _of_all_runs(parts: Sequence[Part], folder: Path) -> Facts:
    """Facts of the section on how the runs were made that are of all of them: their files, and what none measured."""
    files: list[tuple[str, str]] = []
    for part in parts:
        for name, words in ((OWN_PAGE, "its own page, with its command and recipe"), *part.facts["files"]):
            path = part.source.run.path / name
            if path.exists() and name not in LEFT_OUT:
                files.append((os.path.relpath(path, folder), words))
    return {"files": files, "unmeasured": unmeasured(_merged([part.source.results for part in parts]))}


def _first_screen(parts: Sequence[Part]) -> dict[str, Any]:
    """Facts of the title, the notes and the numbers of all runs, the later ones first."""
    last = parts[-1]
    merged = _merged([part.source.results for part in parts])
    source = replace(last.source, results=merged)
    notes = [f"{part.name}: {note}" for part in parts for note in part.files.notes()]
    contents = {str(part.source.data.get("contents")) for part in parts}
    if len(contents) > 1:
        notes.append("These runs read different data: every section says which run it is from.")
    return last.facts | {
        "title": page_title(source),
        "subtitle": f"{subtitle(source)} From {len(parts)} runs: {listed([part.name for part in parts])}.",
        "recipe": {},
        "results": merged,
        "notes": notes,
        "cautions": cautions(merged),
        "blind": answers_blindly(merged.evaluation),
        "cards": first_headlines(merged),
        "plain": plain_words(merged, last.source.classes),
    }


def _merged(results: Sequence[Results]) -> Results:
    """Each section as the last run has it that has it at all."""
    merged: dict[str, Any] = {}
    for one in results:
        merged |= {field.name: value for field in fields(one) if (value := getattr(one, field.name)) is not None}
    return Results(**merged)
