"""The command line: its verbs in the order in which help lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ironglass.cli import options as o
from ironglass.cli.learn import harden, sweep, train, transfer
from ironglass.cli.look import attack, evaluate, explain, predict
from ironglass.cli.plans import changed, listed, run_plan
from ironglass.cli.training_plans import transfer_fields
from ironglass.errors import InputError
from ironglass.run import Run, hold

app = typer.Typer(
    help="See through your image classifier, then make it hard to break.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich would take most of the half second that help may take
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def ironglass() -> None:
    """See through your image classifier, then make it hard to break."""


def run(
    recipe: Annotated[str | None, typer.Argument(help="A recipe's name, or a Python file that defines RECIPE.")] = None,
    list_recipes: Annotated[bool, typer.Option("--list", help="Name the recipes and stop.")] = False,
    data: Annotated[str | None, typer.Option(help="Other data than the recipe's.")] = None,
    model: Annotated[str | None, typer.Option(help="Another model than the recipe's.")] = None,
    only: o.Only = None,
    changes: o.Set = None,
    source: Annotated[str | None, typer.Option(help="Of a transfer: the model that blocks are copied from.")] = None,
    blocks: Annotated[str | None, typer.Option(help="Of a transfer: how many blocks are copied, as 0,4,8.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Of a transfer: how many trainings.", min=1)] = None,
    jobs: Annotated[int, typer.Option(help="Of a sweep or transfer: networks at once.", min=1)] = 1,
    download: o.Download = False,
    *,
    common: o.Common,
) -> None:
    """Run a recipe end to end: train, evaluate, explain, attack, report."""
    from ironglass.cli.show import print_lines
    from ironglass.recipes import RECIPES, load_recipe, summary

    if list_recipes:
        print_lines({name: summary(name) for name in RECIPES}, common.as_json)
        return
    if recipe is None:
        raise InputError(f"name a recipe: {', '.join(RECIPES)}, or a Python file")
    plan = changed(
        transfer_fields(load_recipe(recipe), source, blocks, seeds),
        changes,
        dataset=data,
        model=model,
        only=None if only is None else listed(only),
        seed=common.seed,
    )
    run_plan(plan, common, download=download, jobs=jobs)


def report(
    folder: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    *,
    common: o.Common,
) -> None:
    """Write report.html anew from what is in a run folder."""
    from ironglass.cli.show import show_run
    from ironglass.report.page import write_report

    found = Run.open(folder)
    with hold(found.path):
        write_report(found)
    show_run(found, as_json=common.as_json, quiet=common.quiet)


for verb in (run, train, evaluate, explain, attack, harden, sweep, transfer, predict, report):
    app.command()(o.spread(verb))
