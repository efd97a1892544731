"""Options that verbs share, each defined once, in groups that are flattened into a verb's signature."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from typer.models import OptionInfo

MAX_JOBS = 256
"""Maximum number of parallel processes."""

Model = Annotated[
    str,
    typer.Argument(
        help="simple-cnn, strided-cnn, logistic, maxout, preact-resnet-18, timm/NAME, torchvision/NAME, hf-hub:ID, "
        "local-dir:PATH, file.py:function, net.pt2, net.onnx, run",
        show_default=False,
    ),
]
Data = Annotated[
    str,
    typer.Argument(
        help="digits, planted, planted-shortcut, hf:ID, a folder or Parquet file, folder:PATH, tiny-imagenet:PATH, "
        "torchvision:NAME; for explain and attack also an image, or a folder of images",
        show_default=False,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Override any field, e.g. stages.0.epochs=3 (repeatable)."),
]
Seeds = Annotated[
    int, typer.Option(help="Seeds to train each setting by; results are over seeds and images.", min=1, max=1000)
]
ObjectiveNorm = Annotated[
    str | None, typer.Option("--norm", help="Norm of the changes to train against: linf, the default, or l2.")
]
EpsRamp = Annotated[float, typer.Option(help="Epochs over which eps grows from 0, a little every step.", min=0)]
Only = Annotated[str | None, typer.Option(help="Use only these classes of the data, separated by commas.")]
Download = Annotated[bool, typer.Option("--download", help="Allow torchvision: data to be downloaded.")]
SliceBy = Annotated[
    str | None,
    typer.Option(metavar="COLUMN,...", help="Columns of the data's table to search for slices of low accuracy."),
]
Against = Annotated[
    str | None,
    typer.Option(
        metavar="OTHER", help="Other data or a folder of images, to be told from these; else noise and shuffled tiles."
    ),
]
Split = Annotated[str, typer.Option(help="train, validation, test; auto is test, else validation.")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Weights:
    """The network."""

    size: Annotated[
        int | None, typer.Option(help="Image size, pixels a side; else the model's own, or the images'.", min=1)
    ] = None
    weights: Annotated[str | None, typer.Option(help="A local checkpoint for the network.")] = None
    pretrained: Annotated[bool, typer.Option("--pretrained", help="Load the published weights; may download them.")] = (
        False
    )

    normalise: Annotated[
        str | None, typer.Option(help="Normalisation: imagenet, half or none; else the model's own.")
    ] = None
    mean: Annotated[
        str | None,
        typer.Option(metavar="M,M,M", help="Mean of each channel, in units of [0, 1], in place of --normalise."),
    ] = None
    std: Annotated[
        str | None, typer.Option(metavar="S,S,S", help="Standard deviation of each channel, with --mean.")
    ] = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outputs:
    """The classes."""

    classes: Annotated[
        str | None, typer.Option(help="Names of the network's outputs, in their order, separated by commas.")
    ] = None
    class_map: Annotated[
        str | None, typer.Option(metavar="A=B,...", help="The model's names for classes that the data name otherwise.")
    ] = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sampling:
    """Images to measure and show."""

    samples: Annotated[int, typer.Option(help="Images to measure on, drawn by the seed.")] = 1000
    shown: Annotated[int, typer.Option(help="Images to show in the report, drawn by the seed.")] = 12
    split: Split = "auto"

    @property
    def fields(self) -> dict[str, Any]:
        """The audit's."""
        return {"sampling": {"images": self.samples, "report_images": self.shown}, "split": self.split}


@dataclasses.dataclass(frozen=True, kw_only=True)
class OcclusionPatch:
    """The occluding patch."""

    masks: Annotated[str, typer.Option(help="Fills of the occluding patch.")] = "grey,black,mean,blur"
    patch: Annotated[int | None, typer.Option(help="Side of the patch, pixels; else a quarter of the image.")] = None
    stride: Annotated[int | None, typer.Option(help="Stride of the patch, pixels; else half of it.")] = None
    patches: Annotated[
        str | None, typer.Option(help="Patch sizes to try at every position, pixels: does any change the prediction?")
    ] = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class UnderAttack:
    """Maps under attack."""

    attacks: Annotated[str | None, typer.Option(help="Attacks under which maps are compared, as pgd-20.")] = None
    norm: Annotated[str | None, typer.Option(help="Norm of the attacks: linf, the default, l2 or l1.")] = None
    eps: Annotated[
        str | None, typer.Option(help="Attack budget eps, in units of [0, 1]; else 8/255, for l2 0.5, for l1 12.")
    ] = None


Fit = Annotated[
    str | None,
    typer.Option(help="Fit of images of another shape: crop, letterbox or stretch; else as trained, or crop."),
]
Range = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Stored values that are black and white, of images of 16 bits; else as trained, or auto: found.",
    ),
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """Data, and any other field of the recipe."""

    image_column: Annotated[
        str | None, typer.Option(help="The table's column of images or files, where it cannot be found.")
    ] = None
    label_column: Annotated[
        str | None, typer.Option(help="The table's column of classes, where it cannot be found.")
    ] = None
    splits: Annotated[
        str | None,
        typer.Option(metavar="OURS=THEIRS", help="Which splits of the data to use, as train=learn,test=holdout."),
    ] = None
    only: Only = None
    leave_out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Leave out the images that a file names, as of inspect --clean.")
    ] = None
    fit: Fit = None
    range: Range = None
    changes: Set = None
    download: Download = False
    check: Annotated[bool, typer.Option("--check", help="Check the whole pixel cache against its checksums.")] = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Common:
    """General options."""

    as_json: Annotated[
        bool, typer.Option("--json", help="Results as JSON on standard output, all else on standard error.")
    ] = False
    seed: Annotated[int | None, typer.Option(help="Seed of everything random; else the recipe's.", min=0)] = None
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto"
    output: Annotated[Path | None, typer.Option(help="The run folder; else the next free one in runs/.")] = None
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no table.")] = False


def flatten_options(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb for typer, with each parameter that is a group above replaced by the group's options."""
    hints = get_type_hints(verb, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if dataclasses.is_dataclass(kind)}

    def flattened(**arguments: Any) -> None:
        for name, kind in groups.items():
            arguments[name] = kind(**{field.name: arguments.pop(field.name) for field in dataclasses.fields(kind)})
        verb(**arguments)

    parameters = []
    for parameter in inspect.signature(verb).parameters.values():
        if parameter.name not in groups:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name]))
            continue
        kind = groups[parameter.name]
        types = get_type_hints(kind, include_extras=True)
        for annotation in types.values():
            _set_panel(annotation, (inspect.getdoc(kind) or "").partition(".")[0])
        parameters += [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=types[field.name]
            )
            for field in dataclasses.fields(kind)
        ]
    flattened.__name__, flattened.__doc__ = verb.__name__, verb.__doc__
    flattened.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    flattened.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flattened


def _set_panel(annotation: Any, panel: str) -> None:
    """Sets the help panel of the option that a type is annotated with."""
    for info in getattr(annotation, "__metadata__", ()):
        if isinstance(info, OptionInfo):
            info.rich_help_panel = panel
