"""The verb `studio`, which opens the local page."""

from __future__ import annotations

import warnings
from typing import Annotated

import typer

from ironglass.choices import shown
from ironglass.cli import options as o
from ironglass.cli.plans import class_fields, network_fields, split_entries
from ironglass.errors import InputError, Notice


def studio(
    models: Annotated[
        list[str],
        typer.Argument(help="Trained models, of the same size and classes: run folders, ...", metavar="MODEL..."),
    ],
    data: Annotated[
        str | None,
        typer.Option(help="Data to pick pictures from, as digits or folder:PATH; else the run's."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; else any free one.", min=0, max=65535)] = 0,
    host: Annotated[
        str, typer.Option(help="127.0.0.1 or localhost, and no other: nobody else's machine is answered.")
    ] = "127.0.0.1",
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, and open no browser.")] = False,
    split: o.Split = "auto",
    only: o.Only = None,
    fit: o.Fit = None,
    download: o.Download = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    *,
    network: o.Weights,
    outputs: o.Outputs,
) -> None:
    """A local page: paint on a picture, attack it, and see prediction and maps follow."""
    from ironglass.cli.show import progress_bars
    from ironglass.studio.load import load_all
    from ironglass.studio.serve import serve

    _check_host(host)
    options = network_fields(network) | class_fields(outputs)
    fields = {name: value for name, value in options.items() if value is not None}
    fields |= {} if split == "auto" else {"split": split}
    fields |= ({} if only is None else {"only": split_entries(only)}) | ({} if fit is None else {"fit": fit})
    if data == "":
        raise InputError("--data is empty: name data, or leave it out")
    with progress_bars(False) as progress:
        loaded = load_all(
            models,
            data,
            device=device,
            download=download,
            progress=lambda done, of: progress("images", done, of, ""),
            **fields,
        )
    for remark in sorted({remark for entry in loaded for remark in entry.classifier.remarks}):
        warnings.warn(Notice(remark), stacklevel=1)
    serve(loaded, port=port, browser=not no_browser)


def _check_host(host: str) -> None:
    if host not in ("127.0.0.1", "localhost"):
        raise InputError(
            f"--host {shown(host)}: the studio answers to this machine alone; from another one, go through "
            "ssh -L PORT:127.0.0.1:PORT, with --port PORT here"
        )
