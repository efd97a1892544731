"""`results.json` as a whole: the class of each section, and the check of a file."""

from __future__ import annotations

from types import NoneType
from typing import Any, cast, get_args, get_type_hints

from ironglass.errors import InputError, brief
from ironglass.results.attack import Attacks, FGSMCurve, Linear
from ironglass.results.audit import Exhaustive, Layers, Occlusion
from ironglass.results.certification import Certification
from ironglass.results.codec import from_dict, result
from ironglass.results.evaluation import Corruptions, Evaluation
from ironglass.results.evaluation.confidence import Confidence, ConfidenceUnder
from ironglass.results.explanation import Drawn, Explanations
from ironglass.results.failures import Failures
from ironglass.results.hardening import Comparison, Hardening, Transferred
from ironglass.results.inspection import Effect, Inspection
from ironglass.results.inspection.against import AgainstOthers
from ironglass.results.inspection.checks import DataChecks, DataEffects
from ironglass.results.inspection.checks import Findings as Findings
from ironglass.results.quality import Evidence, Quality, Shortcuts
from ironglass.results.runs_compared import RunsCompared
from ironglass.results.sweep import Sweep
from ironglass.results.training import Model, Training
from ironglass.results.transfer import Transfer
from ironglass.results.trial import Measured, TrialOutcome
from ironglass.results.versions import SECTIONS_KEY, count_keys, sections_of, upgrade


@result
class Results:
    """Every section of `results.json`; None until its step has finished.

    model: the network, and how images go in.
    data_checks: faults of the run's data, found at its beginning; absent in older runs.
    training: one training.
    evaluation: accuracy on unchanged images.
    leak_effect: accuracy without the measured images that are training images, too.
    data_effects: accuracy without other images at fault; absent where there are none, and in older runs.
    confidence: the worth of the probabilities on unchanged images.
    confidence_under: the same on corrupted and attacked images.
    out_of_distribution: measured images against images of other kinds; absent in older runs.
    failures: images, slices and pairs of classes on which the network fails; absent in older runs.
    layers: what each convolution contributes.
    occlusion: accuracy with a patch at every position of a grid.
    exhaustive: whether any position of a patch changes the prediction.
    corruptions: accuracy on corrupted images.
    fgsm: accuracy under FGSM, where no attack was named.
    attacks: accuracy under named attacks.
    certification: what is proved at each eps, and what an attack leaves of the rest; absent where it was not asked for.
    linear: a linear network of two classes, attacked under Linf.
    explanations: maps by named methods, and what becomes of them when the images change.
    quality: tests of the methods themselves.
    shortcuts: fixed places that decide the prediction.
    evidence: maps of planted data, where it is known what decides.
    explained: explained images drawn for the report.
    samples: images drawn for the report.
    hardening: before and after, in the folder of a hardening; the sides are runs of their own in `before/`, `after/`.
    comparison: every arm, in the folder of a comparison; each is a run of its own in `arms/NAME/`.
    transferred: images made on one arm and shown to all, in the folder of a comparison.
    runs_compared: existing runs, in the folder of their comparison.
    measured: one network, in its folder within a transfer study.
    transfer: in the folder of a transfer study.
    inspection: in the folder of an inspection of data.
    trial: in the folder of a trial of a sweep.
    sweep: in the folder of a sweep.
    """

    model: Model | None = None
    data_checks: DataChecks | None = None
    training: Training | None = None
    evaluation: Evaluation | None = None
    leak_effect: Effect | None = None
    data_effects: DataEffects | None = None
    confidence: Confidence | None = None
    confidence_under: ConfidenceUnder | None = None
    out_of_distribution: AgainstOthers | None = None
    failures: Failures | None = None
    layers: Layers | None = None
    occlusion: Occlusion | None = None
    exhaustive: Exhaustive | None = None
    corruptions: Corruptions | None = None
    fgsm: FGSMCurve | None = None
    attacks: Attacks | None = None
    certification: Certification | None = None
    linear: Linear | None = None
    explanations: Explanations | None = None
    quality: Quality | None = None
    shortcuts: Shortcuts | None = None
    evidence: Evidence | None = None
    explained: Drawn | None = None
    samples: Drawn | None = None
    hardening: Hardening | None = None
    comparison: Comparison | None = None
    transferred: Transferred | None = None
    runs_compared: RunsCompared | None = None
    measured: Measured | None = None
    transfer: Transfer | None = None
    inspection: Inspection | None = None
    trial: TrialOutcome | None = None
    sweep: Sweep | None = None

    def finished(self) -> dict[str, Any]:
        """The sections that are there, by name."""
        return {name: section for name in SECTIONS if (section := getattr(self, name)) is not None}


SECTIONS: dict[str, Any] = {
    name: next(kind for kind in get_args(union) if kind is not NoneType)
    for name, union in get_type_hints(Results, include_extras=True).items()
}
"""The class of each section: those of `Results`."""


def read_results(contents: dict[str, Any], *, file: object) -> Results:
    """The value of a `results.json`, or of its sections alone, as results.

    Raises InputError, naming the file and the key, for a key that is missing or unknown, at any depth, and for a value
    of another type or range.
    """
    contents = upgrade(contents, file=file)
    counts_value, sections = contents.get(SECTIONS_KEY), sections_of(contents)
    if not isinstance(counts_value, dict):
        fault = "is missing" if counts_value is None else f"is {brief(counts_value)}"
        raise InputError(f"{file}: {SECTIONS_KEY} {fault}: restore the file, or run again")
    counts = cast("dict[str, Any]", counts_value)
    for name in [*counts, *sections]:
        if name not in SECTIONS:
            key = name if name in sections else f"{SECTIONS_KEY}.{name}"
            raise InputError(f"{file}: {key} is no section of results.json that this version knows")
        if name not in sections:
            raise InputError(f"{file}: {name} is missing: restore the file, or run again")
        if name not in counts:
            raise InputError(f"{file}: {SECTIONS_KEY}.{name} is missing: restore the file, or run again")
    results: dict[str, Any] = {
        name: from_dict(SECTIONS[name], value, file=file, key=name) for name, value in sections.items()
    }
    for name, value in sections.items():
        if (count := count_keys(value)) != counts[name]:
            raise InputError(
                f"{file}: {name} has {count} keys, and {SECTIONS_KEY}.{name} says {brief(counts[name])}: one that is a "
                "method's own, or that may be absent, was taken out or put in; restore the file, or run again"
            )
    return Results(**results)
