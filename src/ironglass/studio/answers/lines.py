"""Python lines and commands that give the numbers of the page again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, fields, replace
from typing import Any

from ironglass.models.loading.native import knows_classes
from ironglass.plans.audit import NOTHING, Audit
from ironglass.studio.answers.request import STEPS, Request
from ironglass.studio.answers.view import View
from ironglass.studio.edit.strokes import Donor
from ironglass.studio.load import Opened
from ironglass.types import Images

OPTIONS = {"size": "--size", "weights": "--weights", "normalise": "--normalise", "fit": "--fit"}
"""Fields of a plan that a command takes as they are."""


@dataclass(frozen=True, kw_only=True)
class Picked:
    """The picture of a request, and all that it needs besides the request's own numbers.

    opened: the model, and its data.
    images: the picture, (1, c, h, w).
    label: its true class; None where nobody knows.
    index: its position in the split; None where it was opened from a file, and is saved as photo.png.
    donors: pictures that strokes take pixels from, (1, c, h, w) each.
    donor_index: their positions in the split; None for one that is saved as donor-N.png.
    second: the other model; None where there is none.
    """

    opened: Opened
    images: Images
    label: int | None
    index: int | None
    donors: tuple[Images, ...] = ()
    donor_index: tuple[int | None, ...] = ()
    second: Opened | None = None


def python_lines(picked: Picked, request: Request, shown: View) -> str:
    """A program that makes `changed`, `logits` and `maps` as they stand in the page's JSON, bit for bit, and
    `second_logits` and `second_maps` where there are two models."""
    opened, strokes = picked.opened, request.strokes
    device = opened.classifier.device
    moved = "" if device.type == "cpu" else ".to(classifier.device)"
    lines = ["import torch", "", "import ironglass as ig", *_imports(picked, request), ""]
    lines += [f"opened = {_load(opened)}", "classifier = opened.classifier"]
    lines += [f"picture = {_picture(opened, picked.index, 'photo.png')}"]
    lines += ["picture = picture.to(classifier.device)"] if moved else []
    changed = "picture"
    if request.degrees:
        lines += [f"rotated = rotate(picture, {request.degrees:g})  # degrees, counter-clockwise"]
        changed = "rotated"
    if strokes:
        lines += ["strokes = [", *(f"    {stroke!r}," for stroke in strokes), "]"]
        more = ""
        if picked.donors:
            donors = [_picture(opened, i, f"donor-{n}.png", end=",") for n, i in enumerate(picked.donor_index)]
            lines += ["donors = [", *(f"    {donor}" for donor in donors), "]"]
            more = ", donors"
        lines += [f"painted = paint({changed}, strokes{more})"]
        changed = "painted"
    if shown.attacked_label is not None:
        label, size = shown.attacked_label, f"{request.steps} / {STEPS[request.norm]}"
        lines += [
            f"labels = torch.tensor([{label}])" + _class_comment(opened, label),
            f"result = ig.attack(classifier, {changed}, labels, {request.attack!r}, eps={size}, norm={request.norm!r})",
        ]
        changed = "result.adversarial"
    lines += [f"changed = {changed}", "pair = torch.cat([picture, changed])  # original and modified"]
    lines += ["with torch.no_grad():", "    logits = classifier.eval()(pair)"]
    if request.method:
        targets = f"targets = torch.tensor([{shown.target}, {shown.target}])" + _class_comment(opened, shown.target)
        lines += [targets, f"maps = ig.explain(classifier, pair, targets, {request.method!r})"]
    lines += ["print(logits.softmax(1))"]
    if picked.second is not None:
        lines += ["", f"second = {_load(picked.second)}.classifier"]
        lines += ["with torch.no_grad():", "    second_logits = second.eval()(pair)"]
        lines += [f"second_maps = ig.explain(second, pair, targets, {request.method!r})"] if request.method else []
        lines += ["print(second_logits.softmax(1))"]
    return "\n".join(lines) + "\n"


def _imports(picked: Picked, request: Request) -> list[str]:
    """Imports of the studio's own functions that the program calls."""
    read = picked.index is None or None in picked.donor_index
    kinds = {type(stroke).__name__ for stroke in request.strokes}
    kinds |= {"Donor"} if any(isinstance(stroke.fill, Donor) for stroke in request.strokes) else set()
    lines = [f"from ironglass.studio.load import {'load, read_photo' if read else 'load'}"]
    lines += ["from ironglass.studio.edit.rotation import rotate"] if request.degrees else []
    return lines + (
        [f"from ironglass.studio.edit.strokes import {', '.join([*sorted(kinds), 'paint'])}"] if kinds else []
    )


def _load(opened: Opened) -> str:
    """The call that opens the model and its data."""
    plan, device = opened.plan, opened.classifier.device
    names = "".join(f", {name}={value!r}" for name, value in _settings(plan).items())
    data = f", {plan.dataset!r}" if plan.dataset else ""
    names += f", device={str(device)!r}" if device.type != "cpu" else ""
    return f"load({plan.model!r}{data}{names})"


def _picture(opened: Opened, index: int | None, file: str, end: str = "") -> str:
    """The expression that gives a picture, with its name as a comment."""
    if index is None or opened.split is None:
        return f"read_photo({file!r}, opened){end}"
    name, split = opened.split
    return f"opened.dataset[{name!r}][{index}][0]{end}{_comment(split.names[index])}"


def command_lines(picked: Picked, request: Request) -> str:
    """Commands on the edited picture, saved as painted.png; no two lines depend on each other."""
    lines = _commands(picked.opened, request)
    if picked.second is not None:
        lines += _commands(picked.second, replace(request, attack=""))
    return "\n".join(lines) + "\n"


def _commands(opened: Opened, request: Request) -> list[str]:
    plan = _with_what_the_data_gave(opened)
    words = [
        f"{option} {shlex.quote(str(getattr(plan, name)))}" for name, option in OPTIONS.items() if _set(plan, name)
    ]
    words += ["--pretrained"] if plan.pretrained else []
    words += [f"--classes {shlex.quote(','.join(plan.classes))}"] if plan.classes else []
    words += [
        f"--{name} {','.join(map(str, value))}"
        for name in ("mean", "std")
        if isinstance(value := getattr(plan, name), tuple)
    ]
    rest = "".join(f" {word}" for word in words)
    model = shlex.quote(plan.model)
    lines = [f"ironglass predict {model} painted.png{rest}"]
    if request.method:
        lines += [f"ironglass explain {model} painted.png --methods {request.method}{rest}"]
    if request.is_attacked:
        size = f"{request.steps}/{STEPS[request.norm]}"
        lines += [
            f"ironglass attack {model} painted.png --attacks {request.attack} --norm {request.norm} --eps {size}{rest}"
        ]
    return lines


def _with_what_the_data_gave(opened: Opened) -> Audit:
    """The plan with classes and image size of a network that does not name them: a painted picture alone cannot."""
    plan, classifier = opened.plan, opened.classifier
    if knows_classes(plan.model, weighted=plan.pretrained or plan.weights is not None):
        return plan
    height, width = classifier.input_size
    size = height if height == width else None
    return replace(plan, classes=plan.classes or tuple(classifier.classes), size=plan.size or size)


def _settings(plan: Audit) -> dict[str, Any]:
    """The fields of the plan that are not as usual, but for those that `load` sets or names itself."""
    skipped = {"name", "model", "dataset", "omitted", *NOTHING}
    return {
        one.name: getattr(plan, one.name) for one in fields(plan) if one.name not in skipped and _set(plan, one.name)
    }


def _set(plan: Audit, name: str) -> bool:
    return getattr(plan, name) != getattr(Audit(), name)


def _class_comment(opened: Opened, label: int) -> str:
    return _comment(opened.classifier.classes[label])


def _comment(name: str) -> str:
    """A name as a comment; one with a line break in it shall not become code."""
    return "  # " + "".join(char if char.isprintable() else " " for char in name)
