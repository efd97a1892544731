"""The verb `inspect`: a data set's images, their faults, and a list of what to leave out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ironglass.cli import options as o
from ironglass.cli.plans import class_fields, data_fields, free_folder, network_fields, split_entries, with_changes
from ironglass.errors import InputError

if TYPE_CHECKING:
    from ironglass.plans.inspection import Inspection
    from ironglass.results.inspection import Inspection as InspectionResult
    from ironglass.run import Run


def inspect(
    data: o.Data,
    model: Annotated[
        str, typer.Argument(help="A trained model, measured with and without the images at fault.", show_default=False)
    ] = "",
    clean: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the images to leave out, for --leave-out; nothing is deleted."),
    ] = None,
    skip: Annotated[
        str | None, typer.Option(help="Searches to skip: near-duplicates, label-errors, separated by commas.")
    ] = None,
    split: o.Split = "auto",
    against: Annotated[
        str, typer.Option(metavar="OTHER", help="Other data, whose images MODEL is to tell from those of DATA.")
    ] = "",
    *,
    network: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Images of a data set: sizes, duplicates, leaks between splits, bad images, and their effect on a model."""
    from ironglass.api import run
    from ironglass.cli.show import print_json, progress_bars
    from ironglass.results.sections import read_results

    plan = _plan((data, model, against), skip, split, network, outputs, source, common)
    if clean is not None and (clean.is_dir() or not clean.parent.is_dir()):
        raise InputError(f"--clean {clean}: give a file in a folder that is there")
    folder = free_folder(common.output, plan.name, common.resume)
    with progress_bars(common.quiet) as progress:
        done = run(
            plan,
            folder,
            device=common.device,
            download=source.download,
            resume=common.resume,
            progress=progress,
        )
    result = read_results(done.read_object("results.json"), file=done.path / "results.json").inspection
    assert result is not None  # the run has just written it
    if clean is not None:
        _write_list(clean, result)
    if common.as_json:
        print_json({"folder": str(done.path), "report": str(done.path / "report.html"), "results": done.results})
    elif not common.quiet:
        _show(result, done, clean)


def _plan(
    named: tuple[str, str, str],
    skip: str | None,
    split: str,
    network: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> Inspection:
    from ironglass.choices import unknown
    from ironglass.plans.inspection import SEARCHES, Inspection

    data, model, against = named
    skipped = () if skip is None else split_entries(skip)
    for name in skipped:
        if name not in SEARCHES:
            raise unknown("search", name, SEARCHES)
    remaining: Any = tuple(search for search in SEARCHES if search not in skipped)
    if source.only is not None and split_entries(source.only) == ("",):
        raise InputError("--only is empty: name two classes or more, or leave it out")
    fields = data_fields(source) | network_fields(network) | class_fields(outputs)
    plan = Inspection(dataset=data, model=model, searches=remaining, split=split, against=against, **fields)
    return with_changes(plan, source.changes, seed=common.seed)


def _write_list(path: Path, result: InspectionResult) -> None:
    from ironglass.data.leave_out import list_text
    from ironglass.run import atomic

    rows = [(row.image.name, row.reason, row.certain) for row in result.leave_out]
    try:
        with atomic(path) as part:
            part.write_text(list_text(rows), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write --clean {path}: {error.strerror}") from error


def _show(result: InspectionResult, run: Run, clean: Path | None) -> None:
    """The table of findings, their words, and where the rest is."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ironglass.report.inspection.words import findings, inspection_words

    console = Console()
    table = Table("searched for", "images", "in", box=None, pad_edge=False, header_style="bold")
    table.columns[1].justify = "right"
    for row in findings(result):
        style = "bold" if row.images and row.serious else None
        table.add_row(escape(row.name), f"{row.images:,}", row.detail, style=style)
    console.print(table)
    lines = [*inspection_words(result), *((run.read("data.json") or {}).get("notes", []))]
    if clean is not None:
        certain = sum(row.certain for row in result.leave_out)
        doubtful = len(result.leave_out) - certain
        lines.append(f"to leave out: {certain:,} images, and {doubtful:,} to look at as comments, in {clean}")
    for line in (*lines, f"report: {run.path / 'report.html'}"):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
