"""The comparison of existing runs: reads their folders alone, and writes one of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import pyarrow as pa

from ironglass.choices import shown
from ironglass.errors import InputError
from ironglass.measure.per_image import write_per_image
from ironglass.results.evaluation import Calibration
from ironglass.results.runs_compared import RunCompared, RunsCompared
from ironglass.run import Run
from ironglass.studies.common.options import RunOptions
from ironglass.studies.runs_compared.calibration import Calibrations
from ironglass.studies.runs_compared.maps import maps_compared
from ironglass.studies.runs_compared.pairs import (
    LEVEL,
    Condition,
    as_section,
    classes_of,
    compared,
    conditions_of,
    images_of,
)  # fmt: skip
from ironglass.studies.runs_compared.pictures import write_pictures
from ironglass.studies.runs_compared.read import OpenedRun, check_same_images, open_runs
from ironglass.studies.runs_compared.thresholds import parse
from ironglass.studies.runs_compared.values import checked

DEFAULTS = RunOptions()


def compare_runs(
    runs: Sequence[str | Path],
    folder: str | Path,
    *,
    baseline: str | Path | None = None,
    fail_if: Sequence[str] = (),
    any_size: bool = False,
    any_version: bool = False,
    options: RunOptions = DEFAULTS,
) -> Run:
    """Compares runs that exist, image by image, and writes the comparison as a run folder of its own.

    Nothing is trained or measured, and the runs' folders are only read. Raises InputError, before anything is written,
    for a folder that is no evaluated run, for runs that were not measured on the same images or by one version of
    ironglass, and for a threshold that is misspelt or that a run has no value of.
    """
    _check_lists(runs=runs, fail_if=fail_if)
    expressions = [parse(text) for text in fail_if]
    folders = _folders(runs, baseline)
    if not folders or (len(folders) == 1 and not expressions):
        raise InputError("give two runs or more to compare; one alone can only be checked against --fail-if")
    opened = open_runs(folders)
    against = None if baseline is None else opened[0].name
    remarks = check_same_images(opened, any_size=any_size, any_version=any_version)
    conditions, left_out = conditions_of(opened)
    rows = compared(conditions, against)
    calibrations = Calibrations(opened)
    maps, unmapped = maps_compared(opened, against)
    comparison = RunsCompared(
        runs=tuple(_described(one, calibrations.of(one.name)) for one in opened),
        baseline=against,
        split=opened[0].results.evaluation.split if opened[0].results.evaluation else "",
        level=LEVEL,
        tests=sum(len(row.pairs) for row in rows),
        conditions=rows,
        classes=classes_of(conditions[0], _classes(opened[0])),
        images=images_of(conditions[0], against),
        thresholds=checked(expressions, opened, rows, against),
        remarks=(*remarks, *left_out, *calibrations.left_out, *unmapped),
        calibration=calibrations.pairs(against),
        maps=maps,
    )
    recipe = {"runs": list(map(str, folders)), "baseline": None if baseline is None else str(baseline)}
    recipe |= {"fail_if": [one.text for one in expressions]}
    with Run.hold(folder, {"name": "compare", "description": _description(comparison), **recipe}) as run:
        write_per_image(run, "compared", [_per_image(conditions[0], opened[0])])
        run.record("runs_compared", as_section(comparison))
        write_pictures(run, opened, comparison.images)
        options.write_pages(run)
    return run


def _check_lists(**values: Sequence[str | Path]) -> None:
    """Raises InputError for a text in place of a list, whose letters would be taken for runs or conditions."""
    for name, value in values.items():
        if isinstance(value, str | Path):
            raise InputError(f"{name} is {shown(str(value))}: give a list")


def _folders(runs: Sequence[str | Path], baseline: str | Path | None) -> list[Path]:
    """The folders to compare, the baseline first."""
    folders = [Path(one) for one in runs]
    if baseline is None:
        return folders
    first = Path(baseline)
    return [first, *(one for one in folders if one.resolve() != first.resolve())]


def _classes(run: OpenedRun) -> list[str]:
    return [row.class_ for row in run.results.evaluation.per_class] if run.results.evaluation else []


def _description(comparison: RunsCompared) -> str:
    names = [run.name for run in comparison.runs]
    n = comparison.conditions[0].n
    if len(names) == 1:
        return f"{names[0]} on {n:,} {comparison.split} images, checked against thresholds."
    rest = "each with each other" if comparison.baseline is None else f"each with {comparison.baseline}"
    return f"{len(names)} runs on the same {n:,} {comparison.split} images, {rest}."


def _described(run: OpenedRun, calibration: Calibration | None) -> RunCompared:
    results = run.results
    evaluation, model, training, trial = results.evaluation, results.model, results.training, results.trial
    assert evaluation is not None  # open_runs refuses a run without
    speeds = [speed for row in run.run.history if isinstance(speed := row.get("images_per_second"), int | float)]
    return RunCompared(
        name=run.name,
        folder=str(run.run.path),
        model=model.name if model else "",
        accuracy=evaluation.accuracy,
        naming=evaluation.naming,
        parameters=model.parameters if model else None,
        multiply_adds=model.multiply_adds if model else None,
        training_seconds=training.seconds if training else None,
        training_images_per_second=float(median(speeds)) if speeds and min(speeds) > 0 else None,
        images_per_second=getattr(trial, "images_per_second", None),
        calibration=calibration,
    )


def _per_image(clean: Condition, first: OpenedRun) -> pa.Table:
    """An image a row, in the order of the first run: its name, its class, and which runs name it right."""
    right = {f"correct: {name}": answers.right for name, answers in clean.answers.items()}
    return pa.table({"name": first.clean.names.tolist(), "label": first.clean.labels.tolist(), **right})
