"""A sweep: one audit with some fields varied, every combination a trial, and which of them to take."""

from __future__ import annotations

import inspect
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import torch

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError
from ironglass.fields import dataclass, expect
from ironglass.run import Run
from ironglass.studies.attack import Tell
from ironglass.studies.audit import ready
from ironglass.studies.environment import environment, write_environment
from ironglass.studies.guard import eps_of
from ironglass.studies.parallel import Job, check_jobs, run_parallel
from ironglass.studies.plan import Audit, Step
from ironglass.studies.prepare import measured_split, pick_device
from ironglass.studies.processes import refuse_several
from ironglass.studies.sweep_results import sweep_results
from ironglass.studies.trial import Trial, run_trial, trial_name
from ironglass.train.record import as_json, replaced

COMPARED = {"dataset", "only", "image_column", "label_column", "splits", "split", "steps", "name", "description"}
"""What trials must share, since they are compared on the same images."""
NETWORK = {"model", "options", "size", "channels", "weights"}
"""What makes trials' networks differ."""


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Sweep:
    """An audit whose fields are varied: every combination of the values is a trial.

    trial: what all trials have in common; each trains, is evaluated, and attacked where `attacks` are named. vary: the
    values of each field, by its path as `--set` takes it: {"stages.0.peak_lr": (0.1, 0.01)}, {"model": (...)}. Raises
    InputError for a field or value that there is not, and for one that would have trials see other images.
    """

    trial: Audit
    vary: dict[str, tuple[Any, ...]]

    @property
    def name(self) -> str:
        """What the run is called."""
        return self.trial.name

    def __post_init__(self) -> None:
        if not self.vary:
            raise InputError(
                'nothing is varied: give vary a field and its values, as {"stages.0.peak_lr": (0.1, 0.01)}'
            )
        for path, values in self.vary.items():
            if path.partition(".")[0] in COMPARED:
                raise InputError(f"{path} cannot be varied: trials are compared on the same images")
            plain = [as_json(value) for value in values]
            twice = any(value in plain[:place] for place, value in enumerate(plain))
            if twice and len({*map(id, values)}) == len(values) and any(map(inspect.isfunction, values)):
                raise InputError(f"{path} takes functions of the same name, {plain}: give each a name of its own")
            if not values or twice:
                raise InputError(f"{path} takes the values {plain}: give at least one, and each once")
        trials_of(self)


def trials_of(plan: Sweep) -> list[Trial]:
    """Every combination, the last field varying fastest."""
    attacked: tuple[Step, ...] = ("attack",) if plan.trial.attacks else ()
    trials = []
    for number, values in enumerate(product(*plan.vary.values()), start=1):
        one, name = plan.trial, trial_name(number, values)
        for path, value in zip(plan.vary, values, strict=True):
            one = replaced(one, path, value, where=f"vary {path}")
        said = f"{plan.name}: trial {number}, " + ", ".join(
            f"{path} {as_json(value)}" for path, value in zip(plan.vary, values, strict=True)
        )
        one = replace(one, name=name, description=f"{said}.", steps=("train", "evaluate", *attacked))
        trials.append(Trial(name=name, values=values, plan=one))
    return trials


def sweep(
    plan: Sweep,
    folder: str | Path,
    *,
    jobs: int = 1,
    device: str = "auto",
    download: bool = False,
    resume: bool = False,
    tell: Tell = lambda what, done, of, detail: None,
) -> Run:
    """Audits every trial in a folder of its own, `trials/NAME`, and recommends one by validation images.

    By their accuracy under attack where a trial hardens and attacks are named, else unchanged. Trials that differ in
    their seed alone are one setting, and settings are compared by their means.

    jobs: trials at once, each in a process of its own with its share of the threads; a script that asks for more than
    one calls this under `if __name__ == "__main__"`. Nothing is written before the data and every model have been
    loaded and checked. A trial that diverges is a result; one that fails otherwise is named with the reason, the others
    go on, and `resume` tries it again. Raises InputError where all fail, and otherwise InputError and KeyboardInterrupt
    as `audit` does.
    """
    expect(plan, Sweep, "plan", "an ironglass.Sweep(...)")
    refuse_several("a sweep")
    check_jobs(plan, jobs)
    place, trials = pick_device(device), trials_of(plan)
    dataset = _check(trials, place, download=download, tell=tell)
    split, _ = measured_split(trials[0].plan, dataset)
    said = plan.trial.description or "One recipe with some of its settings varied, trial by trial."
    known = {"name": plan.name, "description": said, "dataset": plan.trial.dataset, "seed": plan.trial.seed}
    with Run.hold(folder, known | as_json(plan), resume=resume) as run:
        write_environment(run, environment(device=place, seed=plan.trial.seed, fingerprint=dataset.fingerprint))
        if not {"size", "channels"} & set(plan.vary):  # else there is no one description of the images
            run.write("data.json", dataset.describe())

        root = run.path / "trials"
        for trial in trials:
            if (root / trial.name / "recipe.json").is_file():
                Run(root / trial.name).mend()
        waiting = [trial for trial in trials if "trial" not in Run(root / trial.name).results]
        if jobs > 1:
            given = (device, download, by_robustness(trials))
            queue = [Job(trial.name, run_trial, (trial.plan, root / trial.name, *given)) for trial in waiting]
            failed = run_parallel(queue, jobs=jobs, tell=tell)
        else:
            held_out = by_robustness(trials)
            failed = _run_in_turn(waiting, root, device=device, download=download, held_out=held_out, tell=tell)
        done = [trial for trial in trials if trial.name not in failed]
        if done and not NETWORK & {path.partition(".")[0] for path in plan.vary}:
            run.record("model", Run(root / done[0].name).results["model"])
        run.record("sweep", sweep_results(plan.trial, plan.vary, trials, root, failed, split=split, jobs=jobs))
        from ironglass.report.page import write_report  # late: matplotlib takes its time

        write_report(run)
    if len(failed) == len(trials):
        raise InputError(f"every trial failed, {trials[0].name} since {failed[trials[0].name]}")
    return run


def by_robustness(trials: list[Trial]) -> bool:
    """Whether trials are chosen by what they withstand: attacks are named, and a trial trains on adversarial images."""
    objectives = [stage.objective for trial in trials for stage in trial.plan.stages]
    return any(trial.plan.attacks for trial in trials) and any(eps_of(objective) != 0 for objective in objectives)


def _run_in_turn(
    trials: list[Trial], root: Path, *, device: str, download: bool, held_out: bool, tell: Tell
) -> dict[str, str]:
    """What was said of the trials that failed, by name."""
    failed = {}
    for number, trial in enumerate(trials):
        tell("trials", number, len(trials), trial.name)

        def told(what: str, done: int, of: int, detail: str, name: str = trial.name) -> None:
            tell(what, done, of, f"{name} {detail}")

        try:
            run_trial(trial.plan, root / trial.name, device, download, held_out, tell=told)
        except InputError as error:
            failed[trial.name] = str(error)
    tell("trials", len(trials), len(trials), "")
    return failed


def _check(trials: list[Trial], place: torch.device, *, download: bool, tell: Tell) -> Dataset:
    """The first trial's data, once every trial that differs in more than a number has been built. Raises InputError."""
    checked, first = set(), None
    for number, trial in enumerate(trials):
        rough = tuple(str(as_json(value)) for value in trial.values if type(value) is not float)
        if rough in checked:
            continue
        checked.add(rough)
        tell("checking", number, len(trials), trial.name)
        try:
            _, dataset = ready(trial.plan, place, download=download, tell=tell)
        except InputError as error:
            raise InputError(f"trial {trial.name}: {error}") from error
        if not len(dataset.splits.get("validation", ())):
            raise InputError(f"{dataset.name} has no validation images to choose a trial by: give it some")
        first = first or dataset
    assert first is not None
    tell("checking", len(trials), len(trials), "")
    return first
