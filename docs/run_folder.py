"""Writes the part of docs/run-folder.md on results.json from its classes: `python docs/run_folder.py`."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

from ironglass import results
from ironglass.results.sections import Results
from ironglass.results.versions import SCHEMA_VERSION

PAGE = Path(__file__).with_name("run-folder.md")
HEADING = "## `results.json`"
PLAIN = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "None": "null",
    "Any": "any value",
    "Count": "count",
    "Share": "share",
    "Amount": "amount",
    "Setting": "text, number, true, false or null",
}
INTRODUCTION = """Made by `docs/run_folder.py` from the classes of `src/ironglass/results/`: change those, then run it.

A section is absent until its step has finished; the report shows what is there, and refuses a key that is missing or
unknown, in one line with file and key. A number under attack has a `verdict`; null stands for *not judged*, and such a
number is never drawn as a trusted one. Where there are `not_judged` images, their logits had no largest value, and they
count as wrong. A *count* is a whole number of at least 0, an *amount* a number of at least 0, a *share* a number from 0
to 1; [x, ...] is a list of any length.
"""
CLASSES = {
    name: kind
    for module in pkgutil.iter_modules(results.__path__)
    for name, kind in vars(importlib.import_module(f"ironglass.results.{module.name}")).items()
    if isinstance(kind, type)
    and dataclasses.is_dataclass(kind)
    and kind.__module__.startswith("ironglass.results")
    and kind is not Results
}
ALIASES = {
    node.target.id: node.value
    for module in pkgutil.iter_modules(results.__path__)
    for node in ast.parse(inspect.getsource(importlib.import_module(f"ironglass.results.{module.name}"))).body
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None
}


def written(page: str) -> str:
    """The page, with its part on results.json as the classes say it."""
    before, rest = page.split(HEADING, 1)
    after = rest[rest.index("\n## ") :]
    return f"{before}{HEADING}\n\n{_section()}{after}"


def _section() -> str:
    keys = ["schema_version", "sections"]
    known = _meanings(Results)
    lines = [
        INTRODUCTION,
        "| key | value | what |",
        "| --- | --- | --- |",
        f"| `{keys[0]}` | {SCHEMA_VERSION} | raised by every change of a section’s keys |",
        f"| `{keys[1]}` | {{section: count}} | how many keys each section has, with those of the objects in it: "
        "by that count a key is missed that may be absent |",
        *(_row(name, kind, known[name]) for name, kind in _annotations(Results).items()),
        "",
    ]
    for name in dict.fromkeys(_reached(Results)):
        lines += [f"### `{name}`", "", *_described(CLASSES[name]), ""]
    return "\n".join(lines)


def _described(kind: type) -> list[str]:
    meanings, defaults = _meanings(kind), {field.name: field.default for field in dataclasses.fields(kind)}
    rows = []
    for name, annotation in _annotations(kind).items():
        absent = defaults[name] is not dataclasses.MISSING
        rows.append(_row(name, annotation, meanings[name.removesuffix("_")], absent=absent))
    return [(kind.__doc__ or "").split("\n\n")[0].strip(), "", "| key | value | what |", "| --- | --- | --- |", *rows]


def _row(name: str, annotation: ast.expr, meaning: str, *, absent: bool = False) -> str:
    value = _said(annotation)
    if absent:
        value = value.removesuffix(" or null") + ", or absent"
    return f"| `{name.removesuffix('_')}` | {value} | {_cell(meaning)} |"


def _annotations(kind: type) -> dict[str, ast.expr]:
    """The annotation of each field as it is written in the code, the base class's first."""
    found: dict[str, ast.expr] = {}
    for one in reversed(kind.__mro__):
        for name, text in inspect.get_annotations(one).items():
            found[name] = ast.parse(str(text), mode="eval").body
    section = kind is Results
    names = [field.name for field in dataclasses.fields(kind)]
    return {name: _without_null(found[name]) if section else found[name] for name in names}


def _without_null(annotation: ast.expr) -> ast.expr:
    """A section's class: that it may be None says that it may be absent."""
    return annotation.left if isinstance(annotation, ast.BinOp) else annotation


def _meanings(kind: type) -> dict[str, str]:
    """What the docstring says of each field."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        text = inspect.cleandoc(one.__doc__ or "")
        found |= {name: " ".join(said.split()) for name, said in re.findall(r"^(\w+): (.+(?:\n +.+)*)", text, re.M)}
    return found


def _said(node: ast.expr) -> str:
    """A type in words."""
    if isinstance(node, ast.Constant):
        return PLAIN["None"] if node.value is None else f'"{node.value}"'
    if isinstance(node, ast.Name):
        if node.id in PLAIN:
            return PLAIN[node.id]
        if node.id in CLASSES:
            return f"[{node.id}](#{node.id.lower()})"
        return _said(ALIASES[node.id])
    if isinstance(node, ast.BinOp):
        return f"{_said(node.left)} or {_said(node.right)}"
    assert isinstance(node, ast.Subscript), ast.dump(node)
    outer, inner = ast.unparse(node.value), node.slice
    items = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
    if outer == "Annotated":
        return _said(items[0])
    if outer == "Literal":
        return " or ".join(map(_said, items))
    if outer == "dict":
        return f"{{{_said(items[0])}: {_said(items[1])}}}"
    assert outer == "tuple", outer
    if ast.unparse(items[-1]) == "...":
        return f"[{_said(items[0])}, ...]"
    return f"[{', '.join(map(_said, items))}]"


def _reached(kind: type) -> Iterator[str]:
    """The classes within a class, each after the one that it is first met in."""
    for annotation in _annotations(kind).values():
        yield from _names(annotation)


def _names(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in CLASSES:
            yield part.id
            yield from _reached(CLASSES[part.id])
        elif isinstance(part, ast.Name) and part.id in ALIASES and part.id not in PLAIN:
            yield from _names(ALIASES[part.id])


def _cell(text: str) -> str:
    return text.removesuffix(".").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
