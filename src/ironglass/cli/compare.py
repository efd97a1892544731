"""The verb `compare`: existing runs, compared image by image, and the tables that it prints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ironglass.cli import options as o
from ironglass.errors import InputError

if TYPE_CHECKING:
    from ironglass.results.runs_compared import ConditionCompared, RunsCompared
    from ironglass.run import Run

STATUS_MISSED = 3
"""Exit status where a threshold is missed."""
_MAX_PAIRS = 20


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, two or more.", show_default=False)],
    baseline: Annotated[
        Path | None, typer.Option(help="The run to compare the others with; else all pairs are compared.")
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="Exit status 3 if it is true of any run but the baseline: 'accuracy < 0.9', "
            "'robust_accuracy[pgd-20,8/255] < 0.4' (repeatable).",
        ),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write tables for a pull request; - for standard output.")
    ] = None,
    any_size: Annotated[
        bool, typer.Option("--any-size", help="Compare runs that were shown the images at different sizes, too.")
    ] = False,
    any_version: Annotated[
        bool, typer.Option("--any-version", help="Compare runs that different versions of ironglass measured, too.")
    ] = False,
    *,
    common: o.Common,
) -> None:
    """Compare existing runs image by image, test the differences, and fail where a threshold is missed."""
    from ironglass.api import compare_runs
    from ironglass.cli.plans import free_folder
    from ironglass.cli.show import print_json
    from ironglass.report.runs_compared.markdown import markdown as as_markdown
    from ironglass.results.sections import read_results

    _check_options(common, markdown)
    to_stdout = markdown == Path("-")
    folder = free_folder(common.output, "compare", resume=False)
    allowed = {"any_size": any_size, "any_version": any_version}
    run = compare_runs(runs, folder, baseline=baseline, fail_if=fail_if or (), **allowed)
    comparison = read_results(run.read_object("results.json"), file=run.path / "results.json").runs_compared
    assert comparison is not None  # compare_runs has just written it
    if to_stdout:
        sys.stdout.write(as_markdown(comparison))
    elif markdown is not None:
        markdown.write_text(as_markdown(comparison), encoding="utf-8")
    if common.as_json:
        print_json({"folder": str(run.path), "report": str(run.path / "report.html"), "results": run.results})
    elif not common.quiet and not to_stdout:
        _show(comparison, run)
    if any(threshold.missed for threshold in comparison.thresholds):
        raise typer.Exit(STATUS_MISSED)


def _check_options(common: o.Common, markdown: Path | None) -> None:
    """Raises InputError for options that do not apply to a comparison, or that contradict each other."""
    unused = {"seed": common.seed is not None, "device": common.device != "auto", "resume": common.resume}
    if rejected := [name for name, is_set in unused.items() if is_set]:
        raise InputError(f"compare reads what is in the run folders already: leave --{rejected[0]} out")
    if markdown == Path("-") and common.as_json:
        raise InputError("--markdown - and --json both write to standard output: give --markdown a file")
    if markdown is not None and not markdown.parent.is_dir():
        raise InputError(f"--markdown {markdown}: there is no folder {markdown.parent}")


def _show(comparison: RunsCompared, run: Run) -> None:
    """Prints the accuracies, the tested differences, the thresholds, and the remarks on what was not compared."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ironglass.report.kit.words import magnitude
    from ironglass.report.runs_compared import words

    console = Console()
    columns = words.shown_conditions(comparison)
    for line in filter(None, words.constant_cautions(comparison)):
        console.print(line, style="bold", soft_wrap=True, highlight=False, markup=False)
    heads = [f"{escape(words.condition_words(column))}\nn = {column.n:,}" for column in columns]
    table = Table("run", *heads, "parameters", box=None, pad_edge=False, header_style="bold")
    for compared in comparison.runs:
        size = "–" if compared.parameters is None else magnitude(compared.parameters)
        name = f"{compared.name}{' (baseline)' if compared.name == comparison.baseline else ''}"
        table.add_row(escape(name), *(_cell(condition, compared.name) for condition in columns), size)
    console.print(table)
    pairs = [(column, pair) for column in columns for pair in column.pairs]
    if pairs:
        heads = ["difference", "condition", "points, 95 %", "right alone", "p", "outcome"]
        table = Table(*heads, box=None, pad_edge=False, header_style="bold")
        for column, pair in pairs[:_MAX_PAIRS]:
            cells = (words.pair_words(pair), words.condition_words(column), words.difference_words(pair))
            p = words.p_value(pair.test.p).removeprefix("= ")
            table.add_row(*map(escape, (*cells, words.counts_words(pair), p, words.outcome(pair))))
        console.print()
        console.print(table)
        if len(pairs) > _MAX_PAIRS:
            console.print(f"and {len(pairs) - _MAX_PAIRS:,} more pairs; --baseline RUN compares with one alone")
    checked = [f"{'missed' if row.missed else 'met'} {words.threshold_words(row)}" for row in comparison.thresholds]
    lines = [*words.compared_words(comparison), *comparison.remarks, *checked]
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    console.print(f"report: {run.path / 'report.html'}", soft_wrap=True, highlight=False, markup=False)


def _cell(condition: ConditionCompared, run: str) -> str:
    from ironglass.report.kit.words import verdict_word

    rate = condition.rates.get(run)
    if rate is None:
        return "–"
    value, low, high = (100 * number for number in (rate.value, rate.low, rate.high))
    verdict = "" if condition.norm is None else f"\n{verdict_word(condition.verdicts.get(run))}"
    return f"{value:.1f} %\n{low:.1f} to {high:.1f}{verdict}"
