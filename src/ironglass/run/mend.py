"""A resumed run's files that are not as they were written: taken away to be made anew, or named."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ironglass.errors import InputError
from ironglass.run.checksums import Checksums, State
from ironglass.run.files import atomic

BATCH = re.compile(r"(adversarial|probes|explanations)/.+/batch-\d{5,}\.safetensors")
STATE, GOOD = "checkpoint/state.safetensors", "checkpoint/good.safetensors"


@dataclass(frozen=True)
class Part:
    """Files that a step makes.

    names: which.
    forgotten: entries of results.json that are then made anew.
    also: a file that is of no use without these.
    kept: False where a finished run may do without them, since they take much room.
    """

    names: str
    forgotten: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    kept: bool = True


PARTS = (
    Part(r"per_image/clean\.parquet|predictions\.csv", ("evaluation",)),
    Part(r"per_image/fgsm\.parquet", ("fgsm",)),
    Part(r"per_image/attacks\.parquet", ("attacks",)),
    Part(r"per_image/validation\w*\.parquet", ("trial",)),
    Part(r"per_image/measured\.parquet", ("measured",)),
    Part(r"(adversarial|probes)/.+", ("attacks",), kept=False),
    Part(r"per_image/corruptions/.+|corruptions\.\w+", ("corruptions",), ("corruptions.json",)),
    Part(r"per_image/explanations\.parquet", ("explanations", "explained")),
    Part(r"explanations/.+", ("explanations", "explained"), kept=False),
    Part(r"explained\.\w+", ("explained",), ("explained.json",)),
    Part(r"samples\.\w+", ("samples",), ("samples.json",)),
    Part(r"linear\.safetensors", ("linear",)),
    Part(r"transferred/.+|gallery\.\w+", ("transferred",)),
    Part(r"matrix/.+|transfer\.\w+"),
    Part(r"environment\.json|data\.json|model_summary\.txt|README\.md"),
)
"""What can be made anew without training; the first that fits counts."""
WEIGHTS = Part(r"config\.json|model\.safetensors")
"""The same in a run that has trained nothing: they are those of the model that was named."""


@dataclass
class Damage:
    """Damage to a folder.

    away: files to take away.
    forgotten: entries of the results to make anew.
    faults: the files that are there and not as they were written, which these mend.
    """

    away: set[str] = field(default_factory=set)
    forgotten: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


def mend(folder: Path) -> Damage:
    """Takes away what is not as it was written, and what only makes sense with it; the list of checksums is settled.

    Of an interrupted training whose last checkpoint is spoilt, the end of the last good epoch takes its place. The
    caller has the entries of the results to forget. Raises InputError for a file that only another training could make.
    Only for a process that is alone with the folder.
    """
    checksums = Checksums(folder)
    known = checksums.read()
    states: dict[str, State] = {name: checksums.state(name, known) for name in known}
    for path in folder.rglob("batch-*.safetensors"):
        name = path.relative_to(folder).as_posix()
        if name not in known and BATCH.fullmatch(name):
            states[name] = "unlisted"
    found = _judge(known, states)
    if states.get(STATE) == "changed":
        found.faults.append(STATE)
        with atomic(folder / STATE) as path:
            shutil.copyfile(folder / GOOD, path)
        known[STATE] = known[GOOD]
        states[STATE] = "sound"
    for name in found.away:
        path = folder / name
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.exists():
            raise InputError(f"{path} is not a file: take it away")
        states[name] = "missing"
    checksums.settle(states, known)
    return found


def _judge(known: Mapping[str, list[str]], states: Mapping[str, State]) -> Damage:
    found = Damage()
    trained = "history.jsonl" in states or STATE in states
    parts = PARTS if trained else (*PARTS, WEIGHTS)
    for name, state in states.items():
        if state == "sound":
            continue
        part = next((part for part in parts if re.fullmatch(part.names, name)), None)
        if part is None:
            _check_lasting(name, states)
        elif state != "missing" or part.kept:
            found.faults += [name] * (state != "missing")
            found.away |= {name, *part.also}
            found.forgotten |= set(part.forgotten)
            if "/png/" in name and (batch := _batch_of(name, list(known))):
                found.away.add(batch)
    return found


def _check_lasting(name: str, states: Mapping[str, State]) -> None:
    """Raises InputError for a file that cannot be made anew, unless the run goes on without it."""
    missing, training = states[name] == "missing", states.get(STATE, "missing") != "missing"
    if name.startswith("checkpoint/"):
        if missing or name != STATE or states.get(GOOD) == "sound":
            return  # one that is wanted after all is named when it is read
    elif (name == "history.jsonl" and training) or (name == "results.json" and missing):
        return  # the checkpoint holds it; all of it is done anew
    what = "is gone" if missing else "is not as it was written (checksums.b2)"
    raise InputError(f"{name} {what}, and cannot be made anew: restore it, or start in a new folder")


def _batch_of(name: str, names: list[str]) -> str | None:
    """The batch that an adversarial picture belongs to: its line ends the group that the picture's stands in."""
    folder = name.partition("/png/")[0]
    for other in names[names.index(name) :]:
        if BATCH.fullmatch(other) and other.startswith(f"{folder}/batch-"):
            return other
    return None
