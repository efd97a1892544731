"""The command line: its verbs in the order in which help lists them."""

from __future__ import annotations

import sys
import warnings
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from ironglass import __version__
from ironglass.cli import options as o
from ironglass.cli.audit import audit, certify
from ironglass.cli.commands_inspect import attack, evaluate, explain, predict
from ironglass.cli.commands_train import harden, sweep, train, transfer
from ironglass.cli.compare import compare
from ironglass.cli.help import Verb, Verbs
from ironglass.cli.inspect_data import inspect
from ironglass.cli.plans import (
    NEEDED,
    against_field,
    import_at_once,
    run_plan,
    split_entries,
    values_of,
    with_changes,
    with_true_description,
)
from ironglass.cli.studio import studio
from ironglass.errors import InputError, Notice
from ironglass.run import Run, hold

app = typer.Typer(
    cls=Verbs,
    help="See through your image classifier, then make it hard to break.",
    rich_markup_mode=None,  # rich would take most of the half second that help may take
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(requested: bool) -> None:
    if requested:
        python = ".".join(map(str, sys.version_info[:3]))
        print(f"ironglass {__version__} (Python {python}, torch {metadata.version('torch')})")
        raise typer.Exit


@app.callback()
def ironglass(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """See through your image classifier, then make it hard to break."""


def run(
    recipe: Annotated[str | None, typer.Argument(help="A recipe's name, or a Python file that defines RECIPE.")] = None,
    list_recipes: Annotated[bool, typer.Option("--list", help="Name the recipes and stop.")] = False,
    data: Annotated[str | None, typer.Option(help="Other data than the recipe's.")] = None,
    model: Annotated[str | None, typer.Option(help="Another model than the recipe's.")] = None,
    only: o.Only = None,
    changes: o.Set = None,
    source: Annotated[str | None, typer.Option(help="Transfer: the model that blocks are copied from.")] = None,
    blocks: Annotated[str | None, typer.Option(help="Transfer: numbers of blocks to copy, as 0,4,8.")] = None,
    against: o.Against = None,
    seeds: Annotated[int | None, typer.Option(help="Transfer: training seeds.", min=1)] = None,
    jobs: Annotated[
        int, typer.Option(help="Sweep or transfer: networks trained in parallel.", min=1, max=o.MAX_JOBS)
    ] = 1,
    download: o.Download = False,
    *,
    common: o.Common,
) -> None:
    """Run a recipe end to end: train, evaluate, explain, attack, report."""
    import_at_once("ironglass.recipes", *NEEDED)
    from ironglass.cli.show import print_lines
    from ironglass.recipes import RECIPES, load_recipe, summary
    from ironglass.studies.registry import with_own_options

    if list_recipes:
        print_lines({name: summary(name) for name in RECIPES}, common.as_json)
        return
    if recipe is None:
        raise InputError(f"name a recipe: {', '.join(RECIPES)}, or a Python file")
    against_field(against)
    study_options = {"source": source, "blocks": None if blocks is None else values_of(blocks), "seeds": seeds}
    study_options |= {"against": against}
    original = with_own_options(
        load_recipe(recipe), {name: value for name, value in study_options.items() if value is not None}
    )
    plan = with_changes(
        original,
        changes,
        dataset=data,
        model=model,
        only=None if only is None else split_entries(only),
        seed=common.seed,
    )
    run_plan(with_true_description(plan, original), common, download=download, jobs=jobs)


def report(
    folders: Annotated[
        list[Path], typer.Argument(help="A run folder, or several of one model for one page.", show_default=False)
    ],
    *,
    pdf: Annotated[bool, typer.Option("--pdf", help="Write each chart as PDF, too: figures/*.pdf.")] = False,
    common: o.Common,
) -> None:
    """Write report.html again from the contents of a run folder, or one page of several runs of one model."""
    unused = {"seed": common.seed is not None, "device": common.device != "auto", "resume": common.resume}
    unused["output"] = common.output is not None and len(folders) == 1
    if rejected := [name for name, is_set in unused.items() if is_set]:
        raise InputError(f"report draws what is in the run folder already: leave --{rejected[0]} out")
    if len(folders) > 1:
        _report_jointly(folders, common, pdf=pdf)
        return
    from ironglass.cli.show import show_run
    from ironglass.report.page.page import write_report
    from ironglass.report.page.reading import check_files, drawing

    (folder,) = folders
    opened = Run.open(folder)
    with hold(opened.path):
        files = check_files(opened)
        write_report(opened, pdf=pdf)
    for note in files.notes():
        warnings.warn(Notice(f"{folder}: {note}"), stacklevel=1)
    with drawing(opened.path / "results.json", files):
        show_run(opened, as_json=common.as_json, quiet=common.quiet)


def _report_jointly(folders: list[Path], common: o.Common, *, pdf: bool) -> None:
    """One page of several runs, in the folder of `--output`, else in the next free `runs/report-k`."""
    from ironglass.cli.plans import free_folder
    from ironglass.cli.show import print_json
    from ironglass.report.page.joint import write_joint_report

    page = write_joint_report(folders, free_folder(common.output, "report", resume=False), pdf=pdf)
    if common.as_json:
        print_json({"folder": str(page.parent), "report": str(page), "runs": [str(folder) for folder in folders]})
    elif not common.quiet:
        print(f"report: {page}")


def show(
    folder: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, and open no browser.")] = False,
) -> None:
    """Open a run's report in the browser."""
    import webbrowser

    page = Run.open(folder).path / "report.html"
    if not page.is_file():
        raise InputError(f"{folder} has no report yet: write it by ironglass report {folder}")
    address = page.resolve().as_uri()
    opened = not no_browser and webbrowser.open(address)
    print(f"{'opened' if opened else 'report'}: {address}")


PANELS = {
    "Everything at once": (run, audit, report, show),
    "Look at a trained model": (evaluate, explain, attack, certify, predict, studio),
    "Inspect data": (inspect,),
    "Compare": (compare,),
    "Train": (train, harden, sweep, transfer),
}
for panel, group in PANELS.items():
    for verb in group:
        app.command(cls=Verb, rich_help_panel=panel)(o.flatten_options(verb))
