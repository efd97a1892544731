"""The evaluation step: accuracy of the whole measured split, and a row an image."""

from __future__ import annotations

import numpy as np

from ironglass.measure.accuracy import evaluate
from ironglass.measure.per_image import per_image, write_per_image, write_predictions
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.step import Step


def evaluate_split(context: AuditContext) -> None:
    """Writes `per_image/clean.parquet`, `predictions.csv` and `evaluation` of the results."""
    run, classifier, split = context.run, context.classifier, context.split
    numbers, logits = evaluate(
        classifier,
        split,
        name=context.split_name,
        progress=lambda done, of: context.progress("evaluating", done, of, ""),
    )
    context.logits.cached = logits
    unchanged = np.zeros(len(split))
    table = per_image(split, classifier, logits, condition="clean", eps=0.0, linf=unchanged)
    write_per_image(run, "clean", [table])
    write_predictions(run, split.names, classifier, logits)
    run.record("evaluation", numbers)


EVALUATION = Step(key="evaluation", wanted=lambda context: context.plan.evaluation, run=evaluate_split)
