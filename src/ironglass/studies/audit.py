"""The whole loop once: data, model, training, evaluation, explanation, attack, report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ironglass.data.dataset import Dataset
from ironglass.explain.parts.patch_grid import positions
from ironglass.measure.accuracy import evaluate
from ironglass.measure.exhaustive_occlusion import occlusion_robustness
from ironglass.measure.layers.analysis import layer_notes
from ironglass.measure.occlusion import occlusion_accuracy
from ironglass.measure.per_image import per_image, write_per_image, write_predictions
from ironglass.measure.robustness.attack import fgsm_curve
from ironglass.models.classifier import Classifier
from ironglass.models.loading.save import save_classifier
from ironglass.models.predict import logits_of
from ironglass.models.summary import summarise
from ironglass.plans.audit import Audit
from ironglass.run import Run
from ironglass.studies.common.environment import environment, write_environment
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.common.prepare import measured_and_learning, measured_split, prepare
from ironglass.studies.common.processes import Processes, join_processes
from ironglass.studies.common.progress import Tell, training_line
from ironglass.studies.common.resumed import check_resumed
from ironglass.studies.common.single_image import PREDICTED
from ironglass.studies.common.study import Study
from ironglass.studies.steps.attack.attack_list import Attacks
from ironglass.studies.steps.attack.results import write_results
from ironglass.studies.steps.attack.run import check_attacks, run_share
from ironglass.studies.steps.corruption import check_corruptions, corrupt_split
from ironglass.studies.steps.explanation.run import check_explained
from ironglass.studies.steps.explanation.step import explain_split
from ironglass.studies.steps.guard import guard_of
from ironglass.studies.steps.linear import write_linear
from ironglass.studies.steps.samples import mean_colour, write_samples
from ironglass.train.fit import check_recipe, fit
from ironglass.train.record import as_json


def run_audit(plan: Audit, folder: Path, options: RunOptions) -> Run:
    """Runs the plan's steps and writes the run folder with its report; to resume, only what is not yet there.

    Nothing is written before the data and the model have been loaded and fit each other. Raises InputError for what is
    wrong with the plan, KeyboardInterrupt when interrupted: the same call with `resume` then goes on.
    """
    place = options.place
    classifier, dataset = ready(plan, options)
    if dataset.reading.get("labels") == PREDICTED:  # right by its making, so nothing to evaluate
        plan = replace(plan, steps=tuple(step for step in plan.steps if step not in ("evaluate", "corrupt")))
    summary, numbers = summarise(classifier)

    team = join_processes(place)
    if team.rank > 0:
        return _help(plan, classifier, dataset, team)
    with Run.hold(folder, as_json(plan), resume=options.resume) as run:
        team.agree((str(run.path), _attacks_wait(run, plan)))
        check_resumed(run, classifier, dataset, trains="train" in plan.steps)
        write_environment(run, environment(device=place, seed=plan.seed, fingerprint=dataset.fingerprint))
        run.write("data.json", dataset.describe())
        run.write_text("model_summary.txt", summary + "\n")
        run.record("model", numbers)
        _take_steps(run, plan, classifier, dataset, team, options)
    return run


def _take_steps(
    run: Run, plan: Audit, classifier: Classifier, dataset: Dataset, team: Processes, options: RunOptions
) -> None:
    """The plan's steps, each unless its numbers are there, and the report."""
    tell = options.progress
    name, split = measured_split(plan, dataset)
    patch, stride = geometry(plan, dataset)
    if "train" in plan.steps:
        watch = guard_of(plan, dataset)
        fit(
            classifier,
            dataset,
            plan,
            run.path,
            resume=True,
            progress=lambda status: tell(*training_line(status)),
            watch=watch,
        )
    else:
        save_classifier(classifier, run.path)

    logits = None
    if "evaluate" in plan.steps and "evaluation" not in run.results:
        found, logits = evaluate(
            classifier, split, name=name, progress=lambda done, of: tell("evaluating", done, of, "")
        )
        unchanged = np.zeros(len(split))
        table = per_image(split, classifier, logits, condition="clean", eps=0.0, linf=unchanged)
        write_per_image(run, "clean", [table])
        write_predictions(run, split.names, classifier, logits)
        run.record("evaluation", found)
    if "corrupt" in plan.steps and plan.corruptions and "corruptions" not in run.results:
        corrupt_split(run, plan, classifier, split, logits, name=name, tell=tell)
    if "explain" in plan.steps and plan.explained.methods and "explained" not in run.results:
        logits = logits_of(classifier, split) if logits is None else logits
        explain_split(run, plan, classifier, split, logits, name=name, patch=patch, stride=stride, tell=tell)
    _look(run, plan, classifier, dataset, patch, stride, tell)
    if _attacks_wait(run, plan):
        attacks = Attacks(plan, classifier, measured_and_learning(plan, dataset)[0])
        run_share(run, attacks, team, tell)
        team.wait()
        write_results(run, attacks, split_name=name)
    looked_at = "explain" in plan.steps and not plan.explained.methods
    if "attack" in plan.steps and "linear" not in run.results:
        write_linear(run, classifier, split, plan)
    if (looked_at or "attack" in plan.steps) and "samples" not in run.results:
        tell("drawing samples", 0, 1, "")
        logits = logits_of(classifier, split) if logits is None else logits
        mean = mean_colour(dataset.splits.get("train", split))
        write_samples(run, classifier, split, logits, plan, mean=mean, patch=patch, stride=stride)
        run.record("samples", {"images": plan.shown, "seed": plan.seed})
    tell("writing the report", 0, 1, "")
    options.write_pages(run, card=True)
    tell("writing the report", 1, 1, "")


def ready(plan: Audit, options: RunOptions) -> tuple[Classifier, Dataset]:
    """The plan's classifier and data, checked against all that the plan asks of them. Raises InputError."""
    classifier, dataset = prepare(
        plan,
        options.place,
        download=options.download,
        progress=lambda done, of: options.progress("reading images", done, of, ""),
    )
    _, split = measured_split(plan, dataset)
    patch, _ = geometry(plan, dataset)
    if "train" in plan.steps:
        check_recipe(classifier, dataset, plan)
    check_attacks(plan, classifier)
    check_explained(plan, classifier, split, patch)
    check_corruptions(plan, classifier)
    return classifier, dataset


def _look(run: Run, plan: Audit, classifier: Classifier, dataset: Dataset, patch: int, stride: int, tell: Tell) -> None:
    """Explains and attacks a seeded draw of the measured split, each part unless it is already there."""
    split, train = measured_and_learning(plan, dataset)
    if "explain" in plan.steps and not plan.explained.methods:
        alone = dataset.reading.get("labels") == PREDICTED  # a probe would be tested on what it has learnt
        if not alone and "layers" not in run.results and classifier.convolutions():
            found = layer_notes(
                classifier,
                train,
                split,
                patch=patch,
                stride=stride,
                images=plan.samples,
                progress=lambda done, of: tell("explaining every layer", done, of, ""),
            )
            run.record("layers", found)
        if "occlusion" not in run.results:
            found = occlusion_accuracy(
                classifier,
                split,
                patch=patch,
                stride=stride,
                masks=plan.masks,
                mean=mean_colour(train),
                progress=lambda done, of: tell("occluding", done, of, ""),
            )
            run.record("occlusion", found)
    if "explain" in plan.steps and plan.patches and "exhaustive" not in run.results:
        some = split.take(spread_positions(len(split), plan.patch_images))
        found = occlusion_robustness(
            classifier,
            some,
            plan.patches,
            plan.stride or 1,
            plan.masks[0],
            mean=mean_colour(train),
            progress=lambda done, of: tell("trying every place", done, of, ""),
        )
        run.record("exhaustive", {"fill": plan.masks[0], **found.numbers})
    if "attack" in plan.steps and not plan.attacks and "fgsm" not in run.results:
        curve = fgsm_curve(
            classifier, split, plan.eps, progress=lambda done, of: tell("attacking with FGSM", done, of, "")
        )
        tables = [
            per_image(split, classifier, point.logits, condition="fgsm", eps=point.eps, linf=point.linf)
            for point in curve.points
        ]
        write_per_image(run, "fgsm", tables)
        run.record("fgsm", curve.numbers)


def _attacks_wait(run: Run, plan: Audit) -> bool:
    """Whether the plan's named attacks are still to be made."""
    return "attack" in plan.steps and bool(plan.attacks) and "attacks" not in run.results


def _help(plan: Audit, classifier: Classifier, dataset: Dataset, team: Processes) -> Run:
    """What a helper under `accelerate launch` does: it trains along and makes its share of the attacks."""
    folder, attacked = team.agree(("", False))
    run = Run(folder)
    if "train" in plan.steps:
        fit(classifier, dataset, plan, folder, resume=True, progress=False, watch=guard_of(plan, dataset))
    if attacked:
        attacks = Attacks(plan, classifier, measured_and_learning(plan, dataset)[0])
        run_share(run, attacks, team, lambda what, done, of, detail: None)
        team.wait()
    return run


def geometry(plan: Audit, dataset: Dataset) -> tuple[int, int]:
    """Patch and stride in pixels: the plan's, or a quarter of the image's shorter side and half of that.

    Raises InputError for a patch that does not fit, now rather than after the training.
    """
    patch = plan.patch or max(1, min(dataset.size) // 4)
    stride = plan.stride or max(1, patch // 2)
    for size in (patch, *(plan.patches if "explain" in plan.steps else ())):
        positions(dataset.size, size, stride)
    return patch, stride


AUDIT = Study(name="audit", plan=Audit, run=run_audit)
