"""What a person sees in the terminal: progress on standard error, a short table on standard output."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from ironglass.cli.interrupt import check_interrupted
from ironglass.errors import InputError
from ironglass.run import Run

if TYPE_CHECKING:
    from ironglass.studies.common.progress import Tell


LINE_SECONDS = 30.0
_NAMED = 5


@contextmanager
def progress_bars(quiet: bool) -> Iterator[Tell]:
    """A bar for each thing that is being done; into a file or pipe, a line now and then; nothing where quiet."""
    console = Console(stderr=True)
    if quiet:
        yield lambda what, done, of, detail: check_interrupted()
    elif not console.is_terminal:
        yield _lines(console)
    else:
        columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[detail]}"))
        with Progress(*columns, TimeRemainingColumn(elapsed_when_finished=True), console=console) as bars:
            tasks: dict[str, TaskID] = {}

            def tell(what: str, done: int, of: int, detail: str) -> None:
                check_interrupted()
                if what not in tasks:
                    tasks[what] = bars.add_task(what, total=of, detail=detail)
                bars.update(tasks[what], completed=done, total=of, detail=detail)

            try:
                yield tell
            except InputError:
                bars.live.transient = True  # the one line that follows is what matters
                raise


def _lines(console: Console) -> Tell:
    last = time.monotonic()

    def tell(what: str, done: int, of: int, detail: str) -> None:
        nonlocal last
        check_interrupted()
        if time.monotonic() - last > LINE_SECONDS:
            last = time.monotonic()
            console.print(f"{what}: {done:,} of {of:,}  {detail}", soft_wrap=True, highlight=False)

    return tell


def show_run(run: Run, *, as_json: bool, quiet: bool) -> None:
    """The headline numbers and where the report is."""
    from ironglass.report.audit.constant import constant_lines

    results, report = run.results, run.path / "report.html"
    if as_json:
        print_json({"folder": str(run.path), "report": str(report), "results": results})
        return
    if quiet:
        return
    console = Console()
    for line in constant_lines(results):
        console.print(line, style="bold", soft_wrap=True, highlight=False)
    table = Table("measured", "accuracy", "95 % interval", "images", box=None, pad_edge=False, header_style="bold")
    for number in (1, 2, 3):
        table.columns[number].justify = "right"
    for label, rate in headlines(results):
        low, high = 100 * rate["low"], 100 * rate["high"]
        table.add_row(label, f"{100 * rate['value']:.1f} %", f"{low:.1f} to {high:.1f} %", f"{rate['n']:,}")
    if table.row_count:
        console.print(table)
    if attacks := results.get("attacks"):
        _show_attacks(console, attacks, run)
    if sanity := results.get("quality", {}).get("sanity"):
        from ironglass.report.explanation.words import sanity_words

        for sentence in sanity_words(sanity, {}):
            console.print(sentence, soft_wrap=True, highlight=False)
    if swept := results.get("sweep"):
        from ironglass.report.sweep.words import sweep_words

        console.print(sweep_words(swept), soft_wrap=True, highlight=False)
    if transferred := results.get("transfer"):
        from ironglass.report.transfer.words import finding_words

        for one in transferred["findings"]:
            console.print(f"{one['answer']}: {one['claim']} ({finding_words(one)})", soft_wrap=True, highlight=False)
    for remark in results.get("model", {}).get("remarks", []):
        console.print(f"model: {remark}", soft_wrap=True, highlight=False, markup=False)
    _show_left_out(console, run)
    if "explanations" in results:
        console.print(f"maps: {run.path / 'explanations'}", soft_wrap=True, highlight=False)
    if fgsm := results.get("fgsm"):
        verdict = _verdict(fgsm)
        console.print(f"FGSM's numbers are {verdict['word']}: {'; '.join(verdict['reasons'])}", soft_wrap=True)
    console.print(f"report: {report}", soft_wrap=True, highlight=False)


def _show_attacks(console: Console, attacks: dict[str, Any], run: Run) -> None:
    """An attack a row, an eps a column, the worst case last; then why a number is not trusted, and where files lie."""
    sizes = [_size(attacks["norm"], eps) for eps in attacks["eps"]]
    table = Table("attack", *sizes, box=None, pad_edge=False, header_style="bold")
    rows = [(entry["name"], entry["points"]) for entry in attacks["attacks"]]
    reasons: dict[str, list[str]] = {}
    for name, points in [*rows, ("worst case", attacks["worst"])]:
        table.add_row(name, *(_cell(point) for point in points), style="bold" if points is attacks["worst"] else None)
        for size, point in zip(sizes, points, strict=True):
            for reason in _verdict(point)["reasons"] if points is not attacks["worst"] else ():
                reasons.setdefault(f"{name}: {reason}", []).append(size)
    console.print(f"\n{attacks['n']:,} images, accuracy with its 95 % interval under attack ({attacks['norm']}):")
    console.print(table)
    for reason, where in reasons.items():
        console.print(f"  {reason} (eps {', '.join(where)})", soft_wrap=True, highlight=False)
    console.print(f"adversarial images: {run.path / 'adversarial'}", soft_wrap=True, highlight=False)


def _size(norm: str, eps: float) -> str:
    from ironglass.report.kit.words import eps_text

    return eps_text(eps, norm)


def _verdict(point: dict[str, Any]) -> dict[str, Any]:
    from ironglass.report.kit.words import verdict_of

    return verdict_of(point)


def _cell(point: dict[str, Any]) -> str:
    value, low, high = (100 * point["accuracy"][key] for key in ("value", "low", "high"))
    return f"{value:.1f} %\n{low:.1f} to {high:.1f}\n{_verdict(point)['word']}"


def headlines(results: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Labels and rates, the most wanted first."""
    from ironglass.report.comparison.words import comparison_cards
    from ironglass.report.transfer.words import transfer_cards

    if evaluation := results.get("evaluation"):
        yield f"{evaluation['split']} images as they are", evaluation["accuracy"]
    if corrupted := results.get("corruptions"):
        yield "unchanged, of the images that are corrupted", corrupted["clean"]
        for entry in corrupted["corruptions"]:
            yield f"{entry['label']}, mean of 5 severities", entry["mean"]
        yield "mean of all corruptions", corrupted["mean"]
    if hardened := results.get("hardening"):
        for row in hardened["rows"]:
            at = f", eps {_size(hardened['norm'], row['eps'])}" if row["eps"] else ""
            for side in ("before", "after"):
                yield f"{side}: {row['label']}{at}", row[side]
    if compared := results.get("comparison"):
        for label, detail, rate, _ in comparison_cards(compared, results["transferred"]):
            yield f"{label}, {detail}", rate
    if transferred := results.get("transfer"):
        for label, detail, rate, _ in transfer_cards(transferred):
            yield f"{label}, {detail}", rate
    if swept := results.get("sweep"):
        for row in swept["rows"]:
            if "validation" in row:
                yield f"{row['name']}, validation images", row["validation"]
    if occlusion := results.get("occlusion"):
        for mask in occlusion["masks"]:
            yield f"{mask['name']} {occlusion['patch']} px patch at its worst place", mask["worst"]
    for condition in results.get("explanations", {}).get("conditions", []):
        if condition["kind"] != "clean":
            yield condition["label"], condition["accuracy"]
    if fgsm := results.get("fgsm"):
        for point in fgsm["points"]:
            if point["eps"] > 0:
                yield f"FGSM, eps {255 * point['eps']:.3g}/255", point["accuracy"]


def print_json(value: Any) -> None:
    """The value on standard output, and nothing else."""
    json.dump(value, sys.stdout, indent=1, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


def print_lines(lines: dict[str, str], as_json: bool) -> None:
    """Names and what they stand for."""
    if as_json:
        print_json(lines)
        return
    width = max(map(len, lines)) + 2
    for name, text in lines.items():
        print(f"{name:<{width}}{text}")


def show_predictions(run: Run, rows: list[dict[str, Any]]) -> None:
    """The first images' most probable classes, and where the rest is."""
    console, shown = Console(), 20
    table = Table("image", "most probable class", "confidence", "then", box=None, pad_edge=False, header_style="bold")
    table.columns[0].overflow, table.columns[2].justify = "fold", "right"
    for row in rows[:shown]:
        then = ", ".join(row[f"class_{rank}"] for rank in range(2, 6) if row.get(f"class_{rank}") is not None)
        first = "not judged" if row["class_1"] is None else row["class_1"]
        table.add_row(escape(row["name"]), escape(first), _percent(row["confidence_1"]), escape(then))
    console.print(table)
    for remark in (run.read("data.json") or {}).get("remarks", []):
        console.print(f"model: {remark}", soft_wrap=True, highlight=False, markup=False)
    if len(rows) > shown:
        console.print(f"and {len(rows) - shown:,} more")
    _show_left_out(console, run)
    console.print(f"all of them: {run.path / 'predictions.csv'}", highlight=False, soft_wrap=True)
    if (page := run.path / "predictions.html").is_file():
        console.print(f"with pictures and maps: {page}", highlight=False, soft_wrap=True)


def _percent(share: float | None) -> str:
    return "no number" if share is None else f"{100 * share:.1f} %"


def _show_left_out(console: Console, run: Run) -> None:
    """How many files were left out, the first of them by name, and what was assumed of the others."""
    about = run.read("data.json") or {}
    if left_out := about.get("quarantined", []):
        said = f"left out: {len(left_out):,} files (all in {run.path / 'data.json'})"
        console.print(said, highlight=False, soft_wrap=True, markup=False)
        for file in left_out[:_NAMED]:
            console.print(f"  {file['name']}: {file['reason']}", highlight=False, soft_wrap=True, markup=False)
        if len(left_out) > _NAMED:
            console.print(f"  and {len(left_out) - _NAMED:,} more", highlight=False)
    for note in about.get("notes", []):
        console.print(f"data: {note}", soft_wrap=True, highlight=False, markup=False)
