"""The same images attacked before and after a hardening, for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from ironglass.data.dataset import Split
from ironglass.models.classifier import Classifier
from ironglass.models.predict import logits_of, predicted
from ironglass.plans.attacks import Attacks
from ironglass.plans.hardening import Hardening
from ironglass.run import Run
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.common.stored import read_table, stored
from ironglass.studies.hardening.pairs import SIDES, under
from ironglass.studies.steps.attack.batch_files import batch_file, tag

FILE = "hardened"
QUOTAS = {"before": 3, "both": 2, "after": 1, "neither": 0}
"""Images shown of each kind: fooled before alone, on both sides, after alone, on neither; others fill what is left."""
COLUMNS = ["name", "condition", "eps", "label", "prediction", "confidence", "correct"]


def write_pictures(
    run: Run, plan: Hardening, sides: Mapping[str, Run], classifiers: Mapping[str, Classifier], split: Split
) -> None:
    """Writes `hardened.safetensors` and `hardened.json`: a few images with what each side was attacked by.

    split: the attacked images. Of those that both sides name right unchanged; at the largest eps.
    """
    attacks = plan.attacks
    eps = max(attacks.eps)
    tables = {side: read_table(one.path / "per_image" / "attacks.parquet", COLUMNS) for side, one in sides.items()}
    rows = {side: {name: under(table, name, eps) for name in attacks.methods} for side, table in tables.items()}
    fooled = {
        side: ~np.logical_and.reduce([np.asarray(part["correct"]) for part in parts.values()])
        for side, parts in rows.items()
    }
    clean = [predicted(logits_of(classifiers[side], split)).numpy() == split.labels for side in SIDES]
    kinds = kinds_of(fooled["before"], fooled["after"], np.logical_and(*clean))
    selected = chosen_positions(kinds)
    facts: dict[str, Any] = {
        "eps": eps,
        "norm": attacks.norm,
        "n": int(sum(map(len, kinds.values()))),
        "counts": {kind: len(positions) for kind, positions in kinds.items()},
        "images": [],
    }
    if selected:
        tensors = {"images": split.stored(np.array([position for _, position in selected]))}
        entries = [{"name": split.names[i], "label": int(split.labels[i]), "outcome": kind} for kind, i in selected]
        for side in SIDES:
            attacked = [_attacked(sides[side], attacks, rows[side], position) for _, position in selected]
            tensors[side] = np.stack([picture for _, picture in attacked])
            classes = list(classifiers[side].classes)
            for entry, (name, _), (_, position) in zip(entries, attacked, selected, strict=True):
                entry[side] = {"attack": name} | _answer(rows[side][name], position, classes)
        facts["images"] = entries
        with run.atomic(run.path / f"{FILE}.safetensors") as path:
            path.write_bytes(save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}))
    run.write(f"{FILE}.json", facts)


def kinds_of(before: np.ndarray, after: np.ndarray, clean: np.ndarray) -> dict[str, np.ndarray]:
    """Positions of the images by the sides that are fooled; all flags are bool (n,), `clean` is right on both sides."""
    flags = {"before": before & ~after, "both": before & after, "after": after & ~before, "neither": ~before & ~after}
    return {kind: np.flatnonzero(part & clean) for kind, part in flags.items()}


def chosen_positions(kinds: Mapping[str, np.ndarray]) -> list[tuple[str, int]]:
    """Kind and position of the images shown: each kind's quota, spread over its images, and what is left to the
    others in their order."""
    count = sum(QUOTAS.values())
    sizes = {kind: min(quota, len(kinds[kind])) for kind, quota in QUOTAS.items()}
    for kind, positions in kinds.items():
        sizes[kind] += min(len(positions) - sizes[kind], count - sum(sizes.values()))
    return [
        (kind, int(positions[i]))
        for kind, positions in kinds.items()
        if sizes[kind]
        for i in spread_positions(len(positions), sizes[kind])
    ]


def _attacked(run: Run, attacks: Attacks, rows: Mapping[str, Any], position: int) -> tuple[str, np.ndarray]:
    """The first attack that fools the side, else the last of them, and its image (h, w, c) in [0, 1]."""
    names = [name for name, table in rows.items() if not table["correct"][position].as_py()]
    name = names[0] if names else list(rows)[-1]
    folder = run.path / "adversarial" / name / tag(attacks.norm, max(attacks.eps))
    path = batch_file(folder, position // attacks.batch)
    with stored(path), safe_open(path, "np") as file:
        return name, file.get_slice("images")[position % attacks.batch].transpose(1, 2, 0)


def _answer(table: Any, position: int, classes: list[str]) -> dict[str, Any]:
    prediction = table["prediction"][position].as_py()
    return {
        "prediction": None if prediction is None else classes.index(prediction),
        "confidence": float(table["confidence"][position].as_py()),
        "right": bool(table["correct"][position].as_py()),
    }
