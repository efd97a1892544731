"""From what was typed to a plan, and from a plan to its run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ironglass.errors import InputError

if TYPE_CHECKING:
    from ironglass.studies.plan import Audit


def model_fields(
    model: str,
    data: str,
    size: int | None,
    weights: str | None,
    pretrained: bool,
    image_column: str | None,
    label_column: str | None,
) -> dict[str, Any]:
    """The recipe's fields that name a model and its data."""
    return {
        "model": model,
        "dataset": data,
        "size": size,
        "weights": weights,
        "pretrained": pretrained,
        "image_column": image_column,
        "label_column": label_column,
    }


def make_plan(
    name: str, steps: tuple[str, ...], changes: list[str] | None, *, seed: int | None, **fields: Any
) -> Audit:
    """The audit a verb stands for. Raises InputError for a value that a field does not take."""
    from pydantic import ValidationError

    from ironglass.studies.plan import Audit

    try:
        plan = Audit(name=name, steps=steps, **fields)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where}: {first['msg']}, not {first['input']!r}") from error
    return changed(plan, changes, seed=seed)


def changed(plan: Audit, changes: list[str] | None, **fields: Any) -> Audit:
    """The plan with the options that were given, and then each --set."""
    import dataclasses

    from ironglass.train.record import override

    plan = dataclasses.replace(plan, **{name: value for name, value in fields.items() if value is not None})
    for change in changes or []:
        path, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"--set {change}: write FIELD=VALUE, for instance stages.0.epochs=3")
        plan = override(plan, path.strip(), value)
    return plan


def run_plan(
    plan: Audit, output: Path | None, *, as_json: bool, quiet: bool, device: str, download: bool, resume: bool
) -> None:
    """Runs the plan with a progress bar and shows what came of it."""
    from ironglass.cli.show import progress_bars, show_run
    from ironglass.studies.audit import audit
    from ironglass.studies.environment import rank

    helps = rank() > 0
    folder = free_folder(output, plan.name, resume)
    with progress_bars(quiet or helps) as tell:
        found = audit(plan, folder, device=device, download=download, resume=resume, tell=tell)
    if not helps:
        show_run(found, as_json=as_json, quiet=quiet)


def free_folder(output: Path | None, name: str, resume: bool) -> Path:
    """The folder asked for, or the next free `runs/NAME-k`; to resume, the newest that there is."""
    if output is not None:
        return output
    base = Path("runs")
    number = 1
    while (base / f"{name}-{number}").exists():
        number += 1
    if resume and number == 1:
        raise InputError(f"there is no run of {name} in {base} to resume: name its folder with --output")
    return base / f"{name}-{number - 1 if resume else number}"
