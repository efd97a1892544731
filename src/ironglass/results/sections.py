"""`results.json` as a whole: the class of each section, and the check of a file."""

from __future__ import annotations

from typing import Any

from ironglass.errors import InputError, brief
from ironglass.results.attack import Attacks, FGSMCurve, Linear
from ironglass.results.audit import Exhaustive, Layers, Occlusion
from ironglass.results.codec import from_dict
from ironglass.results.comparison import Comparison, Transferred
from ironglass.results.evaluation import Corruptions, Evaluation
from ironglass.results.explanation import Drawn, Explanations
from ironglass.results.hardening import Hardening
from ironglass.results.quality import Evidence, Quality, Shortcuts
from ironglass.results.sweep import Sweep
from ironglass.results.training import Model, Training
from ironglass.results.transfer import Transfer
from ironglass.results.trial import Measured, TrialOutcome
from ironglass.results.versions import SECTIONS_KEY, count_keys, opened, upgrade

SECTIONS: dict[str, Any] = {
    "model": Model,
    "training": Training,
    "evaluation": Evaluation,
    "layers": Layers,
    "occlusion": Occlusion,
    "exhaustive": Exhaustive,
    "corruptions": Corruptions,
    "fgsm": FGSMCurve,
    "attacks": Attacks,
    "linear": Linear,
    "explanations": Explanations,
    "quality": Quality,
    "shortcuts": Shortcuts,
    "evidence": Evidence,
    "explained": Drawn,
    "samples": Drawn,
    "hardening": Hardening,
    "comparison": Comparison,
    "transferred": Transferred,
    "measured": Measured,
    "transfer": Transfer,
    "trial": TrialOutcome,
    "sweep": Sweep,
}
"""The class of each section; a section is absent until its step has finished."""


def check_results(found: dict[str, Any], *, file: object) -> dict[str, Any]:
    """Every section of the file as a result, by its name.

    Raises InputError, naming the file and the key, for a key that is missing or unknown, at any depth, and for a value
    of another type or range.
    """
    found = upgrade(found, file=file)
    counts, sections = found.get(SECTIONS_KEY), opened(found)
    if not isinstance(counts, dict):
        said = "is missing" if counts is None else f"is {brief(counts)}"
        raise InputError(f"{file}: {SECTIONS_KEY} {said}: restore the file, or run again")
    for name in [*counts, *sections]:
        if name not in SECTIONS:
            where = name if name in sections else f"{SECTIONS_KEY}.{name}"
            raise InputError(f"{file}: {where} is no section of results.json that this version knows")
        if name not in sections:
            raise InputError(f"{file}: {name} is missing: restore the file, or run again")
        if name not in counts:
            raise InputError(f"{file}: {SECTIONS_KEY}.{name} is missing: restore the file, or run again")
    results = {name: from_dict(SECTIONS[name], value, file=file, key=name) for name, value in sections.items()}
    for name, value in sections.items():
        if (now := count_keys(value)) != counts[name]:
            raise InputError(
                f"{file}: {name} has {now} keys, and {SECTIONS_KEY}.{name} says {brief(counts[name])}: one that is a "
                "method's own, or that may be absent, was taken out or put in; restore the file, or run again"
            )
    return results
