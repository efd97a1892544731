"""Conversion of command-line options to a plan, and the run of that plan."""

from __future__ import annotations

import dataclasses
import gc
import importlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ironglass.errors import InputError

if TYPE_CHECKING:
    from ironglass.cli.options import Common, Outputs, Source, Weights
    from ironglass.plans.audit import Audit
    from ironglass.run import Run
    from ironglass.studies.common.study import Plan

P = TypeVar("P", bound="Plan")

NEEDED = ("ironglass.studies.registry", "ironglass.api", "ironglass.cli.show")
"""Modules that every verb with a plan imports."""


def import_at_once(*modules: str) -> None:
    """Imports the modules while Python does not search for cyclic garbage.

    torch and what lies above it make a million objects and hardly any garbage: looking through them again and again
    takes a sixth of the processor time of a start.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        for module in modules:
            importlib.import_module(module)
    finally:
        if collects:
            gc.enable()


def make_plan(
    name: str,
    parts: Mapping[str, Any],
    model: str,
    data: str,
    network: Weights,
    source: Source,
    common: Common,
    outputs: Outputs | None = None,
    **fields: Any,
) -> Audit:
    """The audit that a verb runs, of these parts alone. Raises InputError for a value that a field does not accept."""
    import_at_once(*NEEDED)
    from ironglass.plans.audit import Audit, only_parts

    required = only_parts(**{"name": name, "model": model, "dataset": data, "data_checks": True}, **parts)
    fields = data_fields(source) | fields
    plan = Audit(**required, **network_fields(network), **class_fields(outputs), **fields)
    return with_changes(plan, source.changes, seed=common.seed)


def data_fields(source: Source) -> dict[str, Any]:
    """The plan's fields of the data and how they are read. Raises InputError for splits that are no pairs."""
    if source.check:
        os.environ["IRONGLASS_CHECK"] = "1"  # read by data/cache/checksums.py, in the processes of a sweep, too
    fields: dict[str, Any] = {"image_column": source.image_column, "label_column": source.label_column}
    fields |= {"fit": source.fit, "range": source.range, "leave_out": source.leave_out}
    if source.splits is not None:
        fields["splits"] = _pairs("--splits", source.splits)
    if source.only is not None:
        fields["only"] = split_entries(source.only)
    return fields


def network_fields(network: Weights) -> dict[str, Any]:
    """The plan's fields of weights and normalisation. Raises InputError where mean or std are not numbers."""
    fields = dataclasses.asdict(network)
    for name in ("mean", "std"):
        if fields[name] is not None:
            try:
                fields[name] = tuple(float(entry) for entry in split_entries(fields[name]))
            except ValueError as error:
                raise InputError(f"--{name} {fields[name]}: give a number a channel, with commas between") from error
    return fields


def class_fields(outputs: Outputs | None) -> dict[str, Any]:
    """The plan's fields of class names. Raises InputError for a malformed class map."""
    fields: dict[str, Any] = {}
    if outputs is not None and outputs.classes is not None:
        fields["classes"] = split_entries(outputs.classes)
    if outputs is not None and outputs.class_map is not None:
        pairs = [[part.strip() for part in entry.partition("=")] for entry in split_entries(outputs.class_map)]
        if not all(name and equals and value for name, equals, value in pairs):
            raise InputError(f"--class-map {outputs.class_map}: write DATA=MODEL,..., for instance a=cat,b=dog")
        fields["class_map"] = {name: value for name, _, value in pairs}
        if len(fields["class_map"]) < len(pairs):
            raise InputError(f"--class-map {outputs.class_map}: it names a class of the data twice")
    return fields


def with_changes(plan: P, changes: list[str] | None, **fields: Any) -> P:
    """The plan, or the audit that it contains, with the given options and then each --set applied."""
    import_at_once(*NEEDED)
    from ironglass.studies.registry import study_of
    from ironglass.train.record import override

    overrides = {name: value for name, value in fields.items() if value is not None}
    plan = study_of(plan).replace(plan, overrides)
    for change in changes or []:
        path, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"--set {change}: write FIELD=VALUE, for instance stages.0.epochs=3")
        plan = override(plan, path.strip(), value)
    return plan


def with_true_description(plan: P, recipe: P) -> P:
    """The plan without its recipe's description where other data or another model than the recipe's belie it.

    A local copy, whose folder has the name of the data set, is the same data.
    """

    def named(one: P) -> list[str]:
        return [re.split("[:/]", str(getattr(one, field, "")).rstrip("/"))[-1] for field in ("dataset", "model")]

    return plan if named(plan) == named(recipe) else dataclasses.replace(cast(Any, plan), description="")


def _pairs(option: str, text: str) -> dict[str, str]:
    """The values of an option that takes comma-separated NAME=VALUE."""
    pairs: dict[str, str] = {}
    for entry in split_entries(text):
        name, equals, value = (part.strip() for part in entry.partition("="))
        if not (name and equals and value) or name in pairs:
            raise InputError(f"{option} {text}: write OURS=THEIRS,…, each once, for instance train=learn,test=holdout")
        pairs[name] = value
    return pairs


def split_entries(text: str) -> tuple[str, ...]:
    """The entries of an option that takes a comma-separated list."""
    return tuple(entry.strip() for entry in text.split(","))


def optional_entries(text: str | None) -> tuple[str, ...]:
    """The entries of an optional option; () where it was not given."""
    return () if text is None else split_entries(text)


def attack_fields(attacks: str | None, *, default_eps: str, eps: str | None, norm: str | None = None) -> dict[str, Any]:
    """The plan's fields of optional attacks. Raises InputError for options of attacks where no attack is named.

    default_eps: taken where no eps is given.
    """
    options = {"norm": norm, "eps": eps}
    if attacks is None:
        if misplaced := [name for name, value in options.items() if value is not None]:
            raise InputError(
                f"--{misplaced[0]} is for attacks, and none is named: give --attacks pgd-20, or leave it out"
            )
        return {}
    fields: dict[str, Any] = {
        "methods": split_entries(attacks),
        "eps": split_entries(default_eps if eps is None else eps),
    }
    return {"attacks": fields if norm is None else fields | {"norm": norm}}


def against_field(against: str | None) -> dict[str, Any]:
    """The plan's part of images of other kinds, which its verb always measures. Raises InputError for an empty name."""
    if against == "":
        raise InputError("--against is empty: name other data or a folder of images, or leave it out")
    return {"against": against or {}}


def run_plan(plan: Plan, common: Common, *, download: bool, jobs: int = 1) -> Run:
    """Runs the plan with a progress bar and prints its results. Returns the run's folder."""
    from ironglass.api import run
    from ironglass.cli.show import progress_bars, show_run
    from ironglass.studies.common.environment import rank
    from ironglass.studies.registry import check_parallel

    if jobs > 1:
        check_parallel(plan, "--jobs is")
    is_helper = rank() > 0
    folder = free_folder(common.output, plan.name, common.resume)
    with progress_bars(common.quiet or is_helper) as progress:
        finished = run(
            plan,
            folder,
            device=common.device,
            download=download,
            resume=common.resume,
            jobs=jobs,
            progress=progress,
        )
    if not is_helper:
        show_run(finished, as_json=common.as_json, quiet=common.quiet)
    return finished


def values_of(text: str) -> tuple[Any, ...]:
    """The values of an option that takes a comma-separated list of JSON values or plain words."""
    from ironglass.train.record import plain_value

    if not text.strip():
        raise InputError("an option that takes several values is empty: give at least one, with commas between")
    values = plain_value(f"[{text}]")
    return tuple(values) if isinstance(values, list) else tuple(plain_value(entry) for entry in split_entries(text))


def free_folder(output: Path | None, name: str, resume: bool) -> Path:
    """The output folder, if one is given; else the next free `runs/NAME-k`, or, to resume, the latest existing one."""
    if output == Path():
        raise InputError("--output is empty, or the current folder: name a folder for this run alone")
    if output is not None:
        return output
    base = Path("runs")
    number = 1
    while (base / f"{name}-{number}").exists():
        number += 1
    if resume and number == 1:
        raise InputError(f"there is no run of {name} in {base} to resume: name its folder with --output")
    return base / f"{name}-{number - 1 if resume else number}"
