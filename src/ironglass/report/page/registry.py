"""The sections of a page, in their order; one line adds one, to the page as to the terminal and the model card."""

from __future__ import annotations

from collections.abc import Sequence

from ironglass.report.about.section import DATA, MAKING, MODEL
from ironglass.report.attack.section import SECTION as ATTACKS
from ironglass.report.certification.section import SECTION as CERTIFICATION
from ironglass.report.comparison.section import ARMS, GALLERY
from ironglass.report.confidence.section import SECTION as CONFIDENCE
from ironglass.report.corruption.section import SECTION as CORRUPTIONS
from ironglass.report.evaluation.section import SECTION as EVALUATION
from ironglass.report.explanation.section import SECTION as EXPLANATIONS
from ironglass.report.failures.section import SECTION as FAILURES
from ironglass.report.hardening.section import SECTION as HARDENING
from ironglass.report.inspection.against import SECTION as AGAINST
from ironglass.report.inspection.checks import SECTION as CHECKS
from ironglass.report.inspection.section import SECTION as INSPECTION
from ironglass.report.kit.constant import answers_blindly
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Section
from ironglass.report.layers.section import SECTION as LAYERS
from ironglass.report.linear.section import SECTION as LINEAR
from ironglass.report.occlusion.section import SECTION as OCCLUSION
from ironglass.report.runs_compared.section import SECTION as RUNS_COMPARED
from ironglass.report.sweep.section import SECTION as SWEEP
from ironglass.report.training.section import SECTION as TRAINING
from ironglass.report.transfer.section import SECTION as TRANSFER
from ironglass.results.sections import Results

SECTIONS: tuple[Section, ...] = (
    RUNS_COMPARED,
    TRANSFER,
    HARDENING,
    ARMS,
    GALLERY,
    SWEEP,
    INSPECTION,
    CHECKS,
    DATA,
    MODEL,
    TRAINING,
    EVALUATION,
    FAILURES,
    LINEAR,
    EXPLANATIONS,
    LAYERS,
    OCCLUSION,
    CORRUPTIONS,
    ATTACKS,
    CERTIFICATION,
    CONFIDENCE,
    AGAINST,
    MAKING,
)


def headlines(results: Results) -> list[Headline]:
    """The numbers of all sections, those of the first screen and the others."""
    return [headline for section in SECTIONS for headline in section.headlines(results)]


def first_headlines(results: Results) -> list[Headline]:
    """The numbers of the first screen. Of a network that answers without regard to the image they are its accuracy
    alone: the others are those of any such network."""
    sections = (EVALUATION,) if answers_blindly(results.evaluation) else SECTIONS
    return [headline for section in sections for headline in section.headlines(results) if headline.first]


def plain_words(results: Results, classes: Sequence[str]) -> list[str]:
    """The paragraphs of all sections, but of those that would explain answers given without regard to the image."""
    blind = answers_blindly(results.evaluation)
    sections = [section for section in SECTIONS if not (blind and section.explains)]
    return [text for section in sections for text in section.words(results, classes) if text]


def terminal_lines(results: Results) -> list[str]:
    """The lines that follow the terminal's tables."""
    return [text for section in SECTIONS for text in section.terminal(results)]


def cautions(results: Results) -> list[str]:
    """A sentence each network of a run that answers without regard to the image."""
    return [text for section in SECTIONS for text in section.cautions(results) if text]
