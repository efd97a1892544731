"""Existing run folders, read for a comparison: results, and whether each image is named right under each condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ironglass.errors import InputError
from ironglass.results.sections import Results, read_results
from ironglass.run import Run
from ironglass.studies.common.stored import read_table, stored

CLEAN = "clean"
_PARTS = ("before", "after", "arms/*", "trials/*", "networks/*")


@dataclass(frozen=True)
class Answers:
    """A run's answers under one condition. names: (n,) of the images. labels: (n,) names of the true classes. right:
    (n,) bool."""

    names: np.ndarray
    labels: np.ndarray
    right: np.ndarray

    def ordered_as(self, other: Answers) -> Answers | None:
        """The same answers in the order of another's images; None where the images, or their classes, differ."""
        if len(self.names) != len(other.names):
            return None
        answers = self
        if not np.array_equal(self.names, other.names):
            own_order, other_order = np.argsort(self.names, kind="stable"), np.argsort(other.names, kind="stable")
            order = np.empty_like(own_order)
            order[other_order] = own_order
            answers = Answers(self.names[order], self.labels[order], self.right[order])
        same = np.array_equal(answers.names, other.names) and np.array_equal(answers.labels, other.labels)
        return answers if same else None


@dataclass(frozen=True)
class OpenedRun:
    """A run to compare.

    name: of its folder. results: `results.json`. clean: on unchanged images. attacked: by attack and eps. data: what
    `data.json` says.
    """

    name: str
    run: Run
    results: Results
    clean: Answers
    attacked: dict[tuple[str, float], Answers]
    data: dict[str, object]


def open_runs(folders: Sequence[str | Path]) -> list[OpenedRun]:
    """The runs in these folders. Raises InputError for one that is no run, is damaged or was not evaluated."""
    paths = [Path(folder) for folder in folders]
    for number, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:number]]:
            raise InputError(f"{path} is named twice: name each run once")
    short = [path.resolve().name for path in paths]
    names = [one if short.count(one) == 1 else str(path) for one, path in zip(short, paths, strict=True)]
    return [_open(name, path) for name, path in zip(names, paths, strict=True)]


def _open(name: str, path: Path) -> OpenedRun:
    run = Run.open(path)
    tables = {part: f"per_image/{part}.parquet" for part in (CLEAN, "attacks", "fgsm")}
    run.check(["results.json", "data.json", "recipe.json", *tables.values()])
    results = read_results(run.read_object("results.json"), file=path / "results.json")
    if results.evaluation is None or not (path / tables[CLEAN]).is_file():
        raise InputError(f"{path} {_unevaluated(path, results)}")
    attacked: dict[tuple[str, float], Answers] = {}
    for part in ("attacks", "fgsm"):
        if getattr(results, part) is not None and (path / tables[part]).is_file():
            with stored(path / tables[part]):
                attacked |= _attacked(path / tables[part])
    with stored(path / tables[CLEAN]):
        clean = _answers(_table(path / tables[CLEAN]))
    if not len(clean.names):
        raise InputError(f"{path / tables[CLEAN]} has no images: evaluate the model again")
    return OpenedRun(name, run, results, clean, attacked, run.read_object("data.json"))


def _unevaluated(path: Path, results: Results) -> str:
    """The reason that a folder cannot be compared, and what can be named in its place."""
    parts = [folder for part in _PARTS for folder in sorted(path.glob(part)) if (folder / "recipe.json").is_file()]
    if parts:
        return f"holds runs within it, and no accuracy of its own: name them, for instance {parts[0]}"
    if results.evaluation is None:
        return "has no accuracy on unchanged images: evaluate its model, or let the run finish"
    return "has no per_image/clean.parquet, which says which images are named right: evaluate its model again"


def _table(path: Path) -> pa.Table:
    return read_table(path, columns=["name", "condition", "eps", "label", "correct"])


def _answers(table: pa.Table) -> Answers:
    names, labels = (np.asarray(table[column].to_pylist(), dtype=object).astype(str) for column in ("name", "label"))
    return Answers(names, labels, np.asarray(table["correct"].to_pylist(), dtype=bool))


def _attacked(path: Path) -> dict[tuple[str, float], Answers]:
    """The answers by attack and eps; those at eps 0 are no attack's."""
    table = _table(path)
    conditions, eps = np.asarray(table["condition"].to_pylist()), np.asarray(table["eps"].to_pylist(), dtype=float)
    answers: dict[tuple[str, float], Answers] = {}
    for condition, size in dict.fromkeys(zip(conditions.tolist(), eps.tolist(), strict=True)):
        if size > 0:
            answers[condition, size] = _answers(table.filter(pa.array((conditions == condition) & (eps == size))))
    return answers


def check_same_images(runs: Sequence[OpenedRun], *, any_size: bool, any_version: bool) -> list[str]:
    """Remarks on the runs' images, a sentence each. Raises InputError, naming two runs and the difference,
    where they were not measured on the same images, or by different versions of ironglass."""
    first, remarks = runs[0], list[str]()
    for other in runs[1:]:
        splits = [run.results.evaluation.split for run in (first, other) if run.results.evaluation]
        who = f"{first.run.path} and {other.run.path} cannot be compared"
        if splits[0] != splits[1]:
            raise InputError(
                f"{who}: the one measured {splits[0]}, the other {splits[1]} images: choose one by --split"
            )
        if other.clean.ordered_as(first.clean) is None:
            raise InputError(f"{who}: {_different(first.clean, other.clean)}; evaluate both on the same data")
        if _other_pixels(first, other):
            raise InputError(
                f"{who}: their {splits[0]} images have the same names and other pixels; evaluate both on the same data"
            )
        sizes = [size for run in (first, other) if isinstance(size := run.data.get("size"), list)]
        if len(sizes) == 2 and sizes[0] != sizes[1]:
            words = " and ".join(" × ".join(map(str, size)) for size in sizes)
            if not any_size:
                raise InputError(f"{who}: their images have {words} pixels: give both one --size, or add --any-size")
            remarks.append(f"{first.name} and {other.name} were shown the same images at {words} pixels.")
        elif first.data.get("contents") != other.data.get("contents"):
            remarks.append(
                f"The data of {first.name} and {other.name} differ (data.json, contents), though the measured images "
                f"have the same names and classes: {_what_differs(first, other)}."
            )
    remarks += _check_versions(runs, any_version)
    if unlisted := [run.name for run in runs if not run.run.checksums.exists]:
        remarks.append(f"Not checked, since there are no checksums: {', '.join(unlisted)}.")
    return remarks


def _pixels(opened: OpenedRun) -> str | None:
    """The digest of the measured split's pixels; None where `data.json` has none, as in runs of older versions."""
    splits, evaluation = opened.data.get("splits"), opened.results.evaluation
    facts = splits.get(evaluation.split) if isinstance(splits, dict) and evaluation else None
    if not isinstance(facts, dict) or facts.get("images") != len(opened.clean.names):
        return None
    return str(facts["pixels"]) if "pixels" in facts else None


def _other_pixels(one: OpenedRun, other: OpenedRun) -> bool:
    """True where all images of two runs, of the same names in the same order and of one size, are known to differ in
    a pixel at least."""
    if one.data.get("size") != other.data.get("size") or not np.array_equal(one.clean.names, other.clean.names):
        return False
    digests = _pixels(one), _pixels(other)
    return None not in digests and digests[0] != digests[1]


def _what_differs(one: OpenedRun, other: OpenedRun) -> str:
    same = _pixels(one) is not None and _pixels(one) == _pixels(other)
    return "other splits are not the same" if same else "their pixels, or other splits, are not the same"


UNKNOWN = "an unknown one"


def _check_versions(runs: Sequence[OpenedRun], any_version: bool) -> list[str]:
    """A sentence where versions of ironglass differ or are unknown. Raises InputError where two known ones differ."""
    versions = {run.name: _version(run) for run in runs}
    certain = [run for run in runs if versions[run.name] != UNKNOWN]
    for other in () if any_version else certain:
        if versions[other.name] != versions[certain[0].name]:
            pair = f"{versions[certain[0].name]} and {versions[other.name]}"
            who = f"{certain[0].run.path} and {other.run.path} cannot be compared"
            raise InputError(
                f"{who}: they were measured by ironglass {pair}, "
                "which may differ in how they measure: measure both by one, or add --any-version"
            )
    names = sorted(set(versions.values()))
    return [f"The runs were made by different versions of ironglass: {', '.join(names)}."] if len(names) > 1 else []


def _version(opened: OpenedRun) -> str:
    versions = opened.run.read_object("environment.json").get("versions")
    return str(versions.get("ironglass")) if isinstance(versions, dict) else UNKNOWN


def _different(one: Answers, other: Answers) -> str:
    names, other_names = set(one.names.tolist()), set(other.names.tolist())
    if names == other_names:
        labels = dict(zip(one.names.tolist(), one.labels.tolist(), strict=True))
        for name, label in zip(other.names.tolist(), other.labels.tolist(), strict=True):
            if labels[name] != label:
                return f"image {name!r} is of class {labels[name]!r} in the one and {label!r} in the other"
        return "an image stands in one of them more than once"
    only = sorted(names - other_names) or sorted(other_names - names)
    side = "one" if names - other_names else "other"
    return (
        f"the one measured {len(one.names):,} images and the other {len(other.names):,}, of which they share "
        f"{len(names & other_names):,}; {only[0]!r} stands in the {side} alone"
    )
