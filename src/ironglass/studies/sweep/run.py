"""A sweep: one audit with some fields varied, every combination a trial, and which of them to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError
from ironglass.plans.sweep import Sweep, Trial, trials_of
from ironglass.run import Run
from ironglass.studies.audit import ready
from ironglass.studies.common.environment import environment, write_environment
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.parallel import Job, check_jobs, run_parallel
from ironglass.studies.common.prepare import measured_split
from ironglass.studies.common.processes import refuse_several
from ironglass.studies.common.progress import Tell
from ironglass.studies.common.study import Study, replace_within
from ironglass.studies.sweep.results import sweep_results
from ironglass.studies.sweep.trial import run_trial
from ironglass.train.record import as_json

NETWORK = {"model", "options", "size", "channels", "weights"}
"""What makes trials' networks differ."""


def run_sweep(plan: Sweep, folder: Path, options: RunOptions) -> Run:
    """Audits every trial in a folder of its own, `trials/NAME`, and recommends one by validation images.

    By their accuracy under attack where attacks are named, else unchanged, or as `choose_by` says. Trials that differ
    in their seed alone are one setting, and settings are compared by their means.

    jobs: trials at once, each in a process of its own with its share of the threads; a script that asks for more than
    one calls this under `if __name__ == "__main__"`. Nothing is written before the data and every model have been
    loaded and checked. A trial that diverges is a result; one that fails otherwise is named with the reason, the others
    go on, and `resume` tries it again. Raises InputError where all fail, and otherwise InputError and KeyboardInterrupt
    as an audit does.
    """
    refuse_several("a sweep")
    check_jobs(plan, options.jobs)
    device, trials = options.place, trials_of(plan)
    dataset = _check(trials, folder / "trials", options)
    split, _ = measured_split(trials[0].plan, dataset)
    description = plan.trial.description or "One recipe with some of its settings varied, trial by trial."
    header = {"name": plan.name, "description": description, "dataset": plan.trial.dataset, "seed": plan.trial.seed}
    with Run.hold(folder, header | as_json(plan), resume=options.resume) as run:
        write_environment(run, environment(device=device, seed=plan.trial.seed, fingerprint=dataset.fingerprint))
        if not {"size", "channels"} & set(plan.vary):  # else there is no one description of the images
            run.write("data.json", dataset.describe())

        root = run.path / "trials"
        for trial in trials:
            if (root / trial.name / "recipe.json").is_file():
                Run(root / trial.name).mend()
        waiting = [trial for trial in trials if "trial" not in Run(root / trial.name).results]
        arguments = (plan.attacks_validation, options.for_job())
        queue = [Job(trial.name, run_trial, (trial.plan, root / trial.name, *arguments)) for trial in waiting]
        if options.jobs > 1:
            failed = run_parallel(queue, jobs=options.jobs, tell=options.progress)
        else:
            failed = _run_in_turn(queue, options.progress)
        done = [trial for trial in trials if trial.name not in failed]
        if done and not NETWORK & {path.partition(".")[0] for path in plan.vary}:
            run.record("model", Run(root / done[0].name).results["model"])
        run.record("sweep", sweep_results(plan, trials, root, failed, split=split, jobs=options.jobs))
        options.write_pages(run)
    if len(failed) == len(trials):
        raise InputError(f"every trial failed, {trials[0].name} since {failed[trials[0].name]}")
    return run


def _run_in_turn(trials: Sequence[Job], progress: Tell) -> dict[str, str]:
    """The errors of the trials that failed, by name."""
    failed = {}
    for number, trial in enumerate(trials):
        progress("trials", number, len(trials), trial.name)

        def trial_progress(activity: str, done: int, of: int, detail: str, name: str = trial.name) -> None:
            progress(activity, done, of, f"{name} {detail}")

        try:
            trial.work(*trial.given, tell=trial_progress)
        except InputError as error:
            failed[trial.name] = str(error)
    progress("trials", len(trials), len(trials), "")
    return failed


def _check(trials: list[Trial], root: Path, options: RunOptions) -> Dataset:
    """The first trial's data, once every trial that differs in more than a number has been built. Raises InputError."""
    checked, first = set(), None
    for number, trial in enumerate(trials):
        rough = tuple(str(as_json(value)) for value in trial.values if type(value) is not float)
        if rough in checked:
            continue
        checked.add(rough)
        options.progress("checking", number, len(trials), trial.name)
        try:
            dataset = ready(trial.plan, root / trial.name, options).dataset
        except InputError as error:
            raise InputError(f"trial {trial.name}: {error}") from error
        if not len(dataset.splits.get("validation", ())):
            raise InputError(f"{dataset.name} has no validation images to choose a trial by: give it some")
        first = first or dataset
    assert first is not None
    options.progress("checking", len(trials), len(trials), "")
    return first


def replace_fields(plan: Sweep, fields: Mapping[str, Any]) -> Sweep:
    """The sweep with fields of its trials replaced. Raises InputError for one that it varies."""
    if varied := sorted(fields.keys() & plan.vary.keys()):
        raise InputError(f"{varied[0]} is what the sweep varies: give --set 'vary.{varied[0]}=[...]' instead")
    return replace_within("trial")(plan, fields)


SWEEP = Study(name="sweep", plan=Sweep, run=run_sweep, parallel=True, replace=replace_fields)
