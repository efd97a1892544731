"""Terminal output: progress on standard error, a short table on standard output."""

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
from ironglass.results.sections import read_results
from ironglass.run import Run

if TYPE_CHECKING:
    from ironglass.results.attack import AttackPoint, Attacks, WorstPoint
    from ironglass.results.inspection.checks import DataChecks
    from ironglass.studies.common.progress import Tell


LINE_SECONDS = 30.0
_MAX_FILES_LISTED = 5


@contextmanager
def progress_bars(quiet: bool) -> Iterator[Tell]:
    """Yields a callback that draws a progress bar per task; in a file or pipe, a line now and then; quiet: nothing."""
    console = Console(stderr=True)
    if quiet:
        yield lambda task, done, of, detail: check_interrupted()
    elif not console.is_terminal:
        yield _progress_lines(console)
    else:
        columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[detail]}"))
        with Progress(*columns, TimeRemainingColumn(elapsed_when_finished=True), console=console) as bars:
            tasks: dict[str, TaskID] = {}

            def report_progress(task: str, done: int, of: int, detail: str) -> None:
                check_interrupted()
                if task not in tasks:
                    tasks[task] = bars.add_task(task, total=of, detail=detail)
                bars.update(tasks[task], completed=done, total=of, detail=detail)

            try:
                yield report_progress
            except InputError:
                bars.live.transient = True  # the one line that follows is what matters
                raise


def _progress_lines(console: Console) -> Tell:
    last = time.monotonic()

    def report_progress(task: str, done: int, of: int, detail: str) -> None:
        nonlocal last
        check_interrupted()
        if time.monotonic() - last > LINE_SECONDS:
            last = time.monotonic()
            console.print(f"{task}: {done:,} of {of:,}  {detail}", soft_wrap=True, highlight=False)

    return report_progress


def show_run(run: Run, *, as_json: bool, quiet: bool) -> None:
    """Prints the headline numbers and the path of the report."""
    from ironglass.report.kit.words import verdict_word
    from ironglass.report.page.registry import cautions, headlines, terminal_lines

    report = run.path / "report.html"
    if as_json:
        print_json({"folder": str(run.path), "report": str(report), "results": run.results})
        return
    if quiet:
        return
    results = read_results(run.read_object("results.json"), file=run.path / "results.json")
    console = Console()
    for line in cautions(results):
        console.print(line, style="bold", soft_wrap=True, highlight=False)
    table = Table("measured", "accuracy", "95 % interval", "images", box=None, pad_edge=False, header_style="bold")
    for number in (1, 2, 3):
        table.columns[number].justify = "right"
    numbers = headlines(results)
    if any(headline.under_attack for headline in numbers):
        table.add_column("verdict")
    for headline in numbers:
        low, high = 100 * headline.rate.low, 100 * headline.rate.high
        table.add_row(
            escape(headline.line),
            f"{100 * headline.rate.value:.1f} %",
            f"{low:.1f} to {high:.1f} %",
            f"{headline.rate.n:,}",
            *([verdict_word(headline.verdict) if headline.under_attack else ""] if len(table.columns) > 4 else ()),
        )
    if table.row_count:
        console.print(table)
    if results.attacks:
        _show_attacks(console, results.attacks, run)
    for line in terminal_lines(results):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    _show_quarantined(console, run, results.data_checks)
    if results.explanations:
        console.print(f"maps: {run.path / 'explanations'}", soft_wrap=True, highlight=False)
    console.print(f"report: {report}", soft_wrap=True, highlight=False)


def _show_attacks(console: Console, attacks: Attacks, run: Run) -> None:
    """Prints a row per attack, the worst case last, a column per eps; then the reasons of verdicts, and the folder."""
    from ironglass.report.kit.words import eps_text, verdict_reasons

    sizes = [eps_text(eps, attacks.norm) for eps in attacks.eps]
    table = Table("attack", *sizes, box=None, pad_edge=False, header_style="bold")
    reasons: dict[str, list[str]] = {}
    for row in attacks.attacks:
        table.add_row(row.name, *map(_cell, row.points))
        for size, point in zip(sizes, row.points, strict=True):
            for reason in verdict_reasons(point.verdict):
                reasons.setdefault(f"{row.name}: {reason}", []).append(size)
    table.add_row("worst case", *map(_cell, attacks.worst), style="bold")
    console.print(f"\n{attacks.n:,} images, accuracy with its 95 % interval under attack ({attacks.norm}):")
    console.print(table)
    for reason, eps_texts in reasons.items():
        console.print(f"  {reason} (eps {', '.join(eps_texts)})", soft_wrap=True, highlight=False)
    console.print(f"adversarial images: {run.path / 'adversarial'}", soft_wrap=True, highlight=False)


def _cell(point: AttackPoint | WorstPoint) -> str:
    from ironglass.report.kit.words import verdict_word

    value, low, high = (100 * number for number in (point.accuracy.value, point.accuracy.low, point.accuracy.high))
    return f"{value:.1f} %\n{low:.1f} to {high:.1f}\n{verdict_word(point.verdict)}"


def print_json(value: Any) -> None:
    """Prints the value as JSON on standard output."""
    json.dump(value, sys.stdout, indent=1, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


def print_lines(lines: dict[str, str], as_json: bool) -> None:
    """Prints names with their descriptions."""
    if as_json:
        print_json(lines)
        return
    width = max(map(len, lines)) + 2
    for name, text in lines.items():
        print(f"{name:<{width}}{text}")


def show_predictions(run: Run, rows: list[dict[str, Any]]) -> None:
    """Prints the most probable classes of the first images, and the path of the full table."""
    console, limit = Console(), 20
    table = Table("image", "most probable class", "confidence", "then", box=None, pad_edge=False, header_style="bold")
    table.columns[0].overflow, table.columns[2].justify = "fold", "right"
    for row in rows[:limit]:
        next_classes = ", ".join(row[f"class_{rank}"] for rank in range(2, 6) if row.get(f"class_{rank}") is not None)
        top_class = "not judged" if row["class_1"] is None else row["class_1"]
        table.add_row(escape(row["name"]), escape(top_class), _percent(row["confidence_1"]), escape(next_classes))
    console.print(table)
    for remark in (run.read("data.json") or {}).get("remarks", []):
        console.print(f"model: {remark}", soft_wrap=True, highlight=False, markup=False)
    if len(rows) > limit:
        console.print(f"and {len(rows) - limit:,} more")
    _show_quarantined(console, run)
    console.print(f"all of them: {run.path / 'predictions.csv'}", highlight=False, soft_wrap=True)
    if (page := run.path / "predictions.html").is_file():
        console.print(f"with pictures and maps: {page}", highlight=False, soft_wrap=True)


def _percent(share: float | None) -> str:
    return "no number" if share is None else f"{100 * share:.1f} %"


def _show_quarantined(console: Console, run: Run, checks: DataChecks | None = None) -> None:
    """Prints the number of quarantined files, the first few by name, and the assumptions about the others."""
    from ironglass.report.about.checks import other_notes

    data = run.read("data.json") or {}
    if quarantined := data.get("quarantined", []):
        summary = f"left out: {len(quarantined):,} files (all in {run.path / 'data.json'})"
        console.print(summary, highlight=False, soft_wrap=True, markup=False)
        for file in quarantined[:_MAX_FILES_LISTED]:
            console.print(f"  {file['name']}: {file['reason']}", highlight=False, soft_wrap=True, markup=False)
        if len(quarantined) > _MAX_FILES_LISTED:
            console.print(f"  and {len(quarantined) - _MAX_FILES_LISTED:,} more", highlight=False)
    for note in other_notes(data.get("notes", []), checks):
        console.print(f"data: {note}", soft_wrap=True, highlight=False, markup=False)
