"""The run folder: its files, by the names that docs/run-folder.md lists."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from ironglass.errors import InputError, Notice
from ironglass.results.versions import sections_of, with_counts
from ironglass.run import lock
from ironglass.run.checksums import NAME, Checksums, digest
from ironglass.run.files import atomic, parse_json, read_json, read_text
from ironglass.run.mend import mend
from ironglass.run.report_view import ShowsReport
from ironglass.run.stored_recipes import first_difference, settings_of


class Run(ShowsReport):
    r"""One folder, one experiment.

    `results.json` holds one entry per finished step (`evaluation`, `layers`, ...), so that a resumed run skips these.
    Every file is written atomically; `history.jsonl` is rewritten whole, one line per epoch.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Opens an existing run folder. Raises InputError where there is none."""
        if not (Path(path) / "recipe.json").is_file():
            raise InputError(f"{path} is not a run folder: it has no recipe.json; name a folder that ironglass wrote")
        return cls(path)

    @classmethod
    @contextmanager
    def hold(
        cls, path: str | Path, recipe: dict[str, Any], *, resume: bool = False, first: bool = True
    ) -> Iterator[Run]:
        """As `create`, and holds the folder's lock while entered, so that no other process writes it.

        first: False in the further processes of a distributed launch; the run must exist then. Raises InputError as
        `create` does, and naming the process that holds the lock.
        """
        folder = Path(path)
        _check_text(recipe)
        if not first or lock.is_held(folder):
            yield cls.create(path, recipe, resume=True, first=False)
            return
        if (folder / lock.NAME).is_file():
            with lock.hold(folder):
                pass  # names a process that holds the lock, before the contents are checked
        _check_free(folder, resume=resume)
        fresh = not folder.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_write(folder, error) from error
        try:
            with lock.hold(folder):
                run = cls.create(folder, recipe, resume=resume)
                try:
                    yield run
                except OSError as error:
                    error.ironglass_run = run.path  # type: ignore[attr-defined]  # the folder of the finished parts
                    raise
                if run.checksums.exists:
                    run.checksums.tidy()
        finally:
            if fresh:
                with suppress(OSError):
                    folder.rmdir()  # where it is still empty

    @classmethod
    def create(cls, path: str | Path, recipe: dict[str, Any], *, resume: bool = False, first: bool = True) -> Run:
        """Creates a run folder with its `recipe.json`, or, with `resume`, opens the existing one.

        Damaged files of the latter are deleted, so that they are made again, and a Notice lists them. first: False to
        leave that to another process. Raises InputError where the folder holds another experiment, or is in use without
        `resume`, and for a damaged file that cannot be made again.
        """
        run = cls(path)
        _check_text(recipe)
        _check_free(run.path, resume=resume)
        try:
            if not (run.path / "recipe.json").exists():
                run.path.mkdir(parents=True, exist_ok=True)
                run.checksums.start()
                run.write("recipe.json", recipe)
                return run
            if first:
                for part in run.path.rglob(".*.part"):  # of a process that was killed while writing
                    part.unlink()
            now = settings_of(json.loads(json.dumps(recipe)))
            if other := first_difference(settings_of(run.read("recipe.json")), now):
                raise InputError(f"{run.path} holds a run with other settings ({other}): name another --output")
            if first:
                run.mend()
        except OSError as error:
            raise _cannot_write(run.path, error) from error
        return run

    @property
    def checksums(self) -> Checksums:
        """The checksums of the files as they were written."""
        return Checksums(self.path)

    def mend(self) -> None:
        """Deletes damaged files, and the results that depend on them.

        A Notice lists them, or says that nothing can be checked, as in the folder of an older version. Raises
        InputError for a damaged file that cannot be made again.
        """
        if not self.checksums.exists:
            warnings.warn(
                Notice(f"{self.path} has no {NAME}: whether its files were changed cannot be checked"), stacklevel=2
            )
            return
        try:
            damage = mend(self.path)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from error
        if damage.sections & self.results.keys():
            self.write("results.json", with_counts({k: v for k, v in self.results.items() if k not in damage.sections}))
        if damage.damaged:
            suffix = f" and {len(damage.damaged) - 3} more" if len(damage.damaged) > 3 else ""
            damaged = ", ".join(damage.damaged[:3]) + suffix
            warnings.warn(Notice(f"{self.path}: not as written, and made anew: {damaged}"), stacklevel=2)

    def check(self, names: Iterable[str]) -> tuple[list[str], list[str]]:
        """Checks files against their checksums; the names of missing files, and those of files without a checksum.

        Raises InputError for a file that is not as it was written.
        """
        digests, missing, unlisted = self.checksums.read(), [], []
        for name in names:
            state = self.checksums.state(name, digests)
            if state == "changed":
                raise InputError(
                    f"{self.path / name} is not as it was written ({NAME}): restore it, or run again; without {NAME}"
                    " the folder is read unchecked"
                )
            missing += [name] * (state == "missing")
            unlisted += [name] * (state == "unlisted" and (self.path / name).exists())
        return missing, unlisted

    def atomic(self, path: Path) -> AbstractContextManager[Path]:
        """As the function `atomic`; the file, within the folder, is also listed with its checksum."""
        return atomic(path, self.lister(path))

    def lister(self, path: Path, companions: Iterable[Path] = ()) -> Callable[[Path], None]:
        """Callback for `atomic` that lists a file's checksum before it is moved into place.

        companions: files that are listed with it.
        """

        def record(temporary: Path) -> None:
            if self.checksums.exists:
                files = {self._name(companion): digest(companion) for companion in companions}
                self.checksums.note(files | {self._name(path): digest(temporary)})

        return record

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def write(self, name: str, value: Any) -> None:
        """Writes `value` as JSON. NaN and infinity are refused, since they are not valid JSON."""
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
        self.write_text(name, text + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file atomically."""
        with self.atomic(self.path / name) as path:
            path.write_text(text, encoding="utf-8")

    def read(self, name: str, default: Any = None) -> Any:
        """The JSON value in file `name`, or `default` where there is no such file. Raises InputError."""
        value = read_json(self.path / name)
        return default if value is None else value

    def read_object(self, name: str) -> dict[str, Any]:
        """The JSON object in file `name`, {} where there is no such file. Raises InputError for another value."""
        value = self.read(name, {})
        if not isinstance(value, dict):
            raise InputError(f"{self.path / name} holds no JSON object: it is not a file of a run")
        return value

    @property
    def results(self) -> dict[str, Any]:
        """The results of every finished step."""
        return sections_of(self.read_object("results.json"))

    def record(self, step: str, value: Any) -> None:
        """Adds one finished step to `results.json`."""
        self.write("results.json", with_counts(self.results | {step: value}))

    @property
    def history(self) -> list[dict[str, Any]]:
        """One entry per epoch: stage, epoch, losses, accuracies, learning rate, seconds."""
        path, rows = self.path / "history.jsonl", []
        for number, line in enumerate((read_text(path) or "").splitlines(), 1):
            row = parse_json(line, f"{path}, line {number},")
            if not isinstance(row, dict):
                raise InputError(f"{path}, line {number}, holds no JSON object: it is no epoch")
            rows.append(row)
        return rows

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Replaces `history.jsonl`."""
        self.write_text("history.jsonl", "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))


def _check_text(recipe: dict[str, Any]) -> None:
    """Raises InputError where a name in the recipe, most often a path, cannot be encoded as UTF-8."""
    try:
        json.dumps(recipe, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        excerpt = error.object[max(0, error.start - 60) : error.end + 20].encode("utf-8", "backslashreplace").decode()
        raise InputError(f"a name is no UTF-8, near {excerpt!r}: rename the file or folder") from error


def _check_free(folder: Path, *, resume: bool) -> None:
    """Raises InputError for a folder that is in use without `resume`, or that is not a run folder."""
    try:
        if not folder.exists():
            return
        if not folder.is_dir():
            raise InputError(f"cannot write the run folder {folder}: it is a file; name another --output")
        if all(entry.name in (NAME, lock.NAME) or entry.name.endswith(".part") for entry in folder.iterdir()):
            return  # left by a process that was killed before it began
        if not resume:
            raise InputError(f"{folder} is not empty: add --resume to go on, or name another --output")
        if not (folder / "recipe.json").is_file():
            raise InputError(f"{folder} is not a run folder, so there is nothing to resume")
    except OSError as error:
        raise _cannot_write(folder, error) from error


def _cannot_write(folder: Path, error: OSError) -> InputError:
    return InputError(f"cannot write the run folder {folder}: {error.strerror}; name another --output")
