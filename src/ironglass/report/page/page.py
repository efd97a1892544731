"""One run folder, one page: reads what is there, draws it, and writes a single file that needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from ironglass.report.kit import palette, pictures
from ironglass.report.kit.constant import answers_blindly
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.page.contact_sheets import sheets
from ironglass.report.page.environment import environment
from ironglass.report.page.reading import Files, check_files, drawing
from ironglass.report.page.registry import SECTIONS, cautions, first_headlines, plain_words
from ironglass.report.page.source import read_source, section_facts
from ironglass.report.page.title import page_title, subtitle
from ironglass.run import Run, atomic


@dataclass(frozen=True)
class DrawnChart:
    """One chart as inline SVG, drawn for wide screens and again for phones. pdf: whether it is a PDF file, too."""

    wide: Markup
    narrow: Markup
    pdf: bool


def write_report(run: Run | str | Path, *, pdf: bool = False) -> Path:
    """Writes `report.html` and `figures/*.png` from whatever a run holds, and returns the path of the page.

    A part that is absent is left out. The page is one file and makes no request; the same folder gives the same bytes.

    Args:
        run: the run, or its folder.
        pdf: write each chart as `figures/*.pdf`, too, and link it from the page; also where the run has such files.

    Raises:
        InputError: where a file of the folder cannot be read.

    Example:
        >>> import ironglass as ig
        >>> stages = (ig.Stage(epochs=1, batch_size=128),)
        >>> parts = {"training": True, "evaluation": True}
        >>> plan = ig.Audit.of_parts(dataset="digits", model="logistic", stages=stages, **parts)
        >>> run = ig.audit(plan, "runs/first")
        >>> ig.write_report("runs/first").name
        'report.html'
    """
    run = run if isinstance(run, Run) else Run.open(run)
    files = check_files(run)
    source = read_source(run, files)
    facts = page_facts(source, files)
    figures = dict[str, bytes]()
    with drawing(run.path / "results.json", files):
        sections = [section for section in SECTIONS if section.on_page(source, facts)]
        charts = draw_charts(chart_list(source, facts), figures, pdf=pdf or has_pdf(run.path))
    with drawing(run.path / "samples.safetensors", files):
        for name, (draw, arguments) in (sheets(source.samples) if source.samples else {}).items():
            (figures[f"{name}.png"],) = palette.drawn(draw, *arguments, kinds=("png",))
    with drawing(run.path / "results.json", files):
        bodies = [section_body(section, number, facts, charts) for number, section in enumerate(sections, 1)]
        albums = [(facts["album"], facts["photographs"])]
        page = environment().get_template("page/page.html.jinja")
        text = page.render(facts, sections=sections, bodies=bodies, albums=albums)
    return write_files(run.path, text, figures)


def has_pdf(folder: Path) -> bool:
    """Returns whether charts were written as PDF before: those would else be of another page."""
    return any((folder / "figures").glob("*.pdf"))


def section_body(
    section: Section, number: int, facts: Facts, charts: dict[str, DrawnChart], measured_by: str = ""
) -> Markup:
    """A section of the page with its heading; `measured_by` says where it is from, on a page of several runs."""
    template = environment().get_template("page/section.html.jinja")
    return Markup(template.render(facts, section=section, number=number, charts=charts, measured_by=measured_by))


def write_files(folder: Path, page: str, figures: dict[str, bytes]) -> Path:
    """Writes `report.html` and `figures/`, and returns the path of the page."""
    for name, picture in figures.items():  # only now: what cannot be drawn leaves the old ones
        with atomic(folder / "figures" / name) as path:
            path.write_bytes(picture)
    with atomic(folder / "report.html") as path:
        path.write_text(page, encoding="utf-8")
    return folder / "report.html"


def page_facts(source: Source, files: Files) -> Facts:
    """Everything that the page shows, by the names that the templates use; absent parts are empty or None."""
    facts: Facts = {}
    for section in SECTIONS:
        facts |= section_facts(section, source, files)
    with drawing(source.run.path / "samples.safetensors", files, "samples.json"):
        photographs = source.samples.photographs() if source.samples else []
    with drawing(source.run.path / "results.json", files):
        return {
            **facts,
            "results": source.results,
            "recipe": source.recipe,
            "data": source.data,
            "environment": source.environment,
            "classes": source.classes,
            "photographs": photographs,
            "album": "",
            "title": page_title(source),
            "subtitle": subtitle(source),
            "notes": files.notes(),
            "cautions": cautions(source.results),
            "blind": answers_blindly(source.results.evaluation),
            "cards": first_headlines(source.results),
            "plain": plain_words(source.results, source.classes),
            "theme": palette.theme_css(),
            "gradients": {
                "heat": pictures.gradient_css(pictures.HEAT),
                "signed": pictures.gradient_css(pictures.SIGNED),
            },
            "overlay": pictures.OVERLAY,
            "veil": pictures.VEIL,
        }


def chart_list(source: Source, facts: Facts) -> dict[str, Chart]:
    """The charts of all sections, by name."""
    return {name: chart for section in SECTIONS for name, chart in section.charts(source, facts).items()}


def draw_charts(charts: dict[str, Chart], figures: dict[str, bytes], *, pdf: bool) -> dict[str, DrawnChart]:
    """Every chart for wide screens and for phones; as PNG, and as PDF where asked, it is put into `figures`."""
    drawn: dict[str, DrawnChart] = {}
    kinds = ("png", "pdf") if pdf else ("png",)
    for name, chart in charts.items():
        wide, *files = palette.drawn(chart.draw, kinds=("svg", *kinds))
        figures |= {f"{name}.{kind}": file for kind, file in zip(kinds, files, strict=True)}
        (narrow,) = palette.drawn(chart.draw, kinds=("svg",), narrow=True)
        drawn[name] = DrawnChart(
            palette.inline_svg(wide, f"{name}-wide", chart.label),
            palette.inline_svg(narrow, f"{name}-narrow", chart.label),
            pdf,
        )
    return drawn
