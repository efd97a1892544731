"""Any plan, run by the study that it is for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from ironglass.choices import shown
from ironglass.errors import InputError
from ironglass.plans.audit import Audit
from ironglass.plans.comparison import Comparison
from ironglass.plans.hardening import Hardening
from ironglass.plans.sweep import Sweep
from ironglass.plans.transfer import Transfer
from ironglass.run import Run
from ironglass.studies.audit import audit
from ironglass.studies.common.progress import Tell
from ironglass.studies.comparison.run import compare
from ironglass.studies.hardening import harden
from ironglass.studies.sweep.run import sweep
from ironglass.studies.transfer.run import transfer

Plan: TypeAlias = Audit | Comparison | Hardening | Sweep | Transfer

STUDIES: dict[type, Callable[..., Run]] = {
    Audit: audit,
    Comparison: compare,
    Hardening: harden,
    Sweep: sweep,
    Transfer: transfer,
}
"""The function that runs each kind of plan."""
PARALLEL = (sweep, transfer)
"""Those that train several networks, and take `jobs`."""


def run(
    plan: Plan,
    folder: str | Path,
    *,
    jobs: int = 1,
    device: str = "auto",
    download: bool = False,
    resume: bool = False,
    tell: Tell = lambda what, done, of, detail: None,
) -> Run:
    """Runs any plan, and writes the run folder with its report.

    Args:
        plan: `Audit`, `Comparison`, `Hardening`, `Sweep` or `Transfer`.
        folder: where results, weights and `report.html` are written.
        jobs: networks trained at once, of a sweep or a transfer study.
        device: "auto", "cpu", "cuda", ...
        download: whether a data set that is named may be fetched.
        resume: whether to go on with what is in the folder.
        tell: called as (what is being done, done, of, detail) while it runs.

    Returns:
        The run folder: `run.results`, `run.path / "report.html"`.

    Raises:
        InputError: for a plan that is wrong, a folder in use, jobs where there is one network to train.
        KeyboardInterrupt: when interrupted; the same call with `resume` goes on.

    Example:
        run = ig.run(ig.Audit(model="simple-cnn", dataset="digits", attacks=("pgd-20",)), "runs/first")
    """
    study = next((study for kind, study in STUDIES.items() if isinstance(plan, kind)), None)
    if study is None:
        kinds = ", ".join(f"{kind.__name__}(...)" for kind in STUDIES)
        raise InputError(f"plan is {shown(plan)}: give one of ironglass.{kinds}")
    fields: dict[str, Any] = {"device": device, "download": download, "resume": resume, "tell": tell}
    if study in PARALLEL:
        fields["jobs"] = jobs
    elif jobs != 1:
        raise InputError(f"jobs is {shown(jobs)}, for a sweep or a transfer, and {plan.name} is neither: leave it out")
    return study(plan, folder, **fields)
