"""Each verb: what it takes, and the study it calls."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from ironglass.cli import options as o
from ironglass.cli.plans import changed, checked, free_folder, listed, make_plan, run_plan, transfer_fields
from ironglass.errors import InputError
from ironglass.run import Run

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


@app.command()
@o.spread
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


@app.command()
@o.spread
def train(
    model: o.Model,
    data: o.Data,
    epochs: Annotated[int, typer.Option(help="Times through the data.")] = 10,
    lr: Annotated[float, typer.Option(help="The highest learning rate.")] = 0.05,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = 64,
    optimiser: Annotated[str, typer.Option(help="sgd or adamw.")] = "sgd",
    schedule: Annotated[str, typer.Option(help="one-cycle, step, plateau or constant.")] = "one-cycle",
    *,
    filled: o.Weights,
    source: o.Source,
    common: o.Common,
) -> None:
    """Train a model on data and evaluate it; the best epoch is kept."""
    stage = {
        "epochs": epochs,
        "peak_lr": lr,
        "batch_size": batch_size,
        "optimiser": optimiser,
        "schedule": schedule,
    }
    plan = make_plan("train", ("train", "evaluate"), model, data, filled, source, common, stages=(stage,))
    run_plan(plan, common, download=source.download)


@app.command()
@o.spread
def evaluate(
    model: o.Model,
    data: o.Data,
    split: o.Split = "auto",
    corruptions: Annotated[
        str | None,
        typer.Option(help="Measure under these, too: all, gaussian-noise, jpeg, ...; a wrong one lists them."),
    ] = None,
    *,
    filled: o.Weights,
    source: o.Source,
    common: o.Common,
) -> None:
    """Accuracy, confusion matrix, classification report, and a prediction an image; also of corrupted images."""
    spoilt = {"corruptions": listed(corruptions)} if corruptions else {}
    steps = ("evaluate", "corrupt") if corruptions else ("evaluate",)
    plan = make_plan("evaluate", steps, model, data, filled, source, common, split=split, **spoilt)
    run_plan(plan, common, download=source.download)


@app.command()
@o.spread
def explain(
    model: o.Model,
    data: o.Data,
    methods: Annotated[
        str | None,
        typer.Option(
            help="saliency, guided-backprop, integrated-gradients, grad-cam, occlusion, ...; else all layers."
        ),
    ] = None,
    target: Annotated[str, typer.Option(help="The class to explain: predicted, true, or its name.")] = "predicted",
    images: Annotated[
        str | None, typer.Option(help="Which to explain: random (as many as --samples), misclassified, all, or chosen.")
    ] = None,
    chosen: Annotated[
        str | None, typer.Option(help="Images to explain and show, by name, or by class for one drawn by the seed.")
    ] = None,
    hide: Annotated[
        str,
        typer.Option(help="Explain again with a part black: where a method looks, top,left,height,width, or a mask."),
    ] = "",
    attacks: Annotated[str | None, typer.Option(help="Explain again under these attacks, as pgd-20.")] = None,
    norm: Annotated[str, typer.Option(help="Of the attacks: linf or l2.")] = "linf",
    eps: Annotated[str, typer.Option(help="Of the attacks, of [0, 1].")] = "8/255",
    quality: Annotated[int, typer.Option(help="Images on which the methods are tested; 0 for none.")] = 32,
    pictures: Annotated[bool, typer.Option("--pictures", help="A PNG of every map, not only those shown.")] = False,
    masks: Annotated[str, typer.Option(help="What the patch is filled with.")] = "grey,black,mean,blur",
    patch: Annotated[int | None, typer.Option(help="Side of the patch, pixels; else a quarter of the image.")] = None,
    stride: Annotated[int | None, typer.Option(help="Step of the patch, pixels; else half of it.")] = None,
    patches: Annotated[
        str | None, typer.Option(help="Sizes of patches to try at every place, pixels: does any flip the answer?")
    ] = None,
    *,
    drawn: o.Drawn,
    filled: o.Weights,
    source: o.Source,
    common: o.Common,
) -> None:
    """Maps by named methods, tested, before and after a part is hidden; else Grad-CAM of every layer and occlusion."""
    asked = {
        "methods": listed(methods) if methods else (),
        "target": target,
        "images": images or ("chosen" if chosen else "random"),
        "chosen": listed(chosen) if chosen else (),
        "hide": hide,
        "quality": quality,
        "pictures": pictures,
    }
    under = {"attacks": listed(attacks), "norm": norm, "eps": listed(eps)} if attacks else {}
    tried = listed(patches) if patches else ()
    looked = {"masks": listed(masks), "patch": patch, "stride": stride, "patches": tried, "explained": asked}
    plan = make_plan(
        "explain", ("evaluate", "explain"), model, data, filled, source, common, **looked, **under, **asdict(drawn)
    )
    run_plan(plan, common, download=source.download)


@app.command()
@o.spread
def attack(
    model: o.Model,
    data: o.Data,
    attacks: Annotated[
        str, typer.Option(help="fgsm, pgd-20 or pgd-N, apgd-ce, square, ensemble, ...; a wrong one lists them all.")
    ] = "fgsm,pgd-20",
    norm: Annotated[str, typer.Option(help="By which changes are measured: linf or l2.")] = "linf",
    eps: Annotated[
        str | None,
        typer.Option(help="Sizes of change, of [0, 1]; else 1/255,2/255,4/255,8/255,16/255, by l2 0.25,0.5,1,2."),
    ] = None,
    *,
    drawn: o.Drawn,
    filled: o.Weights,
    source: o.Source,
    common: o.Common,
) -> None:
    """Accuracy under each attack at each eps with verdicts, pictures, and the adversarial images as a data set."""
    usual = "0.25,0.5,1,2" if norm == "l2" else "1/255,2/255,4/255,8/255,16/255"
    made = {"attacks": listed(attacks), "norm": norm, "eps": listed(usual if eps is None else eps)}
    plan = make_plan("attack", ("evaluate", "attack"), model, data, filled, source, common, **made, **asdict(drawn))
    run_plan(plan, common, download=source.download)


@app.command()
@o.spread
def harden(
    model: o.Model,
    data: o.Data,
    method: Annotated[
        str,
        typer.Option(help="n-fgsm, fgsm, fast-at, free, pgd, trades, mart or adversarial-regularisation."),
    ] = "n-fgsm",
    eps: Annotated[str, typer.Option(help="Size of the change to stand, of [0, 1].")] = "4/255",
    awp: Annotated[bool, typer.Option("--awp", help="Perturb the weights, too.")] = False,
    epochs: Annotated[int, typer.Option(help="Times through the data.")] = 10,
    lr: Annotated[
        float | None, typer.Option(help="The highest learning rate; else 0.05, of trained models 0.01.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = 64,
    optimiser: Annotated[str, typer.Option(help="sgd or adamw.")] = "sgd",
    schedule: Annotated[str, typer.Option(help="one-cycle, step, plateau, constant or exponential.")] = "one-cycle",
    attacks: Annotated[str, typer.Option(help="What before and after are judged by.")] = "fgsm,pgd-20,ensemble",
    *,
    drawn: o.Drawn,
    filled: o.Weights,
    source: o.Source,
    common: o.Common,
) -> None:
    """Train a model to be harder to fool, and compare it in pairs with what it was (or with a plain one beside it)."""
    from ironglass.cli.plans import hardening_stage, run_hardening

    stage = {"epochs": epochs, "batch_size": batch_size, "optimiser": optimiser, "schedule": schedule}
    stage |= hardening_stage(model, filled, method=method, eps=eps, awp=awp, lr=lr)
    made = {"attacks": listed(attacks), "eps": (eps,)}
    plan = make_plan(
        "harden", ("train",), model, data, filled, source, common, stages=(stage,), **made, **asdict(drawn)
    )
    run_hardening(plan, common, download=source.download)


@app.command()
@o.spread
def sweep(
    model: o.Model,
    data: o.Data,
    lr: Annotated[
        str | None, typer.Option(help="Highest learning rates; else 0.1,0.01,0.001,0.0001, with --vary 0.05.")
    ] = None,
    body_lr: Annotated[
        str | None,
        typer.Option(help="Those of all layers, in a second stage; --lr is then of the first: the last layer alone."),
    ] = None,
    head_epochs: Annotated[int, typer.Option(help="Times through the data for the last layer alone.")] = 2,
    epochs: Annotated[int, typer.Option(help="Times through the data for all layers.")] = 3,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = 64,
    optimiser: Annotated[str, typer.Option(help="sgd or adamw.")] = "sgd",
    schedule: Annotated[str, typer.Option(help="one-cycle, step, plateau, constant or exponential.")] = "one-cycle",
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=V1,V2", help="Try these, too, e.g. stages.0.batch_size=32,128 (repeatable)."),
    ] = None,
    attacks: Annotated[str | None, typer.Option(help="Attack every trial, e.g. by pgd-20.")] = None,
    eps: Annotated[str, typer.Option(help="Of the attacks, of [0, 1].")] = "4/255",
    samples: Annotated[int, typer.Option(help="Images to attack, drawn by the seed.")] = 250,
    jobs: Annotated[int, typer.Option(help="Trials at once, each in a process of its own.", min=1)] = 1,
    *,
    filled: o.Weights,
    source: o.Source,
    common: o.Common,
) -> None:
    """Train every combination of settings, side by side, and recommend one."""
    from ironglass.cli.plans import sweep_axes, sweep_stages
    from ironglass.studies.sweep import Sweep

    axes = sweep_axes(lr, body_lr, vary or [])
    stages = sweep_stages(
        None if body_lr is None else head_epochs, epochs, batch_size=batch_size, optimiser=optimiser, schedule=schedule
    )
    made = {"attacks": listed(attacks), "eps": (eps,)} if attacks else {}
    steps = ("train", "evaluate")
    plan = make_plan(
        "sweep", steps, model, data, filled, source, common, stages=stages, samples=samples, shown=0, **made
    )
    run_plan(checked(Sweep, trial=plan, vary=axes), common, download=source.download, jobs=jobs)


@app.command()
@o.spread
def transfer(
    model: o.Model,
    data: o.Data,
    source_data: Annotated[
        str | None, typer.Option(help="The model's own data: it is trained on them where it has no weights.")
    ] = None,
    blocks: Annotated[str | None, typer.Option(help="How many blocks are copied, as 0,4,8; else every number.")] = None,
    controls: Annotated[str | None, typer.Option(help="Where controls are made; else at five of these.")] = None,
    seeds: Annotated[int, typer.Option(help="Trainings, the second and later ones at the controls.", min=1)] = 1,
    classes: Annotated[str, typer.Option(help="Whose: target, the data's own, or source, the model's.")] = "target",
    epochs: Annotated[int, typer.Option(help="Times through the data for a base.")] = 10,
    lr: Annotated[float, typer.Option(help="The bases' highest learning rate.")] = 0.04,
    attacks: Annotated[str, typer.Option(help="Made on the model and shown to all, and on each itself.")] = (
        "fgsm,pgd-20"
    ),
    eps: Annotated[str, typer.Option(help="Of the images that are shown, of [0, 1].")] = "4/255,8/255,16/255",
    judged: Annotated[str, typer.Option(help="The one of them that the findings speak of.")] = "8/255",
    images: Annotated[int, typer.Option(help="Images to measure on, spread over the split.")] = 1000,
    jobs: Annotated[int, typer.Option(help="Networks at once, each in a process of its own.", min=1)] = 1,
    *,
    filled: o.Weights,
    source: o.Source,
    common: o.Common,
) -> None:
    """Copy a model's first blocks into networks for other data, frozen or not, and see what fools them."""
    from ironglass.cli.plans import transfer_plan

    plain, both = replace(source, changes=None), {"stages": ({"epochs": epochs, "peak_lr": lr},)}
    steps = ("train", "evaluate")
    own = make_plan("base-A", steps, model, source_data or "", filled, replace(plain, only=None), common, **both)
    target = make_plan("transfer", steps, model, data, o.Weights(size=filled.size), plain, common, **both)
    made = {"attacks": attacks, "eps": eps, "judged": judged, "images": images, "seeds": seeds, "classes": classes}
    plan = transfer_plan(own, target, blocks=blocks, controls=controls, **made)
    run_plan(changed(plan, source.changes), common, download=source.download, jobs=jobs)


@app.command()
@o.spread
def predict(
    model: o.Model,
    paths: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.", show_default=False)],
    *,
    filled: o.Weights,
    common: o.Common,
) -> None:
    """The five most probable classes of each image; also written to predictions.csv."""
    from ironglass.cli.show import print_json, progress_bars, show_predictions
    from ironglass.studies.predict import predict as predict_files

    with progress_bars(common.quiet) as tell:
        found, rows = predict_files(
            model,
            paths,
            free_folder(common.output, "predict", common.resume),
            size=filled.size,
            weights=filled.weights,
            pretrained=filled.pretrained,
            device=common.device,
            seed=common.seed or 0,
            resume=common.resume,
            tell=tell,
        )
    if common.as_json:
        quarantined = found.read("data.json")["quarantined"]
        print_json({"folder": str(found.path), "predictions": rows, "quarantined": quarantined})
    elif not common.quiet:
        show_predictions(found, rows)


@app.command()
@o.spread
def report(
    folder: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    *,
    common: o.Common,
) -> None:
    """Write report.html anew from what is in a run folder."""
    from ironglass.cli.show import show_run
    from ironglass.report.page import write_report

    found = Run.open(folder)
    write_report(found)
    show_run(found, as_json=common.as_json, quiet=common.quiet)
