"""Damaged files of a resumed run: deleted to be made again, or refused by name."""

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
STATE, LAST_GOOD = "checkpoint/state.safetensors", "checkpoint/good.safetensors"


@dataclass(frozen=True)
class FileGroup:
    """Files that one step writes.

    pattern: regular expression of their names.
    sections: entries of results.json to recompute with them.
    companions: files that are useless without these.
    required: False where a finished run may lack them, since they are large.
    """

    pattern: str
    sections: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    required: bool = True


REMAKEABLE = (
    FileGroup(
        r"per_image/clean\.parquet|predictions\.csv", ("evaluation", "leak_effect", "data_effects", "confidence_under")
    ),
    FileGroup(r"temperature\.json", ("confidence",)),
    FileGroup(r"per_image/fgsm\.parquet", ("fgsm", "confidence_under")),
    FileGroup(r"per_image/attacks\.parquet", ("attacks", "confidence_under")),
    FileGroup(r"per_image/validation\w*\.parquet", ("trial",)),
    FileGroup(r"per_image/measured\.parquet", ("measured",)),
    FileGroup(r"(adversarial|probes)/.+", ("attacks",), required=False),
    FileGroup(r"per_image/corruptions/.+|corruptions\.\w+", ("corruptions", "confidence_under"), ("corruptions.json",)),
    FileGroup(r"per_image/explanations\.parquet", ("explanations", "explained")),
    FileGroup(r"explanations/.+", ("explanations", "explained"), required=False),
    FileGroup(r"explained\.\w+", ("explained",), ("explained.json",)),
    FileGroup(r"failures\.\w+", ("failures",), ("failures.json",)),
    FileGroup(r"samples\.\w+", ("samples",), ("samples.json",)),
    FileGroup(r"linear\.safetensors", ("linear",)),
    FileGroup(r"out_of_distribution\.safetensors", ("out_of_distribution",)),
    FileGroup(r"data_checks\.\w+", ("data_checks",), ("data_checks.json",)),
    FileGroup(r"inspection\.\w+", ("inspection",), ("inspection.json",)),
    FileGroup(r"transferred/.+|gallery\.\w+", ("transferred",)),
    FileGroup(r"matrix/.+|transfer\.\w+"),
    FileGroup(r"environment\.json|data\.json|model_summary\.txt|README\.md"),
)
"""Files that can be made again without training; the first group that matches applies."""
WEIGHTS = FileGroup(r"config\.json|model\.safetensors")
"""The same in a run that has trained nothing: the weights are those of the named model."""


@dataclass
class Damage:
    """Damage to a folder.

    to_delete: files to delete.
    sections: entries of results.json to recompute.
    damaged: existing files that are not as they were written.
    """

    to_delete: set[str] = field(default_factory=set)
    sections: set[str] = field(default_factory=set)
    damaged: list[str] = field(default_factory=list)


def mend(folder: Path) -> Damage:
    """Deletes damaged files and those that are useless without them, and settles the list of checksums.

    A damaged last checkpoint of an interrupted training is replaced by that of the last good epoch. The caller removes
    the sections of the results. Raises InputError for a file that only training could make again. Only while no other
    process uses the folder.
    """
    checksums = Checksums(folder)
    digests = checksums.read()
    states: dict[str, State] = {name: checksums.state(name, digests) for name in digests}
    for path in folder.rglob("batch-*.safetensors"):
        name = path.relative_to(folder).as_posix()
        if name not in digests and BATCH.fullmatch(name):
            states[name] = "unlisted"
    damage = _assess(digests, states)
    if states.get(STATE) == "changed":
        damage.damaged.append(STATE)
        with atomic(folder / STATE) as path:
            shutil.copyfile(folder / LAST_GOOD, path)
        digests[STATE] = digests[LAST_GOOD]
        states[STATE] = "sound"
    for name in damage.to_delete:
        path = folder / name
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.exists():
            raise InputError(f"{path} is not a file: take it away")
        states[name] = "missing"
    checksums.settle(states, digests)
    return damage


def _assess(digests: Mapping[str, list[str]], states: Mapping[str, State]) -> Damage:
    damage = Damage()
    trained = "history.jsonl" in states or STATE in states
    groups = REMAKEABLE if trained else (*REMAKEABLE, WEIGHTS)
    for name, state in states.items():
        if state == "sound":
            continue
        group = next((group for group in groups if re.fullmatch(group.pattern, name)), None)
        if group is None:
            _check_recoverable(name, states)
        elif state != "missing" or group.required:
            damage.damaged += [name] * (state != "missing")
            damage.to_delete |= {name, *group.companions}
            damage.sections |= set(group.sections)
            if "/png/" in name and (batch := _batch_of(name, list(digests))):
                damage.to_delete.add(batch)
    return damage


def _check_recoverable(name: str, states: Mapping[str, State]) -> None:
    """Raises InputError for a file that cannot be made again, unless the run can continue without it."""
    missing, training = states[name] == "missing", states.get(STATE, "missing") != "missing"
    if name.startswith("checkpoint/"):
        if missing or name != STATE or states.get(LAST_GOOD) == "sound":
            return  # if it is needed after all, reading it names it
    elif (name == "history.jsonl" and training) or (name == "results.json" and missing):
        return  # the checkpoint contains it; or everything is computed again
    fault = "is gone" if missing else "is not as it was written (checksums.b2)"
    raise InputError(f"{name} {fault}, and cannot be made again: restore it, or start in a new folder")


def _batch_of(name: str, names: list[str]) -> str | None:
    """The batch file of an adversarial picture: the next batch in the list, since it is listed after its pictures."""
    folder = name.partition("/png/")[0]
    for other in names[names.index(name) :]:
        if BATCH.fullmatch(other) and other.startswith(f"{folder}/batch-"):
            return other
    return None
