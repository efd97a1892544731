"""Further seeds of a hardening: both sides trained again, and judged on the images of the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ironglass.measure.statistics import mean_interval
from ironglass.plans.audit import Audit
from ironglass.plans.hardening import Hardening
from ironglass.run import Run
from ironglass.studies.audit import run_audit
from ironglass.studies.common.options import RunOptions
from ironglass.studies.hardening.pairs import compared, naming_of


def seed_results(
    run: Run,
    plan: Hardening,
    parts: Mapping[str, Audit],
    first: Mapping[str, Any],
    before: Run,
    options: RunOptions,
) -> dict[str, Any]:
    """The key `seeds` of the section `hardening`; nothing for a single seed.

    A side that is trained is run again for each further seed, in the folder's `seeds/SEED/SIDE`.

    parts: the plan of each side. first: the pairs of the first seed. before: its run before hardening.
    """
    if plan.seeds == 1:
        return {}
    trained_before, start = parts["before"].training, plan.after.seed
    rows = [_row(start, first, first["evaluations"].get("after"))]
    for seed in range(start + 1, start + plan.seeds):
        runs = {"before": before}
        for side, part in parts.items():
            if side == "after" or trained_before:
                words = f"{part.name}, seed {seed}: the model {side} hardening."
                audit = of_seed(part, seed, f"{side}-s{seed}", words)
                runs[side] = run_audit(audit, run.path / "seeds" / str(seed) / side, options.for_part(f"seed {seed}"))
        rows.append(_row(seed, compared(runs["before"], runs["after"]), naming_of(runs["after"])))
    spreads = {
        name: spread_over_seeds([row[name]["value"] for row in rows]) for name in ("clean_after", "robust_after")
    }
    for kind in ("clean", "robust"):
        changes = [row[f"{kind}_after"]["value"] - row[f"{kind}_before"]["value"] for row in rows]
        spreads[f"{kind}_change"] = spread_over_seeds(changes, lowest=-1.0)
    return {"seeds": {"rows": rows, "trained_before": trained_before, **spreads}}


def _row(seed: int, pairs: Mapping[str, Any], evaluation: dict[str, Any] | None) -> dict[str, Any]:
    clean, worst = pairs["rows"][0], pairs["rows"][-1]
    numbers = {f"clean_{side}": clean[side] for side in ("before", "after")}
    row = {"seed": seed, **numbers} | {f"robust_{side}": worst[side] for side in ("before", "after")}
    return row | ({"evaluation": evaluation} if evaluation else {})


def of_seed(part: Audit, seed: int, name: str, description: str) -> Audit:
    """The part of another seed, on the images that the first one drew."""
    sampling = replace(part.sampling, seed=part.draw)
    return replace(part, seed=seed, sampling=sampling, name=name, description=description)


def spread_over_seeds(values: Sequence[float], *, lowest: float = 0.0) -> dict[str, Any]:
    """Mean with its interval over seeds, and range, as in `results.json`.

    values: one a seed, from `lowest` to 1, to which the interval is clipped.
    """
    numbers = np.asarray(values, dtype=np.float64)
    interval = dict(mean_interval(numbers, within=(lowest, 1.0)))
    return {"mean": interval, "lowest": float(numbers.min()), "highest": float(numbers.max())}
