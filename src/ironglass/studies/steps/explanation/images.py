"""Which images are explained, and which of them a report shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ironglass.choices import did_you_mean
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.plans.audit import Audit
from ironglass.plans.explanation import ExplanationPlan
from ironglass.studies.common.positions import drawn_positions


def explained_positions(plan: Audit, split: Split, predictions: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Of the images that are explained, in their order, or in that of `chosen`. Raises InputError where none is left.

    predictions: (n,), of the unchanged images.
    """
    settings = plan.explanation or ExplanationPlan()
    match settings.images:
        case "chosen":
            return chosen_positions(plan, split, classes)
        case "all":
            return np.arange(len(split))
        case "misclassified":
            among = np.flatnonzero(predictions != split.labels)
            if not len(among):
                raise InputError(f"none of the {len(split)} images is misclassified: choose other --images")
        case _:
            among = np.arange(len(split))
    return among[drawn_positions(len(among), plan.sampling.images, plan.draw)]


def chosen_positions(plan: Audit, split: Split, classes: Sequence[str]) -> np.ndarray:
    """Of the images that the plan chooses by name or by class. Raises InputError for a name that is neither.

    A name may leave out the folders before it where only one image is called so.
    """
    by_name: dict[str, list[int]] = {}
    for i, name in enumerate(split.names):
        for spelling in {name, name.rpartition("/")[2]}:
            by_name.setdefault(spelling, []).append(i)
    order = np.random.default_rng(plan.seed).permutation(len(split))
    left = {name: iter(order[split.labels[order] == class_index].tolist()) for class_index, name in enumerate(classes)}
    positions: list[int] = []
    for name in (plan.explanation or ExplanationPlan()).chosen:
        if name in by_name:
            if len(by_name[name]) > 1:
                first, second = (split.names[i] for i in by_name[name][:2])
                raise InputError(f"more than one image is called {name}: write {first} or {second}")
            position = by_name[name][0]
        elif name in left:
            position = next((i for i in left[name] if i not in positions), None)
            if position is None:
                raise InputError(f"class {name} has fewer images than were chosen of it")
        else:
            near = did_you_mean(name, [*classes, *by_name])
            raise InputError(f"{name!r} is no image of this split and no class{near}: names are as {split.names[0]}")
        if position in positions:
            raise InputError(f"image {name} is chosen twice: name it once")
        positions.append(position)
    return np.array(positions, dtype=np.int64)


def target_class(target: str, classes: Sequence[str]) -> int | None:
    """The class that is explained in every image; None where each has its own. Raises InputError for no such class."""
    if target in ("predicted", "true"):
        return None
    if target not in classes:
        examples = ", ".join(classes[:5]) + (", ..." if len(classes) > 5 else "")
        near = did_you_mean(target, ["predicted", "true", *classes])
        raise InputError(f"there is no class {target!r} to explain{near}: write predicted, true, or one of {examples}")
    return list(classes).index(target)
