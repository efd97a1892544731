"""Each verb: what it takes, and the study it calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ironglass.cli import options as o
from ironglass.cli.plans import changed, free_folder, make_plan, model_fields, run_plan
from ironglass.errors import InputError
from ironglass.run import Run

app = typer.Typer(
    help="See through your image classifier, then make it hard to break.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def ironglass() -> None:
    """See through your image classifier, then make it hard to break."""


@app.command()
def run(
    recipe: Annotated[str | None, typer.Argument(help="A recipe's name, or a Python file that defines RECIPE.")] = None,
    list_recipes: Annotated[bool, typer.Option("--list", help="Name the recipes and stop.")] = False,
    data: Annotated[str | None, typer.Option(help="Other data than the recipe's.")] = None,
    model: Annotated[str | None, typer.Option(help="Another model than the recipe's.")] = None,
    changes: o.Set = None,
    download: o.Download = False,
    as_json: o.Json = False,
    seed: o.Seed = None,
    device: o.Device = "auto",
    output: o.Output = None,
    resume: o.Resume = False,
    quiet: o.Quiet = False,
) -> None:
    """Run a recipe end to end: train, evaluate, explain, attack, report."""
    from ironglass.cli.show import print_lines
    from ironglass.recipes import RECIPES, load_recipe, summary

    if list_recipes:
        print_lines({name: summary(name) for name in RECIPES}, as_json)
        return
    if recipe is None:
        raise InputError(f"name a recipe: {', '.join(RECIPES)}, or a Python file")
    plan = changed(load_recipe(recipe), changes, dataset=data, model=model, seed=seed)
    run_plan(plan, output, as_json=as_json, quiet=quiet, device=device, download=download, resume=resume)


@app.command()
def train(
    model: o.Model,
    data: o.Data,
    epochs: Annotated[int, typer.Option(help="Times through the data.")] = 10,
    lr: Annotated[float, typer.Option(help="The highest learning rate.")] = 0.05,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = 64,
    optimiser: Annotated[str, typer.Option(help="sgd or adamw.")] = "sgd",
    schedule: Annotated[str, typer.Option(help="one-cycle, step, plateau or constant.")] = "one-cycle",
    size: o.Size = None,
    weights: o.Weights = None,
    pretrained: o.Pretrained = False,
    image_column: o.ImageColumn = None,
    label_column: o.LabelColumn = None,
    changes: o.Set = None,
    download: o.Download = False,
    as_json: o.Json = False,
    seed: o.Seed = None,
    device: o.Device = "auto",
    output: o.Output = None,
    resume: o.Resume = False,
    quiet: o.Quiet = False,
) -> None:
    """Train a model on data and evaluate it; the best epoch is kept."""
    stage = {
        "epochs": epochs,
        "peak_lr": lr,
        "batch_size": batch_size,
        "optimiser": optimiser,
        "schedule": schedule,
    }
    fields = model_fields(model, data, size, weights, pretrained, image_column, label_column)
    plan = make_plan("train", ("train", "evaluate"), changes, stages=(stage,), seed=seed, **fields)
    run_plan(plan, output, as_json=as_json, quiet=quiet, device=device, download=download, resume=resume)


@app.command()
def evaluate(
    model: o.Model,
    data: o.Data,
    split: o.Split = "auto",
    size: o.Size = None,
    weights: o.Weights = None,
    pretrained: o.Pretrained = False,
    image_column: o.ImageColumn = None,
    label_column: o.LabelColumn = None,
    changes: o.Set = None,
    download: o.Download = False,
    as_json: o.Json = False,
    seed: o.Seed = None,
    device: o.Device = "auto",
    output: o.Output = None,
    resume: o.Resume = False,
    quiet: o.Quiet = False,
) -> None:
    """Accuracy, confusion matrix, classification report, and a prediction an image."""
    fields = model_fields(model, data, size, weights, pretrained, image_column, label_column)
    plan = make_plan("evaluate", ("evaluate",), changes, seed=seed, split=split, **fields)
    run_plan(plan, output, as_json=as_json, quiet=quiet, device=device, download=download, resume=resume)


@app.command()
def explain(
    model: o.Model,
    data: o.Data,
    masks: Annotated[str, typer.Option(help="What the patch is filled with.")] = "grey,black,mean,blur",
    patch: Annotated[int | None, typer.Option(help="Side of the patch, pixels; else a quarter of the image.")] = None,
    stride: Annotated[int | None, typer.Option(help="Step of the patch, pixels; else half of it.")] = None,
    images: Annotated[int, typer.Option(help="Images to measure on.")] = 1000,
    samples: Annotated[int, typer.Option(help="Images to show.")] = 12,
    split: o.Split = "auto",
    size: o.Size = None,
    weights: o.Weights = None,
    pretrained: o.Pretrained = False,
    image_column: o.ImageColumn = None,
    label_column: o.LabelColumn = None,
    changes: o.Set = None,
    download: o.Download = False,
    as_json: o.Json = False,
    seed: o.Seed = None,
    device: o.Device = "auto",
    output: o.Output = None,
    resume: o.Resume = False,
    quiet: o.Quiet = False,
) -> None:
    """Grad-CAM of every layer with notes, and occlusion under several masks."""
    fields = model_fields(model, data, size, weights, pretrained, image_column, label_column)
    fields |= {"masks": tuple(masks.split(",")), "patch": patch, "stride": stride}
    fields |= {"images": images, "samples": samples, "split": split}
    plan = make_plan("explain", ("evaluate", "explain"), changes, seed=seed, **fields)
    run_plan(plan, output, as_json=as_json, quiet=quiet, device=device, download=download, resume=resume)


@app.command()
def attack(
    model: o.Model,
    data: o.Data,
    eps: Annotated[str, typer.Option(help="Sizes of change, of [0, 1].")] = "1/255,2/255,4/255,8/255,16/255",
    images: Annotated[int, typer.Option(help="Images to attack.")] = 1000,
    samples: Annotated[int, typer.Option(help="Images to show.")] = 12,
    split: o.Split = "auto",
    size: o.Size = None,
    weights: o.Weights = None,
    pretrained: o.Pretrained = False,
    image_column: o.ImageColumn = None,
    label_column: o.LabelColumn = None,
    changes: o.Set = None,
    download: o.Download = False,
    as_json: o.Json = False,
    seed: o.Seed = None,
    device: o.Device = "auto",
    output: o.Output = None,
    resume: o.Resume = False,
    quiet: o.Quiet = False,
) -> None:
    """Accuracy under FGSM at each eps, with pictures and a verdict."""
    fields = model_fields(model, data, size, weights, pretrained, image_column, label_column)
    fields |= {"eps": tuple(eps.split(",")), "images": images, "samples": samples, "split": split}
    plan = make_plan("attack", ("evaluate", "attack"), changes, seed=seed, **fields)
    run_plan(plan, output, as_json=as_json, quiet=quiet, device=device, download=download, resume=resume)


@app.command()
def predict(
    model: o.Model,
    paths: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.", show_default=False)],
    size: o.Size = None,
    weights: o.Weights = None,
    pretrained: o.Pretrained = False,
    as_json: o.Json = False,
    seed: o.Seed = None,
    device: o.Device = "auto",
    output: o.Output = None,
    resume: o.Resume = False,
    quiet: o.Quiet = False,
) -> None:
    """The five most probable classes of each image; also written to predictions.csv."""
    from ironglass.cli.show import print_json, progress_bars, show_predictions
    from ironglass.studies.predict import predict as predict_files

    with progress_bars(quiet) as tell:
        found, rows = predict_files(
            model,
            paths,
            free_folder(output, "predict", resume),
            size=size,
            weights=weights,
            pretrained=pretrained,
            device=device,
            seed=seed or 0,
            resume=resume,
            tell=tell,
        )
    if as_json:
        print_json(
            {"folder": str(found.path), "predictions": rows, "quarantined": found.read("data.json")["quarantined"]}
        )
    elif not quiet:
        show_predictions(found, rows)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    as_json: o.Json = False,
    seed: o.Seed = None,
    device: o.Device = "auto",
    output: o.Output = None,
    resume: o.Resume = False,
    quiet: o.Quiet = False,
) -> None:
    """Write report.html anew from what is in a run folder."""
    from ironglass.cli.show import show_run
    from ironglass.report.page import write_report

    found = Run.open(folder)
    write_report(found)
    show_run(found, as_json=as_json, quiet=quiet)
