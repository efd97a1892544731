"""The folder of one experiment: plain files that can be read without ironglass. No torch here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ironglass.errors import InputError


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; on leaving, it takes `path`'s place in one step.

    A reader, or a process killed at any moment, sees the whole old file or the whole new one. After an exception
    the old file stands and nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class Run:
    """One folder, one experiment.

    `results.json` holds one entry a finished step (`evaluation`, `layers`, ...), so that a resumed run knows what it
    need not do again. Every file is written atomically; `history.jsonl` is rewritten whole, a line an epoch.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """An existing run folder. Raises InputError where there is none."""
        if not (Path(path) / "recipe.json").is_file():
            raise InputError(f"{path} is not a run folder: it has no recipe.json; name a folder that ironglass wrote")
        return cls(path)

    @classmethod
    def create(cls, path: str | Path, recipe: dict[str, Any], *, resume: bool = False) -> Run:
        """A new run folder with its `recipe.json`, or, with `resume`, the one that is there.

        Raises InputError where the folder holds another experiment or is in use without `resume`.
        """
        run = cls(path)
        try:
            if run.path.is_dir() and any(run.path.iterdir()):
                if not resume:
                    raise InputError(f"{run.path} is not empty: add --resume to go on, or name another --output")
                if not (run.path / "recipe.json").is_file():
                    raise InputError(f"{run.path} is not a run folder, so there is nothing to resume")
                if run.read("recipe.json") != json.loads(json.dumps(recipe)):
                    raise InputError(f"{run.path} holds a run with other settings (recipe.json): name another --output")
                for part in run.path.rglob(".*.part"):  # of a process that was killed while writing
                    part.unlink()
                return run
            run.write("recipe.json", recipe)
        except OSError as error:
            raise InputError(
                f"cannot write the run folder {run.path}: {error.strerror}; name another --output"
            ) from error
        return run

    def write(self, name: str, value: Any) -> None:
        """Writes `value` as JSON. NaN and infinity are refused, since other readers of JSON refuse them."""
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
        self.write_text(name, text + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file in one step."""
        with atomic(self.path / name) as path:
            path.write_text(text, encoding="utf-8")

    def read(self, name: str, default: Any = None) -> Any:
        """The JSON value in file `name`, or `default` where there is no such file."""
        path = self.path / name
        if not path.is_file():
            return default
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path} is not valid JSON: {error}") from error

    @property
    def results(self) -> dict[str, Any]:
        """Every finished step's numbers."""
        return self.read("results.json", {})

    def record(self, step: str, value: Any) -> None:
        """Adds one finished step to `results.json`."""
        self.write("results.json", self.results | {step: value})

    @property
    def history(self) -> list[dict[str, Any]]:
        """One entry an epoch: stage, epoch, losses, accuracies, learning rate, seconds."""
        path = self.path / "history.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return [json.loads(line) for line in lines]

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Replaces `history.jsonl`."""
        self.write_text("history.jsonl", "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))
