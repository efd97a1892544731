"""The steps of an audit, one line each, in the order in which they are taken."""

from __future__ import annotations

from ironglass.studies.steps.against.step import AGAINST
from ironglass.studies.steps.attack.step import ATTACKS
from ironglass.studies.steps.certification.step import CERTIFICATION
from ironglass.studies.steps.confidence import CONFIDENCE, CONFIDENCE_UNDER
from ironglass.studies.steps.corruption import CORRUPTIONS
from ironglass.studies.steps.data_checks.step import DATA_CHECKS, DATA_EFFECTS, LEAK_EFFECT
from ironglass.studies.steps.evaluation import EVALUATION
from ironglass.studies.steps.explanation.step import EXPLANATION
from ironglass.studies.steps.failures.step import FAILURES
from ironglass.studies.steps.fgsm import FGSM_CURVE
from ironglass.studies.steps.layers import LAYERS
from ironglass.studies.steps.linear import LINEAR
from ironglass.studies.steps.occlusion import EXHAUSTIVE, OCCLUSION
from ironglass.studies.steps.pages import PAGES
from ironglass.studies.steps.samples import SAMPLES
from ironglass.studies.steps.step import Step
from ironglass.studies.steps.training import TRAINING

STEPS: list[Step] = [
    DATA_CHECKS,
    TRAINING,
    EVALUATION,
    LEAK_EFFECT,
    DATA_EFFECTS,
    CONFIDENCE,
    AGAINST,
    FAILURES,
    CORRUPTIONS,
    EXPLANATION,
    LAYERS,
    OCCLUSION,
    EXHAUSTIVE,
    FGSM_CURVE,
    ATTACKS,
    CERTIFICATION,
    CONFIDENCE_UNDER,
    LINEAR,
    SAMPLES,
    PAGES,
]
