"""One run folder, one page: reads what is there, draws it, and writes a single file that needs no network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from ironglass.report import palette, pictures, words
from ironglass.report.attack_words import strongest
from ironglass.report.charts import chart_list
from ironglass.report.comparison_words import elsewhere, seeming
from ironglass.report.corrupted import read_corrupted
from ironglass.report.corruption_words import SETS, corruption_rows, corruption_words
from ironglass.report.drift_chart import drift_metrics
from ironglass.report.explained import APART, ExplainedImages, read_explained
from ironglass.report.explained_words import method_words, p_value, sanity_words, shortcut_words
from ironglass.report.gallery import read_gallery
from ironglass.report.headlines import headlines, unmeasured
from ironglass.report.linear import linear_words, read_linear
from ironglass.report.plain_words import exhaustive_words, lead, plain_words
from ironglass.report.samples import read_samples
from ironglass.report.sheets import sheets
from ironglass.report.sweep_chart import numeric_axis
from ironglass.report.sweep_words import trial_values
from ironglass.report.transfer_image import read_transfer_image
from ironglass.report.transfer_tables import transfer_facts
from ironglass.report.transfer_words import finding_words, png_words, points, span
from ironglass.run import Run, atomic


@dataclass(frozen=True)
class Chart:
    """One chart as inline SVG, drawn for wide screens and again for phones."""

    wide: Markup
    narrow: Markup


def write_report(run: Run) -> Path:
    """Writes `report.html` and `figures/*.png` from whatever the run folder holds, and returns the page's path.

    A part that is absent is left out. The page is one file and makes no request; the same folder gives the same bytes.
    Raises InputError where a file of the folder cannot be read.
    """
    facts = gather(run)
    charts = {}
    for name, (draw, label) in chart_list(facts).items():
        wide, picture = palette.drawn(draw, kinds=("svg", "png"))
        (narrow,) = palette.drawn(draw, kinds=("svg",), narrow=True)
        charts[name] = Chart(
            palette.inline_svg(wide, f"{name}-wide", label), palette.inline_svg(narrow, f"{name}-narrow", label)
        )
        _write_bytes(run.path / "figures" / f"{name}.png", picture)
    samples = facts["samples"]
    for name, (draw, arguments) in (sheets(samples) if samples else {}).items():
        (picture,) = palette.drawn(draw, *arguments, kinds=("png",))
        _write_bytes(run.path / "figures" / f"{name}.png", picture)

    environment = Environment(
        loader=PackageLoader("ironglass.report"),
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
    environment.filters |= {"method_words": method_words, "p_value": p_value, "sanity_words": sanity_words}
    environment.filters |= {"exhaustive_words": exhaustive_words, "shortcut_words": shortcut_words}
    environment.filters["linear_words"] = linear_words
    environment.filters["trial_values"] = trial_values
    environment.filters |= {"corruption_words": corruption_words, "corruption_set": SETS.__getitem__}
    environment.filters |= {"finding_words": finding_words, "points": points, "span": span, "png_words": png_words}
    environment.filters["pretty"] = partial(json.dumps, indent=1, ensure_ascii=False)
    page = environment.get_template("page.html.jinja").render(
        facts,
        charts=charts,
        theme=palette.theme_css(),
        gradients={"heat": pictures.gradient_css(pictures.HEAT), "signed": pictures.gradient_css(pictures.SIGNED)},
        overlay=pictures.OVERLAY,
        veil=pictures.VEIL,
    )
    run.write_text("report.html", page)
    return run.path / "report.html"


def gather(run: Run) -> dict[str, Any]:
    """Everything that the page shows, by the names that the templates use; absent parts are empty or None."""
    recipe, data, results = run.read("recipe.json", {}), run.read("data.json", {}), run.results
    evaluation = results.get("evaluation", {})
    classes = [str(name) for name in data.get("classes") or (row["class"] for row in evaluation.get("per_class", []))]
    classes = [data.get("words", {}).get(name, name) for name in classes]
    if not classes:
        classes = [str(i) for i in range(len(evaluation.get("confusion", [])))]

    def name_of(which: int | str) -> str:
        return classes[which] if isinstance(which, int) and which < len(classes) else str(which)

    samples, explained = read_samples(run, name_of), read_explained(run, name_of)
    summary = run.path / "model_summary.txt"
    history, attacks = run.history, results.get("attacks", {})
    return {
        "recipe": recipe,
        "data": data,
        "results": results,
        "classes": classes,
        "history": history,
        "kept": kept_epoch(history, results),
        "environment": run.read("environment.json", {}),
        "summary": summary.read_text(encoding="utf-8") if summary.is_file() else "",
        "samples": samples,
        "title": str(recipe.get("name") or run.path.resolve().name),
        "lead": lead(recipe, data, results),
        "plain": plain_words(results, classes),
        "headlines": headlines(results),
        "photographs": samples.photographs() if samples else [],
        "cams": samples.grad_cam() if samples else [],
        "occluded": samples.occlusion() if samples else [],
        "occlusion_scale": samples.occlusion_scale() if samples else 0.0,
        "attacked": samples.fgsm() if samples else [],
        "factor": samples.factor() if samples else 1.0,
        "attack_labels": {row["name"]: row["label"] for row in attacks.get("attacks", [])},
        "outcomes": samples.outcomes() if samples else [],
        "attack_factor": samples.attack_factor() if samples else 1.0,
        "linear": read_linear(run) if len(classes) == 2 else [],
        "explained": explained,
        "corrupted": read_corrupted(run, name_of),
        **explained_facts(explained, results.get("explanations", {})),
        "example": example_folder(attacks),
        "chance": chance(data, attacks.get("split", "test")),
        "numeric": "sweep" in results and numeric_axis(results["sweep"]) is not None,
        "unmeasured": unmeasured(results),
        **comparison_facts(results),
        "gallery": read_gallery(run, name_of),
        **transfer_facts(results.get("transfer")),
        "transfer_image": read_transfer_image(run, name_of, data.get("words", {})),
    }


def comparison_facts(results: dict[str, Any]) -> dict[str, Any]:
    """What the section on arms side by side shows."""
    if not (results.get("comparison") and results.get("transferred")):
        return {}
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
