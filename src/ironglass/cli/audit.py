"""The verbs `audit`, everything about a trained model without training, and `certify`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ironglass.cli import options as o
from ironglass.cli.plans import against_field, make_plan, optional_entries, run_plan, split_entries

if TYPE_CHECKING:
    from ironglass.plans.attacks import Attacks
    from ironglass.plans.audit import Audit
    from ironglass.plans.parts import Corruptions, Layers, OcclusionCurve

FULL: dict[str, Any] = {
    "attacks": {"methods": ("fgsm", "pgd-20", "apgd-ce", "square"), "eps": ("2/255", "4/255", "8/255")},
    "corruptions": {"names": ("all",)},
    "occlusion": {},
    "layers": {},
}
"""Fields of the audit that `ironglass audit` runs."""
QUICK: dict[str, Any] = {
    "attacks": {"methods": ("fgsm", "pgd-20"), "eps": ("8/255",)},
    "corruptions": {"names": ("gaussian-noise", "defocus-blur", "fog", "jpeg"), "images": 200},
    "occlusion": {"masks": ("grey",)},
    "layers": {"probe_images": 500},
    "sampling": {"images": 128, "report_images": 6},
}
"""The same with `--quick`."""


def omissions(quick: Audit, full: Audit) -> list[str]:
    """Measurements of a full audit that a quick one omits, a line each."""
    from ironglass.plans.names import list_corruptions
    from ironglass.report.kit.words import eps_text, listed

    def missing(present: Sequence[str], expected: Sequence[str]) -> str:
        return listed([name for name in expected if name not in present])

    attacks, corruptions, occlusion, layers = _parts(quick)
    all_attacks, all_corruptions, all_occlusion, all_layers = _parts(full)
    kinds = len(list_corruptions()) - len(corruptions.names)
    omitted = {
        "attacks": missing([*map(str, attacks.methods)], [*map(str, all_attacks.methods)]),
        "attacks at eps": missing([*map(eps_text, attacks.eps)], [*map(eps_text, all_attacks.eps)]),
        "corruptions:": "" if "all" in corruptions.names or kinds <= 0 else f"{kinds} kinds",
        "occlusion by": missing(occlusion.masks, all_occlusion.masks),
        "images under attack and occlusion beyond": _fewer(quick.sampling.images, full.sampling.images),
        "images under corruptions beyond": _fewer(corruptions.images, all_corruptions.images),
        "images for the probes of layers beyond": _fewer(layers.probe_images, all_layers.probe_images),
    }
    return [f"{label} {names}" for label, names in omitted.items() if names]


def _parts(plan: Audit) -> tuple[Attacks, Corruptions, OcclusionCurve, Layers]:
    """Parts of the plan; of one that is absent, one that measures nothing."""
    from ironglass.plans.attacks import Attacks
    from ironglass.plans.parts import Corruptions, Layers, OcclusionCurve

    return (
        plan.attacks or Attacks(eps=()),
        plan.corruptions or Corruptions(),
        plan.occlusion or OcclusionCurve(masks=()),
        plan.layers or Layers(),
    )


def _fewer(quick: int, full: int) -> str:
    return f"{quick:,}" if quick < full else ""


def audit(
    model: o.Model,
    data: o.Data,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer images, attacks and corruptions; says what was left out.")
    ] = False,
    split: o.Split = "auto",
    slice_by: o.SliceBy = None,
    against: o.Against = None,
    *,
    network: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Everything about a trained model, without training: accuracy, corruptions, layers, occlusion, attacks."""
    from ironglass.plans.audit import Audit

    parts = {"evaluation": True, **against_field(against)} | (QUICK if quick else FULL)
    fields = {"split": split, "slices": optional_entries(slice_by)}
    plan = make_plan("audit", parts, model, data, network, source, common, outputs, **fields)
    omitted = omissions(plan, Audit(dataset=data, model=model, training=False, **FULL)) if quick else []
    if omitted and not plan.description:
        plan = replace(plan, description=f"A quick audit of {model}. Left out: {'; '.join(omitted)}.")
    run_plan(plan, common, download=source.download)
    if omitted and not common.as_json and not common.quiet:
        print("left out by --quick:", *(f"  {line}" for line in omitted), sep="\n")


def certify(
    model: o.Model,
    data: o.Data,
    eps: Annotated[
        str | None, typer.Option(help="Sizes of the change; else 1/255,2/255,8/255, for l2 0.25,0.5.")
    ] = None,
    norm: Annotated[str, typer.Option(help="Norm of the changes: linf or l2.")] = "linf",
    method: Annotated[
        str, typer.Option(help="auto, linear, interval, crown-ibp, crown; or smoothing, for any network under l2.")
    ] = "auto",
    attack: Annotated[
        str, typer.Option(help="Attack on the images that are not certified: apgd-ce, ensemble, pgd-20, ...; or none.")
    ] = "apgd-ce",
    sigma: Annotated[float, typer.Option(help="Smoothing: deviation of the noise, in units of [0, 1].")] = 0.25,
    draws: Annotated[int, typer.Option(help="Smoothing: noisy images an image.")] = 10_000,
    alpha: Annotated[float, typer.Option(help="Smoothing: probability that a certificate is wrong, an image.")] = 0.001,
    *,
    sampling: o.Sampling,
    network: o.Weights,
    outputs: o.Outputs,
    source: o.Source,
    common: o.Common,
) -> None:
    """Proofs that no change within eps fools the model, and an attack on the rest: robust accuracy from both sides."""
    default_eps = "0.25,0.5" if norm == "l2" else "1/255,2/255,8/255"
    certification = {
        "eps": split_entries(default_eps if eps is None else eps),
        "norm": norm,
        "method": method,
        "attack": None if attack == "none" else attack,
        "sigma": sigma,
        "draws": draws,
        "alpha": alpha,
    }
    parts = {"evaluation": True, "certification": certification}
    plan = make_plan("certify", parts, model, data, network, source, common, outputs, **sampling.fields)
    run_plan(plan, common, download=source.download)
