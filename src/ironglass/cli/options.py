"""The options that verbs share, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    str,
    typer.Argument(
        help="simple-cnn, logistic, timm/NAME, torchvision/NAME, hf-hub:ID, local-dir:PATH, file.py:function, run",
        show_default=False,
    ),
]
Data = Annotated[
    str,
    typer.Argument(
        help="digits, hf:ID, a folder or Parquet file, folder:PATH, tiny-imagenet:PATH or torchvision:NAME",
        show_default=False,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Override any field, e.g. stages.0.epochs=3 (repeatable)."),
]
Size = Annotated[int | None, typer.Option(help="Pixels a side; else the model's own, or the images'.", min=1)]
Weights = Annotated[str | None, typer.Option(help="A local checkpoint for the network.")]
Pretrained = Annotated[bool, typer.Option("--pretrained", help="Load the published weights; may download them.")]
Split = Annotated[str, typer.Option(help="train, validation, test; auto is test, else validation.")]
ImageColumn = Annotated[str | None, typer.Option(help="The Parquet column of images, where it cannot be found.")]
LabelColumn = Annotated[str | None, typer.Option(help="The Parquet column of labels, where it cannot be found.")]
Download = Annotated[bool, typer.Option("--download", help="Let torchvision: data be fetched.")]

Json = Annotated[bool, typer.Option("--json", help="Results as JSON on standard output, all else on standard error.")]
Seed = Annotated[int | None, typer.Option(help="Of everything random; the recipe's where left out.", min=0)]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")]
Output = Annotated[Path | None, typer.Option(help="The run folder; else the next free one in runs/.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no table.")]
