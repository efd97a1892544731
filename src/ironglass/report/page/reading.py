"""The files of a run folder that a report rests on: which are as they were written, and how the others are read."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from ironglass.errors import InputError, brief
from ironglass.report.page.shapes import SHAPES
from ironglass.results.sections import read_results
from ironglass.results.versions import VERSION_KEY
from ironglass.run import Run

FILES = (
    "results.json",
    "recipe.json",
    "data.json",
    "environment.json",
    "history.jsonl",
    "model_summary.txt",
    *(f"{name}.{kind}"
      for name in ("samples", "explained", "corruptions", "gallery", "transfer", "compared", "hardened", "inspection",
                   "failures", "data_checks")
      for kind in ("json", "safetensors")),
    "linear.safetensors",
    "out_of_distribution.safetensors",
)  # fmt: skip
SIDES = ("before", "after")


@dataclass(frozen=True)
class Files:
    """gone: files that were written and are not there. unchecked: files that no list says how they were written.

    whole: whether every file is as it was written, by this version; what cannot be drawn is then a fault of ours.
    older: results.json that have no schema version.
    """

    gone: list[str]
    unchecked: list[str]
    listed: bool
    whole: bool
    older: list[str]

    def notes(self) -> list[str]:
        """Notes to the reader, a sentence each; [] where nothing is amiss."""
        notes: list[str] = []
        if self.gone:
            notes.append(f"Left out, since the files are gone: {', '.join(self.gone)}.")
        if not self.listed:
            notes.append("Not checked: this folder has no checksums, so whether its files were changed cannot be seen.")
        elif self.unchecked:
            notes.append(f"Not checked, since no checksum is known: {', '.join(self.unchecked)}.")
        if self.older:
            notes.append(
                f"Of an older version of ironglass, whose lost entries cannot be seen: {', '.join(self.older)}."
            )
        return notes


def check_files(run: Run) -> Files:
    """State of the files. Raises InputError for one that is not as it was written, and for results that lack a key, or
    have one that is not known."""
    folders = [run, *(Run(run.path / side) for side in SIDES if (run.path / side / "recipe.json").is_file())]
    gone, unchecked, older = list[str](), list[str](), list[str]()
    for one in folders:
        for path in map(one.path.joinpath, FILES):
            if not path.is_file() and (path.exists() or path.is_symlink()):
                raise InputError(f"{path} is not a file: take it away")
        for name in FILES:  # what no reader makes sense of says more than that it was changed
            if name.endswith(".json"):
                one.read_object(name)
        lost, unlisted = one.check(FILES)
        prefix = "" if one is run else f"{one.path.name}/"
        gone += [prefix + name for name in lost]
        unchecked += [prefix + name for name in unlisted]
        results = one.read_object("results.json")
        read_results(results, file=one.path / "results.json")
        older += [f"{prefix}results.json"] * (VERSION_KEY not in results and bool(results))
        if "results.json" in lost:
            raise InputError(f"{one.path / 'results.json'} is gone, and with it every number: restore it, or run again")
    listed = all(one.checksums.exists for one in folders)
    if listed and not unchecked:
        versions = run.read_object("environment.json").get("versions", {})
        now = version("ironglass")
        return Files(gone, unchecked, listed, versions.get("ironglass", now) == now, older)
    return Files(gone, unchecked, listed, False, older)


def check_shape(path: Path, value: Any) -> None:
    """Raises InputError, naming the entry, for a value that is not of the shape that ironglass writes there."""
    try:
        SHAPES[path.name].validate_python(value, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        reason = str(first.get("ctx", {}).get("error") or first["msg"])
        raise InputError(
            f"{path}: {where} is {brief(first['input'])}: {reason}; ironglass writes no such thing"
        ) from None


@contextmanager
def drawing(target: Path, files: Files, beside: str = "") -> Generator[None]:
    """While entered, an exception is a fault of the file `what`, which may be anybody's, and becomes an InputError that
    names it and the file `beside` it. In a folder that is whole it is a fault of ours, and passes."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if files.whole:
            raise
        target = _template(error.__traceback__, target)
        kind, subject = type(error).__name__, f"{target} with {beside}" if beside else target
        raise InputError(
            f"{subject} cannot be drawn ({kind}: {brief_line(error)}): ironglass writes no such thing"
        ) from error


def brief_line(error: BaseException) -> str:
    """An exception's words, of any length and on any number of lines, as a short one."""
    words = " ".join(str(error).split())
    return words if len(words) <= 120 else words[:117] + "..."


OF_TEMPLATES = {"data": "data.json", "making": "environment.json"}


def _template(trace: TracebackType | None, target: Path) -> Path:
    """The file behind the section that was being drawn, where that is another than `what`."""
    names: list[str] = []
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.suffix == ".jinja":
            names.append(path.name.partition(".")[0])
        trace = trace.tb_next
    names_known = [OF_TEMPLATES[name] for name in names if name in OF_TEMPLATES]
    return target.with_name(names_known[-1]) if names_known else target
