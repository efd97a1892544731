"""One run folder, one page: reads what is there, draws it, and writes a single file that needs no network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ironglass.report.attack.words import strongest
from ironglass.report.audit.contact_sheets import sheets
from ironglass.report.audit.linear import linear_words, read_linear
from ironglass.report.audit.samples import Samples, read_samples
from ironglass.report.comparison.gallery import read_gallery
from ironglass.report.comparison.words import elsewhere, seeming
from ironglass.report.corruption.example_image import read_corrupted
from ironglass.report.corruption.words import SETS, corruption_rows, corruption_words
from ironglass.report.explanation.drift_chart import drift_metrics
from ironglass.report.explanation.images import APART, ExplainedImages, read_explained
from ironglass.report.explanation.words import p_value, sanity_words, shortcut_words
from ironglass.report.kit import palette, pictures, words
from ironglass.report.page.charts import chart_list
from ironglass.report.page.headlines import headlines, unmeasured
from ironglass.report.page.reading import Files, check_files, check_shape, drawing
from ironglass.report.page.summary import exhaustive_words, lead, plain_words
from ironglass.report.sweep.chart import numeric_axis
from ironglass.report.sweep.words import trial_values
from ironglass.report.transfer.example_image import read_transfer_image
from ironglass.report.transfer.tables import transfer_facts
from ironglass.report.transfer.words import finding_words, png_words, points, span
from ironglass.results.sections import SECTIONS
from ironglass.results.versions import opened
from ironglass.run import Run, atomic, read_text


@dataclass(frozen=True)
class Chart:
    """One chart as inline SVG, drawn for wide screens and again for phones."""

    wide: Markup
    narrow: Markup


def write_report(run: Run | str | Path) -> Path:
    """Writes `report.html` and `figures/*.png` from whatever a run holds, also named by its folder; returns the path.

    A part that is absent is left out. The page is one file and makes no request; the same folder gives the same bytes.
    Raises InputError where a file of the folder cannot be read.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    files = check_files(run)
    facts = gather(run, files)
    charts, figures = {}, dict[str, bytes]()
    with drawing(run.path / "results.json", files):
        for name, (draw, label) in chart_list(facts).items():
            wide, figures[name] = palette.drawn(draw, kinds=("svg", "png"))
            (narrow,) = palette.drawn(draw, kinds=("svg",), narrow=True)
            charts[name] = Chart(
                palette.inline_svg(wide, f"{name}-wide", label), palette.inline_svg(narrow, f"{name}-narrow", label)
            )
    samples = facts["samples"]
    with drawing(run.path / "samples.safetensors", files):
        for name, (draw, arguments) in (sheets(samples) if samples else {}).items():
            (figures[name],) = palette.drawn(draw, *arguments, kinds=("png",))
    with drawing(run.path / "results.json", files):
        page = (
            _environment()
            .get_template("page/page.html.jinja")
            .render(
                facts | {"results": dict.fromkeys(SECTIONS) | facts["results"]},
                charts=charts,
                theme=palette.theme_css(),
                gradients={
                    "heat": pictures.gradient_css(pictures.HEAT),
                    "signed": pictures.gradient_css(pictures.SIGNED),
                },
                overlay=pictures.OVERLAY,
                veil=pictures.VEIL,
            )
        )
    for name, picture in figures.items():  # only now: what cannot be drawn leaves the old ones
        _write_bytes(run.path / "figures" / f"{name}.png", picture)
    with atomic(run.path / "report.html") as path:
        path.write_text(page, encoding="utf-8")
    return run.path / "report.html"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ironglass.report", ""),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: getattr(words, name)
        for name in (
            "percent", "interval", "count", "magnitude", "decimal", "duration", "eps_text", "objective", "settings",
            "shorten",
        )
    }  # fmt: skip
    environment.filters |= {"p_value": p_value, "sanity_words": sanity_words}
    environment.filters |= {"exhaustive_words": exhaustive_words, "shortcut_words": shortcut_words}
    environment.filters["linear_words"] = linear_words
    environment.filters["trial_values"] = trial_values
    environment.filters |= {"corruption_words": corruption_words, "corruption_set": SETS.__getitem__}
    environment.filters |= {"finding_words": finding_words, "points": points, "span": span, "png_words": png_words}
    environment.filters["pretty"] = partial(json.dumps, indent=1, ensure_ascii=False)
    return environment


def gather(run: Run, files: Files) -> dict[str, Any]:
    """Everything that the page shows, by the names that the templates use; absent parts are empty or None.

    files: how they stand. Raises InputError where one cannot be read.
    """
    given = {name: run.read_object(name) for name in ("recipe.json", "data.json", "environment.json")}
    results, history = opened(run.read_object("results.json")), run.history
    if not files.whole:
        for name, value in (given | {"history.jsonl": history}).items():
            check_shape(run.path / name, value)
    recipe, data, environment = given.values()
    evaluation = results.get("evaluation", {})
    classes = [str(name) for name in data.get("classes") or (row["class"] for row in evaluation.get("per_class", []))]
    classes = [data.get("words", {}).get(name, name) for name in classes]
    if not classes:
        classes = [str(i) for i in range(len(evaluation.get("confusion", [])))]

    def name_of(which: int | str) -> str:
        return classes[which] if isinstance(which, int) and which < len(classes) else str(which)

    def drawn(name: str, read: Callable[..., Any], *more: Any) -> Any:
        with drawing(run.path / f"{name}.safetensors", files, "" if name == "linear" else f"{name}.json"):
            return read(*more)

    samples = drawn("samples", read_samples, run, name_of)
    explained = drawn("explained", read_explained, run, name_of)
    pictured = {
        "samples": samples,
        **drawn("samples", sample_facts, samples),
        "explained": explained,
        **drawn("explained", explained_facts, explained, results.get("explanations", {})),
        "linear": drawn("linear", read_linear, run) if len(classes) == 2 else [],
        "corrupted": drawn("corruptions", read_corrupted, run, name_of),
        "gallery": drawn("gallery", read_gallery, run, name_of),
        "transfer_image": drawn("transfer", read_transfer_image, run, name_of, data.get("words", {})),
    }
    known = {"recipe": recipe, "data": data, "classes": classes, "history": history, "environment": environment}
    with drawing(run.path / "results.json", files):
        facts = result_facts(recipe, data, results, history, classes)
    return {
        **pictured,
        **known,
        **facts,
        "results": results,
        "summary": read_text(run.path / "model_summary.txt") or "",
        "title": str(recipe.get("name") or run.path.resolve().name),
        "notes": files.notes(),
    }


def result_facts(
    recipe: dict[str, Any],
    data: dict[str, Any],
    results: dict[str, Any],
    history: list[dict[str, Any]],
    classes: list[str],
) -> dict[str, Any]:
    """What follows from the numbers alone."""
    attacks = results.get("attacks", {})
    return {
        "kept": kept_epoch(history, results),
        "lead": lead(recipe, data, results),
        "plain": plain_words(results, classes),
        "headlines": headlines(results),
        "attack_labels": {row["name"]: row["label"] for row in attacks.get("attacks", [])},
        "example": example_folder(attacks),
        "chance": chance(data, attacks.get("split", "test")),
        "numeric": "sweep" in results and numeric_axis(results["sweep"]) is not None,
        "unmeasured": unmeasured(results),
        **comparison_facts(results),
        **transfer_facts(results.get("transfer")),
    }


def sample_facts(samples: Samples | None) -> dict[str, Any]:
    """What the sections on the sampled images show."""
    if samples is None:
        empty = ("photographs", "cams", "occluded", "attacked", "outcomes")
        scales = {"occlusion_scale": 0.0, "factor": 1.0, "attack_factor": 1.0}
        return {name: [] for name in empty} | scales
    return {
        "photographs": samples.photographs(),
        "cams": samples.grad_cam(),
        "occluded": samples.occlusion(),
        "occlusion_scale": samples.occlusion_scale(),
        "attacked": samples.fgsm(),
        "factor": samples.factor(),
        "outcomes": samples.outcomes(),
        "attack_factor": samples.attack_factor(),
    }


def comparison_facts(results: dict[str, Any]) -> dict[str, Any]:
    """What the section on arms side by side shows."""
    if not (results.get("comparison") and results.get("transferred")):
        return {"arms": [], "arm_labels": {}}
    given = results["comparison"], results["transferred"]
    labels = {arm["name"]: arm["label"] for arm in given[0]["arms"]}
    corrupted = {arm["name"]: arm["corruptions"] for arm in given[0]["arms"] if arm["corruptions"]}
    return {
        "arms": seeming(*given),
        "elsewhere": elsewhere(*given),
        "arm_labels": labels,
        "arm_corruptions": corruption_rows(corrupted) if corrupted else [],
    }


def explained_facts(explained: ExplainedImages | None, measured: dict[str, Any]) -> dict[str, Any]:
    """What the section on named methods shows."""
    labels = {method["name"]: method["label"] for method in measured.get("methods", [])}
    cards = explained.cards() if explained else []
    metrics = drift_metrics(measured) if measured else {}
    return {
        "explained_cards": cards,
        "explained_labels": labels,
        "explained_apart": words.listed([labels[name] for name in APART if name in labels]),
        "explained_frames": any(row["frame"] for card in cards for row in card["rows"]),
        "drift_metrics": list(metrics.items()),
        "drift_inside": "inside_before" in metrics,
    }


def kept_epoch(history: list[dict[str, Any]], results: dict[str, Any]) -> int | None:
    """The epoch whose weights were kept: the last that was the best so far."""
    best = [row["epoch"] for row in history if row.get("best")]
    return results.get("training", {}).get("best_epoch") or (best[-1] if best else None)


def example_folder(attacks: dict[str, Any]) -> str:
    """Where the images of the attack lie that leaves the lowest accuracy at the largest eps; "" where none do."""
    largest = max(attacks.get("eps", []), default=0.0)
    folders = [
        point.get("folder", "")
        for row in (strongest(attacks, largest) if attacks else [])
        for point in row["points"]
        if point["eps"] == largest
    ]
    return folders[0] if folders else ""


def chance(data: dict[str, Any], split: str) -> float | None:
    """The accuracy of always naming the commonest class of a split, or None where its images are not counted."""
    counts = data.get("splits", {}).get(split, {}).get("per_class", [])
    return max(counts) / sum(counts) if sum(counts) else None


def _write_bytes(path: Path, content: bytes) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(content)
