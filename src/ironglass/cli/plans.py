"""From what was typed to a plan, and from a plan to its run."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ironglass.errors import InputError

if TYPE_CHECKING:
    from ironglass.cli.options import Common, Outputs, Source, Weights
    from ironglass.plans.audit import Audit
    from ironglass.studies.common.study import Plan

P = TypeVar("P", bound="Plan")


def make_plan(
    name: str,
    steps: tuple[str, ...],
    model: str,
    data: str,
    filled: Weights,
    source: Source,
    common: Common,
    outputs: Outputs | None = None,
    **fields: Any,
) -> Audit:
    """The audit a verb stands for. Raises InputError for a value that a field does not take."""
    from ironglass.plans.audit import Audit

    named = {"name": name, "steps": steps, "model": model, "dataset": data}
    columns = {"image_column": source.image_column, "label_column": source.label_column}
    if source.check:
        os.environ["IRONGLASS_CHECK"] = "1"  # read by data/cache/checksums.py, in the processes of a sweep, too
    if source.splits is not None:
        fields["splits"] = _pairs("--splits", source.splits)
    columns |= {"fit": source.fit, "range": source.range}
    if source.only is not None:
        fields["only"] = listed(source.only)
    plan = Audit(**named, **columns, **filling(filled), **naming(outputs), **fields)
    return changed(plan, source.changes, seed=common.seed)


def filling(filled: Weights) -> dict[str, Any]:
    """The fields that say how the network is filled and images are normalised. Raises InputError for no numbers."""
    fields = dataclasses.asdict(filled)
    for name in ("mean", "std"):
        if fields[name] is not None:
            try:
                fields[name] = tuple(float(entry) for entry in listed(fields[name]))
            except ValueError as error:
                raise InputError(f"--{name} {fields[name]}: give a number a channel, with commas between") from error
    return fields


def naming(outputs: Outputs | None) -> dict[str, Any]:
    """The fields that say how outputs and classes are called. Raises InputError for a map that is none."""
    fields: dict[str, Any] = {}
    if outputs is not None and outputs.classes is not None:
        fields["classes"] = listed(outputs.classes)
    if outputs is not None and outputs.class_map is not None:
        pairs = [[part.strip() for part in entry.partition("=")] for entry in listed(outputs.class_map)]
        if not all(name and equals and value for name, equals, value in pairs):
            raise InputError(f"--class-map {outputs.class_map}: write DATA=MODEL,..., for instance a=cat,b=dog")
        fields["class_map"] = {name: value for name, _, value in pairs}
        if len(fields["class_map"]) < len(pairs):
            raise InputError(f"--class-map {outputs.class_map}: it names a class of the data twice")
    return fields


def changed(plan: P, changes: list[str] | None, **fields: Any) -> P:
    """The plan with the options that were given, and then each --set; they go to the audit that the plan holds."""
    from ironglass.studies.registry import study_of
    from ironglass.train.record import override

    given = {name: value for name, value in fields.items() if value is not None}
    plan = study_of(plan).replace(plan, given)
    for change in changes or []:
        path, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"--set {change}: write FIELD=VALUE, for instance stages.0.epochs=3")
        plan = override(plan, path.strip(), value)
    return plan


def _pairs(option: str, text: str) -> dict[str, str]:
    """The values of an option that takes NAME=VALUE, with commas between."""
    found: dict[str, str] = {}
    for entry in listed(text):
        name, equals, value = (part.strip() for part in entry.partition("="))
        if not (name and equals and value) or name in found:
            raise InputError(f"{option} {text}: write OURS=THEIRS,…, each once, for instance train=learn,test=holdout")
        found[name] = value
    return found


def listed(text: str) -> tuple[str, ...]:
    """The entries of an option that takes several, with commas between."""
    return tuple(entry.strip() for entry in text.split(","))


def several(text: str | None) -> tuple[str, ...]:
    """The entries of an option that may be left out; none where it is."""
    return () if text is None else listed(text)


def attacked(attacks: str | None, *, usual: str, eps: str | None, norm: str | None = None) -> dict[str, Any]:
    """The fields of attacks that may be left out, `usual` where no eps is given. Raises InputError for what belongs to
    attacks where none are named."""
    given = {"norm": norm, "eps": eps}
    if attacks is None:
        if named := [name for name, value in given.items() if value is not None]:
            raise InputError(f"--{named[0]} is for attacks, and none are named: give --attacks pgd-20, or leave it out")
        return {}
    fields: dict[str, Any] = {"methods": listed(attacks), "eps": listed(usual if eps is None else eps)}
    return {"attacks": fields if norm is None else fields | {"norm": norm}}


def run_plan(plan: Plan, common: Common, *, download: bool, jobs: int = 1) -> None:
    """Runs the plan with a progress bar and shows what came of it."""
    from ironglass.api import run
    from ironglass.cli.show import progress_bars, show_run
    from ironglass.studies.common.environment import rank
    from ironglass.studies.registry import check_parallel

    if jobs > 1:
        check_parallel(plan, "--jobs is")
    helps = rank() > 0
    folder = free_folder(common.output, plan.name, common.resume)
    with progress_bars(common.quiet or helps) as progress:
        found = run(
            plan,
            folder,
            device=common.device,
            download=download,
            resume=common.resume,
            jobs=jobs,
            progress=progress,
        )
    if not helps:
        show_run(found, as_json=common.as_json, quiet=common.quiet)


def values_of(text: str) -> tuple[Any, ...]:
    """The values of an option that takes several: JSON, or plain words, with commas between."""
    from ironglass.train.record import plain_value

    if not text.strip():
        raise InputError("an option that takes several values is empty: give at least one, with commas between")
    whole = plain_value(f"[{text}]")
    return tuple(whole) if isinstance(whole, list) else tuple(plain_value(entry) for entry in listed(text))


def free_folder(output: Path | None, name: str, resume: bool) -> Path:
    """The folder asked for, or the next free `runs/NAME-k`; to resume, the newest that there is."""
    if output == Path():
        raise InputError("--output is empty, or the folder that you are in: name a folder for the run alone")
    if output is not None:
        return output
    base = Path("runs")
    number = 1
    while (base / f"{name}-{number}").exists():
        number += 1
    if resume and number == 1:
        raise InputError(f"there is no run of {name} in {base} to resume: name its folder with --output")
    return base / f"{name}-{number - 1 if resume else number}"
