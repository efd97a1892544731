"""Verbs that inspect a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ironglass.cli import options as o
from ironglass.cli.plans import (
    against_field,
    attack_fields,
    class_fields,
    free_folder,
    make_plan,
    network_fields,
    optional_entries,
    run_plan,
    split_entries,
)
from ironglass.errors import InputError
from ironglass.run import Run


def evaluate(
    model: o.Model,
    data: o.Data,
    split: o.Split = "auto",
    corruptions: Annotated[
        str | None,
        typer.Option(help="Corruptions to measure, too: all, gaussian-noise, jpeg, ...; a wrong name lists them."),
    ] = None,
    slice_by: o.SliceBy = None,
    against: o.Against = None,
    *,
    network: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Accuracy, confusion matrix, classification report, and a prediction an image; also of corrupted images."""
    parts: dict[str, Any] = {"evaluation": True, "slices": optional_entries(slice_by), **against_field(against)}
    if corruptions is not None:
        parts["corruptions"] = {"names": split_entries(corruptions)}
    plan = make_plan("evaluate", parts, model, data, network, source, common, outputs, split=split)
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
    budget: Annotated[
        int | None, typer.Option(help="Forward passes an image of rise and kernel-shap; else 1000.")
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="A PNG of every map, not of those shown alone.")] = False,
    *,
    occlusion_patch: o.OcclusionPatch,
    under_attack: o.UnderAttack,
    sampling: o.Sampling,
    network: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Maps by named methods, tested, before and after a region is hidden; else Grad-CAM of all layers and occlusion."""
    explanation: dict[str, Any] = {
        "methods": optional_entries(methods),
        "target": target,
        "images": images if images is not None else "random" if chosen is None else "chosen",
        "chosen": optional_entries(chosen),
        "hide": hide,
    } | {"quality": quality, "budget": budget, "pictures": pictures}
    default_eps = {"l2": "0.5", "l1": "12"}.get(under_attack.norm or "linf", "8/255")
    explanation |= attack_fields(
        under_attack.attacks, norm=under_attack.norm, eps=under_attack.eps, default_eps=default_eps
    )
    parts = {"evaluation": True} | _explanation_parts(explanation, occlusion_patch)
    plan = make_plan("explain", parts, model, data, network, source, common, outputs, **sampling.fields)
    run = run_plan(plan, common, download=source.download)
    show_single(data, run, quiet=common.quiet or common.as_json)


def show_single(data: str, run: Run, *, quiet: bool) -> None:
    """Writes the picture of one explained photo, `NAME-explained.png` in the current folder, and shows it in the
    terminal where that can; nothing for data of several images."""
    from ironglass.studies.common.single_image import is_single_image

    if not is_single_image(data):
        return
    from ironglass.cli.terminal_picture import show_in_terminal
    from ironglass.report.explanation.single import explanation_png

    if (png := explanation_png(run)) is None:
        return
    path, number = Path(f"{Path(data).stem}-explained.png"), 1
    while path.exists():
        number += 1
        path = Path(f"{Path(data).stem}-explained-{number}.png")
    try:
        path.write_bytes(png)
    except OSError:  # a folder that cannot be written to
        path = run.path / path.name
        path.write_bytes(png)
    if not quiet:
        show_in_terminal(png)
        print(f"picture: {path}")


def _explanation_parts(explanation: dict[str, Any], options: o.OcclusionPatch) -> dict[str, Any]:
    """Parts of the audit: maps by the methods, whose patch is the occluding one, or else layers and occlusion curve."""
    masks, sizes = split_entries(options.masks), optional_entries(options.patches)
    size = {"patch": options.patch, "stride": options.stride}
    if not explanation["methods"]:
        return {"explanation": explanation, "layers": {}, "occlusion": {"masks": masks, **size}, "patches": sizes}
    search = {"sizes": sizes, "stride": options.stride, "fill": None if masks[0] == "grey" else masks[0]}
    return {"explanation": {**explanation, **size}} | ({"patches": search} if sizes else {})


def attack(
    model: o.Model,
    data: o.Data,
    attacks: Annotated[
        str, typer.Option(help="fgsm, pgd-20 or pgd-N, apgd-ce, square, ensemble, ...; a wrong name lists them all.")
    ] = "fgsm,pgd-20",
    norm: Annotated[str, typer.Option(help="Norm of the changes: linf, l2 or l1.")] = "linf",
    eps: Annotated[
        str | None,
        typer.Option(help="Budgets eps; else 1/255,2/255,4/255,8/255,16/255, for l2 0.25,0.5,1,2, for l1 3,6,12,24."),
    ] = None,
    *,
    sampling: o.Sampling,
    network: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Accuracy under each attack at each eps with verdicts, pictures, and the adversarial images as a data set."""
    default_eps = {"l2": "0.25,0.5,1,2", "l1": "3,6,12,24"}.get(norm, "1/255,2/255,4/255,8/255,16/255")
    attack_options = {
        "methods": split_entries(attacks),
        "norm": norm,
        "eps": split_entries(default_eps if eps is None else eps),
    }
    parts = {"evaluation": True, "attacks": attack_options}
    plan = make_plan("attack", parts, model, data, network, source, common, outputs, **sampling.fields)
    run_plan(plan, common, download=source.download)


def predict(
    model: o.Model,
    paths: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.", show_default=False)],
    fit: o.Fit = None,
    range: o.Range = None,
    temperature: Annotated[
        bool, typer.Option("--temperature", help="Confidences at the temperature that was fitted for a run's model.")
    ] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Write a page with each image and a map of the evidence for its class.")
    ] = False,
    *,
    network: o.Weights,
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
        from ironglass.report.prediction.page import write_page  # late: matplotlib is slow to import
    with progress_bars(common.quiet) as progress:
        run, rows = predict_files(
            model,
            paths,
            free_folder(common.output, "predict", common.resume),
            size=network.size,
            weights=network.weights,
            pretrained=network.pretrained,
            classes=class_fields(outputs).get("classes", ()),
            normalised={name: network_fields(network)[name] for name in ("mean", "std", "normalise")},
            seed=common.seed or 0,
            fit=fit,
            range=range,
            temperature=temperature,
            write_page=write_page,
            options=RunOptions(device=common.device, resume=common.resume, progress=progress),
        )
    if common.as_json:
        data_json = run.read("data.json")
        data_notes = {name: data_json[name] for name in ("quarantined", "notes", "remarks")}
        print_json({"folder": str(run.path), "predictions": rows, **data_notes})
    elif not common.quiet:
        show_predictions(run, rows)
