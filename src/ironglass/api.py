"""Functions that run a plan and write its report: `run` for any plan, the others for plans of one kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from textwrap import indent
from typing import Any, TypeVar, cast

from ironglass.choices import shown
from ironglass.fields import expect
from ironglass.run import Run
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.progress import Tell, silent
from ironglass.studies.common.study import Plan, Study
from ironglass.studies.registry import STUDIES, check_parallel, study_of
from ironglass.studies.runs_compared import run as runs_compared

F = TypeVar("F", bound=Callable[..., Run])


def run(
    plan: Plan,
    folder: str | Path,
    *,
    device: str = "auto",
    download: bool = False,
    resume: bool = False,
    jobs: int = 1,
    progress: Tell = silent,
) -> Run:
    """Runs any plan, and writes the run folder with its report.

    Args:
        plan: `Audit`, `Comparison`, `Hardening`, `Inspection`, `Sweep` or `Transfer`.
        folder: where results, weights and `report.html` are written.
        device: "auto", "cpu", "cuda", ...
        download: whether a named data set may be downloaded.
        resume: whether to continue an interrupted run in the folder.
        jobs: networks trained in parallel, in a sweep or a transfer study.
        progress: called as (task, done, total, detail) while it runs.

    Returns:
        The run folder: `run.results`, `run.path / "report.html"`.

    Raises:
        InputError: for an invalid plan, a folder in use, or jobs > 1 where there is only one network to train.
        KeyboardInterrupt: when interrupted; the same call with `resume` continues.

    Example:
        >>> import ironglass as ig
        >>> stages = (ig.Stage(epochs=1, batch_size=128),)
        >>> parts = {"training": True, "evaluation": True}
        >>> plan = ig.Audit.of_parts(dataset="digits", model="logistic", stages=stages, **parts)
        >>> run = ig.run(plan, "runs/first")
        >>> run.results["evaluation"]["accuracy"]["n"]
        359
    """
    study = study_of(plan)
    if jobs != 1 and not study.parallel:
        check_parallel(plan, f"jobs is {shown(jobs)},")
    options = RunOptions(
        device=device, download=download, resume=resume, jobs=jobs, progress=progress, write_pages=write_pages
    )
    return study.run(plan, Path(folder), options)


def compare_runs(
    runs: Sequence[str | Path],
    folder: str | Path,
    *,
    baseline: str | Path | None = None,
    fail_if: Sequence[str] = (),
    any_size: bool = False,
    any_version: bool = False,
) -> Run:
    """Compares existing runs image by image; `compare` trains the arms of a `Comparison` instead.

    Nothing is trained or measured: the runs' folders are only read. Differences are paired, with McNemar's exact test
    and Holm's correction over all of them.

    Args:
        runs: run folders, two or more; one is enough where `fail_if` is given.
        folder: where the comparison is written, a run folder of its own.
        baseline: the run to compare the others with, one of `runs` or another; None for all pairs.
        fail_if: conditions such as "robust_accuracy[pgd-20,8/255] < 0.40", checked on every run but the baseline and
            kept, with their outcome and date, in `run.results["runs_compared"]["thresholds"]`.
        any_size: whether runs that were shown the images at different sizes are compared, too.
        any_version: whether runs that different versions of ironglass measured are compared, too.

    Returns:
        The folder of the comparison.

    Raises:
        InputError: for a folder that is no evaluated run, for runs that were measured on different images or by
            different versions, and for a condition that is misspelt or that a run has no value of.

    Example:
        >>> import ironglass as ig
        >>> for seed in (0, 1):
        ...     stages = (ig.Stage(epochs=1, batch_size=128),)
        ...     parts = {"training": True, "evaluation": True}
        ...     plan = ig.Audit.of_parts(dataset="digits", model="logistic", stages=stages, seed=seed, **parts)
        ...     run = ig.run(plan, f"runs/seed-{seed}")
        >>> run = ig.compare_runs(["runs/seed-0", "runs/seed-1"], "runs/compared", fail_if=["accuracy < 0.5"])
        >>> [row["missed"] for row in run.results["runs_compared"]["thresholds"]]
        [False, False]
    """
    allowed = {"any_size": any_size, "any_version": any_version}
    options = RunOptions(write_pages=write_pages)
    return runs_compared.compare_runs(runs, folder, baseline=baseline, fail_if=fail_if, **allowed, options=options)


def write_pages(run: Run, *, card: bool = False) -> None:
    """Writes the run's `report.html`; card: also its `README.md`, the model card."""
    from ironglass.report.page.model_card import model_card  # late: matplotlib is slow to import
    from ironglass.report.page.page import write_report

    if card:
        run.write_text("README.md", model_card(run))
    write_report(run)


def _for(study: Study[Any], name: str, function: F, example: str) -> F:
    """Wrapper of `function` that accepts the plans of one study only, with that study's docstring and an example."""

    @wraps(function)
    def call(plan: Any, folder: str | Path, **options: Any) -> Run:
        expect(plan, study.plan, "plan", f"an ironglass.{study.plan.__name__}(...)")
        return function(plan, folder, **options)

    call.__name__ = call.__qualname__ = name
    options = f"plan: an `ironglass.{study.plan.__name__}`. The other arguments are those of `ironglass.run`."
    description = inspect.cleandoc(study.run.__doc__ or "")
    call.__doc__ = f"{description}\n\n{options}\n\nExample:\n{indent(inspect.cleandoc(example), '    ')}\n"
    return cast("F", call)


audit = _for(
    STUDIES["audit"],
    "audit",
    run,
    """
    >>> import ironglass as ig
    >>> stages = (ig.Stage(epochs=1, batch_size=128),)
    >>> attacks = ig.Attacks(methods=("fgsm",), eps=(8 / 255,))
    >>> parts = {"training": True, "attacks": attacks, "sampling": ig.Sampling(images=16)}
    >>> run = ig.audit(ig.Audit.of_parts(dataset="digits", model="logistic", stages=stages, **parts), "runs/first")
    >>> [row["name"] for row in run.results["attacks"]["attacks"]]
    ['fgsm']
    """,
)
compare = _for(
    STUDIES["comparison"],
    "compare",
    run,
    """
    >>> import ironglass as ig
    >>> stages = (ig.Stage(epochs=1, batch_size=128),)
    >>> attacks, sampling = ig.Attacks(methods=("fgsm",), eps=(8 / 255,)), ig.Sampling(images=16)
    >>> parts = {"training": True, "evaluation": True, "attacks": attacks, "sampling": sampling}
    >>> base = ig.Audit.of_parts(dataset="digits", model="logistic", stages=stages, **parts)
    >>> arms = {"long": ig.Arm(stages=(ig.Stage(epochs=2, batch_size=128),))}
    >>> run = ig.compare(ig.Comparison(base=base, arms=arms, images=16), "runs/compared")
    >>> [arm["name"] for arm in run.results["comparison"]["arms"]]
    ['base', 'long']
    """,
)
harden = _for(
    STUDIES["hardening"],
    "harden",
    run,
    """
    >>> import ironglass as ig
    >>> baseline = (ig.Stage(epochs=1, batch_size=128),)
    >>> stages = (ig.Stage(epochs=1, batch_size=128, objective="n-fgsm"),)
    >>> attacks = ig.Attacks(methods=("fgsm",), eps=(8 / 255,))
    >>> parts = {"attacks": attacks, "sampling": ig.Sampling(images=16)}
    >>> after = ig.Audit(dataset="digits", model="logistic", stages=stages, **parts)
    >>> run = ig.harden(ig.Hardening(after=after, baseline=baseline), "runs/hardened")
    >>> [row["name"] for row in run.results["hardening"]["rows"]]
    ['clean', 'fgsm', 'worst']
    """,
)
inspect_data = _for(
    STUDIES["inspection"],
    "inspect_data",
    run,
    """
    >>> import ironglass as ig
    >>> run = ig.inspect_data(ig.Inspection(dataset="digits"), "runs/inspected")
    >>> run.results["inspection"]["inventory"]["distinct_sizes"]
    1
    """,
)
sweep = _for(
    STUDIES["sweep"],
    "sweep",
    run,
    """
    >>> import ironglass as ig
    >>> stages = (ig.Stage(epochs=1, batch_size=128),)
    >>> trial = ig.Audit(dataset="digits", model="logistic", stages=stages)
    >>> run = ig.sweep(ig.Sweep(trial=trial, vary={"stages.0.peak_lr": (0.1, 0.01)}), "runs/swept")
    >>> len(run.results["sweep"]["rows"])
    2
    """,
)
transfer = _for(
    STUDIES["transfer"],
    "transfer",
    run,
    """
    >>> import ironglass as ig
    >>> source = ig.Audit(name="source", dataset="planted", model="simple-cnn")
    >>> target = ig.Audit(name="target", dataset="digits", model="simple-cnn")
    >>> plan = ig.Transfer(source=source, target=target, blocks=(0, 2), controls=(0,))
    >>> plan.blocks
    (0, 2)
    >>> run = ig.transfer(plan, "runs/transferred")  # doctest: +SKIP
    """,
)
