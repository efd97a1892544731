"""Recipes as older versions of ironglass wrote them into run folders; light, since every run reads through it."""

from __future__ import annotations

from typing import Any, cast

from ironglass.errors import InputError, brief
from ironglass.run.recipe_versions import TRANSFER_FIELDS, has_methods, moved, nested, plain

DEFAULTS: dict[str, dict[str, Any]] = {
    "corruptions": {"names": [], "images": 1000},
    "patches": {"sizes": [], "images": 200, "fill": None, "stride": None},
    "explanation": {
        "methods": [], "target": "predicted", "images": "random", "chosen": [], "hide": "", "quality": 32,
        "pictures": False, "batch": 64, "attacks": None, "patch": None, "stride": None, "budget": None,
    },
}  # fmt: skip
"""Parts that ask for nothing as they stand, with the fields that older recipes do not have."""


IGNORED = {"description": None, "data_checks": None, "against": None}
"""Fields in which a run may differ from the one that it resumes."""
OF_LINF = ("FGSMTraining", "FastAT", "NFGSM", "PGDTraining", "Free", "TRADES", "MART", "OverfittingGuard")
"""Kinds of objectives, and the guard, that had no norm and were all of linf."""


def upgrade_recipe(recipe: Any) -> Any:
    """The value of `recipe.json`, or of a part of it, as this version writes it; one of this version as it stands."""
    if isinstance(recipe, list):
        return [upgrade_recipe(value) for value in cast("list[Any]", recipe)]
    if not isinstance(recipe, dict):
        return recipe
    fields = _with_stage_fields(cast("dict[str, Any]", recipe))
    if isinstance(sampling := fields.get("sampling"), dict):  # an audit, which had no seed of its own here, no checks
        sampling = {**cast("dict[str, Any]", sampling), "seed": cast("dict[str, Any]", sampling).get("seed")}
        fields = {"data_checks": False, "against": None, **fields, "sampling": sampling}
    if "image_column" in fields:  # a plan of training: one of before leaves nothing out, and balances nothing
        fields = {"leave_out": None, **({"balance": "none"} if "stages" in fields else {}), **fields}
    if "baseline" in fields and "after" in fields:  # a hardening, which had no curve over eps and one seed before
        fields = {"curve_eps": [], "curve_images": 250, "seeds": 1, **fields}
    if "chosen" in fields and "hide" in fields:  # an explanation, which had no budget before
        fields = {"budget": None, **fields}
    if "base" in fields and "arms" in fields:  # a comparison, which had one seed before
        fields = {"seeds": 1, **fields}
    for part in ("trial", "after"):  # of a sweep and a hardening, which attack whatever the steps are
        audit = cast("dict[str, Any]", fields.get(part))
        if isinstance(audit, dict) and isinstance(audit.get("steps"), list) and has_methods(audit.get("attacks")):
            fields = {**fields, part: {**audit, "steps": [*audit["steps"], "attack"]}}
    if "judged" in fields and "own_eps" in fields:  # a transfer study
        fields = {TRANSFER_FIELDS.get(name, name): value for name, value in fields.items()}
    if isinstance(fields.get("vary"), dict):
        vary = {moved(path): values for path, values in fields["vary"].items()}
        fields = {"choose_by": "auto", **fields, "vary": vary}
    if not isinstance(fields.get("steps"), list):  # no audit, or one of this version
        return {name: upgrade_recipe(value) for name, value in fields.items()}
    try:
        upgraded = nested(fields)
    except InputError:  # nothing that ironglass wrote
        return fields
    if "stages" in upgraded:
        upgraded["stages"] = upgrade_recipe(upgraded["stages"])
    upgraded.pop("omitted", None)
    upgraded.setdefault("explanation", None)
    upgraded.setdefault("data_checks", False)
    upgraded.setdefault("against", None)
    if isinstance(upgraded.get("sampling"), dict):
        upgraded["sampling"] = {**upgraded["sampling"], "seed": None}
    for part, usual in DEFAULTS.items():
        if upgraded.get(part) is not None:
            values = usual | plain(upgraded[part], part)
            upgraded[part] = None if values == usual else values
    return upgraded


def _with_stage_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """A stage, an objective or a guard with the fields that older recipes do not have; other fields as they stand."""
    if fields.get("kind") in OF_LINF:
        return {"norm": "linf", **fields}
    return {"eps_ramp": 0.0, **fields} if "peak_lr" in fields and "objective" in fields else fields


def settings_of(recipe: dict[str, Any]) -> dict[str, Any]:
    """Settings that a run shares with the one that it resumes: the recipe by this version's names, without words and
    without the data checks, which change no other number."""
    settings: dict[str, Any] = {**upgrade_recipe(recipe), **IGNORED}
    for part in ("trial", "after", "base", "source", "target"):
        if isinstance(settings.get(part), dict):
            settings[part] = {**settings[part], **IGNORED}
    return settings


def first_difference(before: Any, now: Any, path: str = "") -> str:
    """The first field, as "stages.0.epochs in recipe.json: 3, and now 4", in which two recipes differ; "" for none."""
    if isinstance(before, dict) and isinstance(now, dict):
        pairs = [(name, before.get(name, "absent"), now.get(name, "absent")) for name in {**before, **now}]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = [(number, *pair) for number, pair in enumerate(zip(before, now, strict=True))]
    else:
        return "" if before == now else f"{path or 'all'} in recipe.json: {brief(before)}, and now {brief(now)}"
    differences = (first_difference(one, other, f"{path}.{name}".lstrip(".")) for name, one, other in pairs)
    return next(filter(None, differences), "")
