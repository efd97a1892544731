"""One trial of a sweep: an audit in a folder of its own, and what trials are compared by."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ironglass.data.dataset import Split
from ironglass.errors import Diverged
from ironglass.measure.per_image import per_image, write_per_image
from ironglass.measure.statistics import Rate, counted_rate
from ironglass.models.loading.weights import load_state, read_state
from ironglass.models.predict import logits_of, predicted
from ironglass.plans.audit import Audit
from ironglass.run import Run
from ironglass.studies.audit import run_audit
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.common.prepare import prepare
from ironglass.studies.common.progress import Tell
from ironglass.studies.steps.attack.held_out import write_held_out
from ironglass.types import Logits


def run_trial(plan: Audit, folder: Path, held_out: bool, options: RunOptions, *, tell: Tell) -> None:
    """Audits the plan in the folder, going on where an earlier sitting stopped, and records `trial`, its last step.

    held_out: whether validation images are attacked, too.

    Of one that diverged only the line that says so is recorded. Raises InputError and KeyboardInterrupt as an audit
    does.
    """
    try:
        run = run_audit(plan, folder, replace(options, resume=True, progress=tell))
    except Diverged as error:
        Run(folder).record("trial", {"diverged": str(error)})
        return
    classifier, dataset = prepare(plan, options.place, download=options.download)
    weights = run.path / "model.safetensors"
    load_state(classifier.network, read_state(weights), weights)
    validation, train = dataset.validation, dataset.train
    tell("comparing training and validation", 0, 2, "")
    sample = train.take(spread_positions(len(train), len(validation)))
    training = _rate(sample, logits_of(classifier, sample))
    tell("comparing training and validation", 1, 2, "")
    began = time.perf_counter()  # the pass before it has warmed everything up
    logits = logits_of(classifier, validation)
    seconds = time.perf_counter() - began
    table = per_image(validation, classifier, logits, condition="clean", eps=0.0, linf=np.zeros(len(validation)))
    write_per_image(run, "validation", [table])
    labels = torch.from_numpy(validation.labels.copy())
    result: dict[str, Any] = {
        "validation": _rate(validation, logits),
        "validation_loss": float(cross_entropy(classifier.as_logits(logits), labels)),
        "training": training,
        "images_per_second": round(len(validation) / seconds, 1),
    }
    if held_out:
        result["robust_validation"] = write_held_out(run, plan, classifier, validation, tell)
    run.record("trial", result)
    tell("comparing training and validation", 2, 2, "")


def _rate(split: Split, logits: Logits) -> Rate:
    return counted_rate(int((predicted(logits).numpy() == split.labels).sum()), len(split))
