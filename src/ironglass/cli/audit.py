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

WHOLE: dict[str, Any] = {
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


def left_out(quick: Audit, whole: Audit) -> list[str]:
    """Measurements of a whole audit that a quick one leaves out, a line each."""
    from ironglass.plans.names import list_corruptions
    from ironglass.report.kit.words import eps_text, listed

    def lacking(has: Sequence[str], wanted: Sequence[str]) -> str:
        return listed([name for name in wanted if name not in has])

    corruptions = len(list_corruptions()) - len(quick.corruptions.names)
    eps = lacking([*map(eps_text, quick.attacks.eps)], [*map(eps_text, whole.attacks.eps)])
    parts = {
        "attacks": lacking([*map(str, quick.attacks.methods)], [*map(str, whole.attacks.methods)]),
        "attacks at eps": eps,
        "corruptions:": "" if "all" in quick.corruptions.names or corruptions <= 0 else f"{corruptions} kinds",
        "occlusion by": lacking(quick.occlusion.masks, whole.occlusion.masks),
        "images under attack and occlusion beyond": _fewer(quick.samples, whole.samples),
        "images under corruptions beyond": _fewer(quick.corruptions.images, whole.corruptions.images),
        "images for the probes of layers beyond": _fewer(quick.probe_images, whole.probe_images),
    }
    return [f"{what} {which}" for what, which in parts.items() if which]


def _fewer(quick: int, whole: int) -> str:
    return f"{quick:,}" if quick < whole else ""


def audit(
    model: o.Model,
    data: o.Data,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer images, attacks and corruptions; says what was left out.")
    ] = False,
    split: o.Split = "auto",
    *,
    filled: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Everything about a trained model, without training: accuracy, corruptions, layers, occlusion, attacks."""
    from ironglass.plans.audit import Audit

    fields = QUICK if quick else WHOLE
    plan = make_plan("audit", STEPS, model, data, filled, source, common, outputs, split=split, **fields)
    said = left_out(plan, Audit(dataset=data, model=model, steps=STEPS, **WHOLE)) if quick else []
    if said and not plan.description:
        plan = replace(plan, description=f"A quick audit of {model}. Left out: {'; '.join(said)}.")
    run_plan(plan, common, download=source.download)
    if said and not common.as_json and not common.quiet:
        print("left out by --quick:", *(f"  {what}" for what in said), sep="\n")
