"""The layer step: what each layer contributes, by probe, ablation and focus."""

from __future__ import annotations

from ironglass.measure.layers.analysis import layer_notes
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.step import Step


def measures_layers(context: AuditContext) -> bool:
    """Whether layers are measured: not where methods are named, and not on images alone, where a probe would be tested
    on what it has learnt."""
    plan = context.plan
    asked = "explain" in plan.steps and not plan.explained.methods
    return asked and not context.unlabelled and bool(context.classifier.convolutions())


def measure_layers(context: AuditContext) -> None:
    """Writes `layers` of the results."""
    found = layer_notes(
        context.classifier,
        context.learning,
        context.measured,
        patch=context.patch,
        stride=context.stride,
        images=context.plan.samples,
        progress=lambda done, of: context.progress("explaining every layer", done, of, ""),
    )
    context.run.record("layers", found)


LAYERS = Step(key="layers", wanted=measures_layers, run=measure_layers)
