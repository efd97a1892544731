"""The verbs that look at a trained model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ironglass.cli import options as o
from ironglass.cli.plans import attacked, filling, free_folder, listed, make_plan, naming, run_plan, several
from ironglass.errors import InputError


def evaluate(
    model: o.Model,
    data: o.Data,
    split: o.Split = "auto",
    corruptions: Annotated[
        str | None,
        typer.Option(help="Corruptions to measure, too: all, gaussian-noise, jpeg, ...; a wrong name lists them."),
    ] = None,
    *,
    filled: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Accuracy, confusion matrix, classification report, and a prediction an image; also of corrupted images."""
    spoilt = {} if corruptions is None else {"corruptions": {"names": listed(corruptions)}}
    steps = ("evaluate",) if corruptions is None else ("evaluate", "corrupt")
    plan = make_plan("evaluate", steps, model, data, filled, source, common, outputs, split=split, **spoilt)
    run_plan(plan, common, download=source.download)


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
        str | None, typer.Option(help="Images to explain: random (--samples many), misclassified, all, or chosen.")
    ] = None,
    chosen: Annotated[
        str | None, typer.Option(help="Images to explain and show, by name, or by class for one drawn by the seed.")
    ] = None,
    hide: Annotated[
        str,
        typer.Option(help="Region to black out: a method's name (its top patch), top,left,height,width, or a mask."),
    ] = "",
    quality: Annotated[int, typer.Option(help="Images on which the methods are tested; 0 for none.")] = 32,
    pictures: Annotated[bool, typer.Option("--pictures", help="A PNG of every map, not of those shown alone.")] = False,
    *,
    occluding: o.Occluding,
    under: o.Attacked,
    drawn: o.Drawn,
    filled: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Maps by named methods, tested, before and after a part is hidden; else Grad-CAM of every layer and occlusion."""
    asked = {
        "methods": several(methods),
        "target": target,
        "images": images if images is not None else "random" if chosen is None else "chosen",
        "chosen": several(chosen),
        "hide": hide,
        "quality": quality,
        "pictures": pictures,
    }
    occlusion = {"masks": listed(occluding.masks), "patch": occluding.patch, "stride": occluding.stride}
    more = {"occlusion": occlusion, "patches": several(occluding.patches)} | asdict(drawn)
    more |= attacked(under.attacks, norm=under.norm, eps=under.eps, usual="8/255")
    steps = ("evaluate", "explain")
    plan = make_plan("explain", steps, model, data, filled, source, common, outputs, explained=asked, **more)
    run_plan(plan, common, download=source.download)


def attack(
    model: o.Model,
    data: o.Data,
    attacks: Annotated[
        str, typer.Option(help="fgsm, pgd-20 or pgd-N, apgd-ce, square, ensemble, ...; a wrong name lists them all.")
    ] = "fgsm,pgd-20",
    norm: Annotated[str, typer.Option(help="Norm of the changes: linf or l2.")] = "linf",
    eps: Annotated[
        str | None,
        typer.Option(help="Attack budgets eps; else 1/255,2/255,4/255,8/255,16/255, for l2 0.25,0.5,1,2."),
    ] = None,
    *,
    drawn: o.Drawn,
    filled: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Accuracy under each attack at each eps with verdicts, pictures, and the adversarial images as a data set."""
    usual = "0.25,0.5,1,2" if norm == "l2" else "1/255,2/255,4/255,8/255,16/255"
    made = {"methods": listed(attacks), "norm": norm, "eps": listed(usual if eps is None else eps)}
    plan = make_plan(
        "attack", ("evaluate", "attack"), model, data, filled, source, common, outputs, attacks=made, **asdict(drawn)
    )
    run_plan(plan, common, download=source.download)


def predict(
    model: o.Model,
    paths: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.", show_default=False)],
    fit: o.Fit = None,
    range: o.Range = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Write a page with each image and a map of the evidence for its class.")
    ] = False,
    *,
    filled: o.Weights,
    outputs: o.Outputs,
    common: o.Common,
) -> None:
    """The five most probable classes of each image; also written to predictions.csv."""
    from ironglass.cli.show import print_json, progress_bars, show_predictions
    from ironglass.studies.common.options import RunOptions
    from ironglass.studies.prediction.run import predict as predict_files

    if outputs.class_map is not None:
        raise InputError("--class-map is for data with classes, and images alone have none: give --classes")
    write_page = None
    if pictures:
        from ironglass.report.prediction.page import write_page  # late: matplotlib takes its time
    with progress_bars(common.quiet) as progress:
        found, rows = predict_files(
            model,
            paths,
            free_folder(common.output, "predict", common.resume),
            size=filled.size,
            weights=filled.weights,
            pretrained=filled.pretrained,
            classes=naming(outputs).get("classes", ()),
            normalised={name: filling(filled)[name] for name in ("mean", "std", "normalise")},
            seed=common.seed or 0,
            fit=fit,
            range=range,
            write_page=write_page,
            options=RunOptions(device=common.device, resume=common.resume, progress=progress),
        )
    if common.as_json:
        about = found.read("data.json")
        said = {"quarantined": about["quarantined"], "notes": about["notes"], "remarks": about["remarks"]}
        print_json({"folder": str(found.path), "predictions": rows, **said})
    elif not common.quiet:
        show_predictions(found, rows)
