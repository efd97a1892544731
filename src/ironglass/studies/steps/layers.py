"""The layer step: what each layer contributes, by probe, ablation and focus."""

from __future__ import annotations

from ironglass.measure.layers.analysis import layer_notes
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.step import Step


def measures_layers(context: AuditContext) -> bool:
    """Tells whether layers are measured: not on images without labels, where a probe would be tested on what it has
    learnt."""
    settings = context.plan.layers is not None
    return settings and not context.unlabelled and bool(context.classifier.convolutions())


def measure_layers(context: AuditContext) -> None:
    """Writes `layers` of the results."""
    notes = layer_notes(
        context.classifier,
        context.learning,
        context.measured,
        patch=context.patch,
        stride=context.stride,
        images=context.plan.sampling.images,
        progress=lambda done, of: context.progress("explaining every layer", done, of, ""),
    )
    context.run.record("layers", notes)


LAYERS = Step(key="layers", wanted=measures_layers, run=measure_layers)
