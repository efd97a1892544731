"""Recipes as older versions of ironglass wrote them, and programs still do; light, since every run reads through it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from ironglass.errors import InputError, brief

STEPS = ("train", "evaluate", "corrupt", "explain", "attack")
"""Entries of the former field `steps`; a part is done now where it is present."""
MOVED = {
    "attacks": ("attacks", "methods"),
    "norm": ("attacks", "norm"),
    "eps": ("attacks", "eps"),
    "attack_batch": ("attacks", "batch"),
    "masks": ("occlusion", "masks"),
    "patch": ("occlusion", "patch"),
    "stride": ("occlusion", "stride"),
    "patches": ("patches", "sizes"),
    "patch_images": ("patches", "images"),
    "corruptions": ("corruptions", "names"),
    "corruption_images": ("corruptions", "images"),
    "guard": ("guard", "mode"),
    "guard_eps": ("guard", "eps"),
    "samples": ("sampling", "images"),
    "shown": ("sampling", "report_images"),
    "probe_images": ("layers", "probe_images"),
}
"""Fields of an audit that were side by side before version 0.3: the part and the field they are now."""
FORMER = frozenset({name for name, (part, _) in MOVED.items() if name != part} | {"steps", "explained"})
"""Names of an audit's fields that are fields no more, and are still accepted."""
SHORT = {part: field for name, (part, field) in MOVED.items() if name == part} | {"explanation": "methods"}
"""The field that may stand for the whole of its part."""
TRANSFER_FIELDS = {
    "frozen": "frozen_stages",
    "plus": "fine_tuned_stages",
    "shown": "transfer_attacks",
    "judged": "headline_eps",
    "own": "white_box_attacks",
    "own_eps": "white_box_eps",
    "own_images": "white_box_images",
}
"""Fields of a transfer study by their names before version 0.3, and today's."""
EXPLAINING = ("layers", "occlusion", "patches", "explanation")
"""Parts that the former step `explain` stood for."""
ON = ("attacks", "layers", "occlusion")
"""Parts that an audit has where nothing else is asked for."""


def nested(source: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of an audit, those of former versions put into the parts that they have become.

    `eps=(0.1,)` is `attacks={"eps": (0.1,)}`. `steps` takes out the parts that it does not name; they are kept under
    `omitted`, for studies that say themselves what is done. `explained`, with methods, stands in place of `layers` and
    `occlusion`, whose patch it takes. A former name never adds a part that the audit is without. Raises InputError
    for a field given in both ways, a step that there is not, and corruptions that no step measures.
    """
    fields = dict(source)
    omitted = {part: value for part, value in plain(fields.pop("omitted", None), "").items() if value is not None}
    for name, (part, field) in MOVED.items():
        if name != part and name in fields:
            whole_part = source.get(part)
            if isinstance(whole_part, Mapping) and field in whole_part:
                raise InputError(f"{name} is given twice, as {name} and as {part}.{field}: leave one of them out")
            _move(fields, omitted, name, part, field)
    if "explained" in fields:
        _explain(fields, omitted)
    if "steps" in fields:
        _take_steps(fields, omitted)
    if "occlusion" in omitted:
        _share_patch(fields, plain(omitted["occlusion"], "occlusion"))
    if has_methods(fields.get("explanation")):
        for part in ("layers", "occlusion"):
            fields.setdefault(part, None)
    return fields | ({"omitted": omitted} if omitted else {})


def renamed(source: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The fields by today's names. Raises InputError for a field that is given by both of its names."""
    if twice := [former for former, name in names.items() if former in source and name in source]:
        raise InputError(f"{names[twice[0]]} is given twice, also by its former name {twice[0]}: leave that out")
    return {names.get(name, name): value for name, value in source.items()}


def plain(value: Any, part: str) -> dict[str, Any]:
    """Fields of a part that is given as a dataclass, a dict, or in short; {} for None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    return {} if value is None else {SHORT.get(part, part): value}


def has_methods(part: Any) -> bool:
    """Tells whether attacks or an explanation, given in any form, name methods."""
    return _names(plain(part, "explanation").get("methods"))


def _names(value: Any) -> bool:
    """Tells whether there is any name; not for a value that names nothing, as a tensor."""
    return isinstance(value, str | list | tuple | set) and bool(value)


def _move(fields: dict[str, Any], omitted: dict[str, Any], name: str, part: str, field: str) -> None:
    value = fields.pop(name)
    if fields.get(part, ()) is None and (part in ON or part in omitted):
        omitted[part] = {**plain(omitted.get(part), part), field: value}
        if part == "occlusion":
            _share_patch(fields, {field: value}, anew=True)
        return
    fields[part] = {**plain(fields.get(part), part), field: value}


def _share_patch(fields: dict[str, Any], occlusion: Mapping[str, Any], *, anew: bool = False) -> None:
    """Gives settings of an occlusion that is left out to the other parts that took them from there.

    anew: also where these have their own.
    """
    masks = occlusion.get("masks")
    size = {name: occlusion[name] for name in ("patch", "stride") if occlusion.get(name) is not None}
    search = {name: value for name, value in size.items() if name == "stride"}
    if isinstance(masks, list | tuple) and masks:
        search["fill"] = None if masks[0] == "grey" else masks[0]
    for part, values in {"explanation": size, "patches": search}.items():
        inner = plain(fields.get(part), part)
        if _names(inner.get("methods")) or _names(inner.get("sizes")):
            fields[part] = inner | {name: value for name, value in values.items() if anew or inner.get(name) is None}


def _explain(fields: dict[str, Any], omitted: dict[str, Any]) -> None:
    """The former field `explained`: maps by named methods, or of every layer where it names none."""
    former, before = fields.pop("explained"), fields.get("explanation")
    if isinstance(before, Mapping):
        raise InputError("explained is given twice, as explained and as explanation: leave one of them out")
    if "explanation" in fields and all(fields.get(part) is None for part in EXPLAINING if part != "patches"):
        omitted["explanation"] = former
        return
    if not has_methods(former):
        fields["explanation"] = former
        for part in ("layers", "occlusion") if has_methods(before) else ():
            _restore(fields, omitted, part)
        return
    settings = {
        name: value for name, value in plain(before, "explanation").items() if name in ("attacks", "patch", "stride")
    }
    named = {name: value for name, value in plain(former, "explanation").items() if value is not None}
    fields["explanation"] = settings | named
    for part in ("layers", "occlusion"):
        _omit(fields, omitted, part)


def _take_steps(fields: dict[str, Any], omitted: dict[str, Any]) -> None:
    steps: Any = fields.pop("steps")
    if not isinstance(steps, list | tuple):
        raise InputError(f"steps is {brief(steps)}: give a list of {', '.join(STEPS)}")
    for number, step in enumerate(cast("list[Any]", steps)):
        if step not in STEPS:
            raise InputError(f"steps.{number} is {brief(step)}: choose from {', '.join(STEPS)}")
    fields |= {"training": "train" in steps, "evaluation": "evaluate" in steps}
    corruptions = plain(fields.get("corruptions"), "corruptions")
    if _names(corruptions.get("names")) and "corrupt" not in steps:
        raise InputError("corruptions are named, and no step measures them: add corrupt to steps")
    if "explain" in steps:
        for part in ("explanation", "patches"):
            _restore(fields, omitted, part)
        for part in () if has_methods(fields.get("explanation")) else ("layers", "occlusion"):
            _restore(fields, omitted, part)
        _attack_explained(fields, attacked="attack" in steps)
    else:
        for part in EXPLAINING:
            _omit(fields, omitted, part)
    (_restore if "attack" in steps else _omit)(fields, omitted, "attacks")


def _attack_explained(fields: dict[str, Any], *, attacked: bool) -> None:
    """Maps by named methods were compared under the named attacks, also where no step made them."""
    explanation, attacks = fields.get("explanation"), fields.get("attacks")
    if not attacked and has_methods(explanation) and has_methods(attacks):
        fields["explanation"] = {**plain(explanation, "explanation"), "attacks": attacks}


def _omit(fields: dict[str, Any], omitted: dict[str, Any], part: str) -> None:
    if fields.get(part) is not None:
        omitted[part] = fields[part]
    fields[part] = None


def _restore(fields: dict[str, Any], omitted: dict[str, Any], part: str) -> None:
    if fields.get(part, ()) is None:
        if part in omitted:
            fields[part] = omitted.pop(part)
        elif part in ON:
            del fields[part]


def moved(path: str) -> str:
    """The path of a field, as `--set` and a sweep take it, by the names of this version."""
    name, dot, rest = path.partition(".")
    if name == "explained":
        return f"explanation{dot}{rest}"
    part, field = MOVED.get(name, (name, ""))
    return path if part == name else f"{part}.{field}{dot}{rest}"
