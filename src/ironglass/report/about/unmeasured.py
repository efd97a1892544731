"""The list of what was not measured, though a reader might think so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ironglass.results.hardening import PairedRow
from ironglass.results.numbers import Norm
from ironglass.results.sections import Results

STEPS = {
    "evaluation": "accuracy on held-out images",
    "layers": "what the single layers contribute",
    "occlusion": "accuracy under a covering patch",
    "fgsm": "accuracy under a planned change of the pixels",
}
SHORTCUTS = (
    "whether one place of the image decides, as a mark in a corner (that takes 50 maps or more by integrated "
    "gradients, occlusion or input × gradient)"
)
SPREAD = "the spread over training seeds: the intervals are those of this one network on other images of the same kind"
SEVERAL_SEEDS = "the spread over training seeds where a number of blocks was trained with a single one"


def unmeasured(results: Results) -> list[str]:
    """Steps, attacks, images and seeds that the run left out, a line each."""
    missing, attacks, spread = _steps(results), "", SPREAD
    if measured := results.attacks:
        attacks = untried([row.name for row in measured.attacks], measured.norm)
    if hardened := results.hardening:
        missing = []  # each side's own report says what it lacks
        attacks = untried(_attacks(hardened.rows), hardened.norm)
    if swept := results.sweep:
        missing = []
        attacks = untried(swept.attacks.names, swept.attacks.norm) if swept.attacks else ""
    if arms := results.comparison:
        missing = []
        attacks = untried(_attacks(arms.arms[0].rows), arms.norm)
    if compared := results.runs_compared:
        missing = []  # each run's own report says what it lacks
        attacks = untried(
            list(dict.fromkeys(one.name for one in compared.conditions if one.norm and one.name != "worst")), "linf"
        )
    if moved := results.transfer:
        missing = ["images made on a network of another architecture"]
        attacks = untried(list(dict.fromkeys([*moved.transfer_attacks, *moved.white_box_attacks])), moved.norm)
        spread = SEVERAL_SEEDS if len(moved.seeds) > 1 else SPREAD
    attacks = attacks or "attacks stronger than one step (PGD, AutoAttack), and attacks that know of a defence"
    return [*missing, attacks, "images from another source, camera or year than the test images", spread]


def _steps(results: Results) -> list[str]:
    """The steps of an audit that the run has not."""
    run = {*results.finished(), *(("fgsm",) if results.attacks else ())}
    missing = [f"{step_label} (the run has no such step)" for key, step_label in STEPS.items() if key not in run]
    return missing if results.shortcuts else [*missing, SHORTCUTS]


def _attacks(rows: Iterable[PairedRow]) -> list[str]:
    """Names of the attacks behind paired rows."""
    return list(dict.fromkeys(row.name for row in rows if row.name not in ("clean", "worst")))


def untried(names: Sequence[str], norm: Norm) -> str:
    """The attacks that were not made, where those of these names were."""
    other = f"attacks other than the {len(names)} above" if len(names) > 1 else "attacks other than the one above"
    such = "" if "ensemble" in names else ", AutoAttack’s ensemble among them"
    budgets = {"linf": "Linf (every pixel by up to eps)", "l2": "L2 (the whole change up to eps long)"}
    budget = (budgets | {"l1": "L1 (the changes of all values up to eps together)"})[norm]
    return f"{other}{such}, attacks that know of a defence, and changes that are not held to {budget}"
