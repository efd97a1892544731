"""Further seeds of a comparison: every arm trained again, and judged on the images of the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.measure.contrast import compared_settings
from ironglass.measure.statistics import rate_of
from ironglass.models.loading.load import load_saved
from ironglass.plans.audit import Audit
from ironglass.plans.comparison import BASE, Comparison
from ironglass.run import Run
from ironglass.studies.audit import run_audit
from ironglass.studies.common.options import RunOptions
from ironglass.studies.comparison.selection import is_attacked, mean_rate
from ironglass.studies.hardening.pairs import image_rows, worst_case
from ironglass.studies.hardening.seeds import of_seed, spread_over_seeds
from ironglass.studies.steps.attack.held_out import write_held_out


class Flags(NamedTuple):
    """One arm of one seed: whether each image is right unchanged, and by eps in the worst case; bool (n,) each."""

    clean: np.ndarray
    worst: Mapping[float, np.ndarray]


def train_further(
    run: Run, plan: Comparison, plans: Mapping[str, Audit], validation: Split | None, options: RunOptions
) -> list[dict[str, Run]]:
    """The arms of each seed after the first, in the folder's `seeds/SEED/ARM`; none for a single seed.

    Their validation images, where there are any, are attacked as those of the first seed's.
    """
    groups: list[dict[str, Run]] = []
    for seed in range(plan.base.seed + 1, plan.base.seed + plan.seeds):
        groups.append({})
        for name, part in plans.items():
            words = f"{plan.name}, the arm {plan.labels[name]!r}, seed {seed}."
            audit, within = of_seed(part, seed, f"{name}-s{seed}", words), options.for_part(f"{name}, seed {seed}")
            arm = groups[-1][name] = run_audit(audit, run.path / "seeds" / str(seed) / name, within)
            if validation and not is_attacked(arm):
                classifier = load_saved(arm.path, audit.model, **audit.options).to(options.place)
                write_held_out(arm, audit, classifier, validation, within.progress)
    return groups


def flags_of(runs: Mapping[str, Run], first: Run) -> dict[str, Flags]:
    """The flags of every arm of one seed.

    Raises InputError where an arm was not measured on the images of the first run.
    """
    names = [image_rows(first, file)["name"] for file in ("clean", "attacks")]
    flags: dict[str, Flags] = {}
    for name, run in runs.items():
        clean, attacked = (image_rows(run, file) for file in ("clean", "attacks"))
        if [clean["name"], attacked["name"]] != names:
            raise InputError(f"{run.path}: measured on other images than {first.path.name} was: start in a new folder")
        sizes = first.results["attacks"]["eps"]
        worst = {eps: np.asarray(worst_case(attacked, eps)["correct"]) for eps in sizes}
        flags[name] = Flags(np.asarray(clean["correct"]), worst)
    return flags


def seed_rows(groups: Sequence[Mapping[str, Flags]], name: str) -> list[dict[str, Any]]:
    """The key `seeds` of an arm: unchanged images, then a row an eps. groups: the flags of every arm, of each seed."""
    sizes = [eps for eps in groups[0][name].worst if eps > 0]
    base, arm = ([group[one] for group in groups] for one in (BASE, name))
    rows = [_row(0.0, [one.clean for one in base], [one.clean for one in arm], name)]
    return rows + [_row(eps, [one.worst[eps] for one in base], [one.worst[eps] for one in arm], name) for eps in sizes]


def _row(eps: float, base: Sequence[np.ndarray], arm: Sequence[np.ndarray], name: str) -> dict[str, Any]:
    return {
        "eps": eps,
        "rates": [rate_of(flags) for flags in arm],
        "images": mean_rate(arm),
        "seeds": spread_over_seeds([float(flags.mean()) for flags in arm]),
        "test": None if name == BASE else compared_settings(base, arm),
    }
