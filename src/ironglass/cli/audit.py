"""The verb `audit`: everything about a trained model, without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ironglass.cli import options as o
from ironglass.cli.plans import make_plan, run_plan

if TYPE_CHECKING:
    from ironglass.plans.audit import Audit

FULL: dict[str, Any] = {
    "attacks": {"methods": ("fgsm", "pgd-20", "apgd-ce", "square"), "eps": ("2/255", "4/255", "8/255")},
    "corruptions": {"names": ("all",)},
}
"""Fields of the audit that `ironglass audit` runs."""
QUICK: dict[str, Any] = {
    "attacks": {"methods": ("fgsm", "pgd-20"), "eps": ("8/255",)},
    "corruptions": {"names": ("gaussian-noise", "defocus-blur", "fog", "jpeg"), "images": 200},
    "occlusion": {"masks": ("grey",)},
    "samples": 128,
    "probe_images": 500,
    "shown": 6,
}
"""The same with `--quick`."""
STEPS = ("evaluate", "corrupt", "explain", "attack")


def omissions(quick: Audit, full: Audit) -> list[str]:
    """Measurements of a full audit that a quick one omits, a line each."""
    from ironglass.plans.names import list_corruptions
    from ironglass.report.kit.words import eps_text, listed

    def missing(present: Sequence[str], expected: Sequence[str]) -> str:
        return listed([name for name in expected if name not in present])

    corruptions = len(list_corruptions()) - len(quick.corruptions.names)
    eps = missing([*map(eps_text, quick.attacks.eps)], [*map(eps_text, full.attacks.eps)])
    omitted = {
        "attacks": missing([*map(str, quick.attacks.methods)], [*map(str, full.attacks.methods)]),
        "attacks at eps": eps,
        "corruptions:": "" if "all" in quick.corruptions.names or corruptions <= 0 else f"{corruptions} kinds",
        "occlusion by": missing(quick.occlusion.masks, full.occlusion.masks),
        "images under attack and occlusion beyond": _fewer(quick.samples, full.samples),
        "images under corruptions beyond": _fewer(quick.corruptions.images, full.corruptions.images),
        "images for the probes of layers beyond": _fewer(quick.probe_images, full.probe_images),
    }
    return [f"{label} {names}" for label, names in omitted.items() if names]


def _fewer(quick: int, full: int) -> str:
    return f"{quick:,}" if quick < full else ""


def audit(
    model: o.Model,
    data: o.Data,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer images, attacks and corruptions; says what was left out.")
    ] = False,
    split: o.Split = "auto",
    *,
    network: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Everything about a trained model, without training: accuracy, corruptions, layers, occlusion, attacks."""
    from ironglass.plans.audit import Audit

    fields = QUICK if quick else FULL
    plan = make_plan("audit", STEPS, model, data, network, source, common, outputs, split=split, **fields)
    omitted = omissions(plan, Audit(dataset=data, model=model, steps=STEPS, **FULL)) if quick else []
    if omitted and not plan.description:
        plan = replace(plan, description=f"A quick audit of {model}. Left out: {'; '.join(omitted)}.")
    run_plan(plan, common, download=source.download)
    if omitted and not common.as_json and not common.quiet:
        print("left out by --quick:", *(f"  {line}" for line in omitted), sep="\n")
