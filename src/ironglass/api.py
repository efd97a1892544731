"""The functions that run plans: `run` any plan, the others plans of one kind. Here the options of a run are made once,
and here the report is written."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

from ironglass.choices import shown
from ironglass.fields import expect
from ironglass.run import Run
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.progress import Tell, silent
from ironglass.studies.common.study import Plan, Study
from ironglass.studies.registry import STUDIES, check_parallel, study_of

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
        plan: `Audit`, `Comparison`, `Hardening`, `Sweep` or `Transfer`.
        folder: where results, weights and `report.html` are written.
        device: "auto", "cpu", "cuda", ...
        download: whether a data set that is named may be fetched.
        resume: whether to go on with what is in the folder.
        jobs: networks trained at once, of a sweep or a transfer study.
        progress: called as (what is being done, done, of, detail) while it runs.

    Returns:
        The run folder: `run.results`, `run.path / "report.html"`.

    Raises:
        InputError: for a plan that is wrong, a folder in use, jobs where there is one network to train.
        KeyboardInterrupt: when interrupted; the same call with `resume` goes on.

    Example:
        run = ig.run(ig.Audit(model="simple-cnn", dataset="digits", attacks=("pgd-20",)), "runs/first")
    """
    study = study_of(plan)
    if jobs != 1 and not study.parallel:
        check_parallel(plan, f"jobs is {shown(jobs)},")
    options = RunOptions(
        device=device, download=download, resume=resume, jobs=jobs, progress=progress, write_pages=write_pages
    )
    return study.run(plan, Path(folder), options)


def write_pages(run: Run, *, card: bool = False) -> None:
    """Writes the run's `report.html`; card: and its `README.md`, the model card."""
    from ironglass.report.page.model_card import model_card  # late: matplotlib takes its time
    from ironglass.report.page.page import write_report

    if card:
        known = {"recipe": run.read("recipe.json"), "data": run.read("data.json"), "results": run.results}
        run.write_text("README.md", model_card(**known, environment=run.read("environment.json")))
    write_report(run)


def _for(study: Study[Any], name: str, function: F) -> F:
    """`function` for the plans of one study, with that study's own words."""

    @wraps(function)
    def call(plan: Any, folder: str | Path, **options: Any) -> Run:
        expect(plan, study.plan, "plan", f"an ironglass.{study.plan.__name__}(...)")
        return function(plan, folder, **options)

    call.__name__ = call.__qualname__ = name
    options = f"plan: an `ironglass.{study.plan.__name__}`. The other arguments are those of `ironglass.run`."
    call.__doc__ = f"{inspect.cleandoc(study.run.__doc__ or '')}\n\n{options}"
    return cast("F", call)


audit = _for(STUDIES["audit"], "audit", run)
compare = _for(STUDIES["comparison"], "compare", run)
harden = _for(STUDIES["hardening"], "harden", run)
sweep = _for(STUDIES["sweep"], "sweep", run)
transfer = _for(STUDIES["transfer"], "transfer", run)
