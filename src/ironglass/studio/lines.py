"""Python lines and commands that give the numbers of the page again."""

from __future__ import annotations

import shlex
from dataclasses import fields
from typing import Any

from ironglass.plans.audit import Audit
from ironglass.studio.load import Opened
from ironglass.studio.view import STEPS, Request, View

OPTIONS = {"size": "--size", "weights": "--weights", "normalise": "--normalise", "fit": "--fit"}
"""Fields of a plan that a command takes as they are."""


def python_lines(opened: Opened, index: int | None, request: Request, shown: View) -> str:
    """A program that makes `changed`, `logits` and `maps` as they stand in the page's JSON, bit for bit.

    index: the picture's position in its split; None where it was put in, and is saved as photo.png.
    """
    plan, strokes = opened.plan, request.strokes
    kinds = sorted({type(stroke).__name__ for stroke in strokes})
    lines = ["import torch", "", "import ironglass as ig"]
    lines += [f"from ironglass.studio.load import {'load' if index is not None else 'load, read_photo'}"]
    lines += [f"from ironglass.studio.strokes import {', '.join([*kinds, 'paint'])}"] if strokes else []
    names = "".join(f", {name}={value!r}" for name, value in _given(plan).items())
    data = f", {plan.dataset!r}" if plan.dataset else ""
    device = opened.classifier.device
    names += f", device={str(device)!r}" if device.type != "cpu" else ""
    lines += ["", f"opened = load({plan.model!r}{data}{names})", "classifier = opened.classifier"]
    if index is not None and opened.split is not None:
        name, split = opened.split
        lines += [f"picture, _ = opened.dataset[{name!r}][{index}]  # {split.names[index]}".rstrip()]
    else:
        lines += ['picture = read_photo("photo.png", opened)']
    lines += ["picture = picture.to(classifier.device)"] if device.type != "cpu" else []
    changed = "picture"
    if strokes:
        lines += ["strokes = [", *(f"    {stroke!r}," for stroke in strokes), "]", "painted = paint(picture, strokes)"]
        changed = "painted"
    if shown.attacked_label is not None:
        label = shown.attacked_label
        size = f"{request.steps} / {STEPS[request.norm]}"
        lines += [
            f"labels = torch.tensor([{label}])" + _class_comment(opened, label),
            f"result = ig.attack(classifier, {changed}, labels, {request.attack!r}, eps={size}, norm={request.norm!r})",
        ]
        changed = "result.adversarial"
    lines += [f"changed = {changed}", "pair = torch.cat([picture, changed])  # as it was, and changed"]
    lines += ["with torch.no_grad():", "    logits = classifier.eval()(pair)"]
    if request.method:
        targets = f"targets = torch.tensor([{shown.target}, {shown.target}])" + _class_comment(opened, shown.target)
        lines += [targets, f"maps = ig.explain(classifier, pair, targets, {request.method!r})"]
    lines += ["print(logits.softmax(1))"]
    return "\n".join(lines) + "\n"


def command_lines(opened: Opened, request: Request) -> str:
    """Commands that look at the painted picture, saved as painted.png; no two lines depend on each other."""
    plan = opened.plan
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
    if request.attack and request.steps:
        size = f"{request.steps}/{STEPS[request.norm]}"
        lines += [
            f"ironglass attack {model} painted.png --attacks {request.attack} --norm {request.norm} --eps {size}{rest}"
        ]
    return "\n".join(lines) + "\n"


def _given(plan: Audit) -> dict[str, Any]:
    """The fields of the plan that are not as usual, but for those that `load` sets or names itself."""
    own = {"name", "model", "dataset", "steps"}
    return {one.name: getattr(plan, one.name) for one in fields(plan) if one.name not in own and _set(plan, one.name)}


def _set(plan: Audit, name: str) -> bool:
    return getattr(plan, name) != getattr(Audit(steps=plan.steps), name)


def _class_comment(opened: Opened, label: int) -> str:
    """The name of a class as a comment; a name with a line break in it shall not become code."""
    return "  # " + "".join(char if char.isprintable() else " " for char in opened.classifier.classes[label])
