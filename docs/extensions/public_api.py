"""API reference from the docstrings: a directive that renders public names as Markdown.

    ```{public-api} ironglass
    :names: load_dataset, Dataset
    ```

Without `:names:` every name of the module's `__all__` that no earlier directive of the page has shown: a new public
name appears without an edit. Docstrings are read as Markdown, in which they are written; a paragraph of fields
(`name: text`) becomes a list, whether they stand one a line or one after another; so do the sections Args, Returns,
Raises and Example.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from types import ModuleType
from typing import Any

from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList

SECTIONS = ("Args:", "Returns:", "Raises:", "Example:")
FIELDS = re.compile(r"(?:^|(?<=[.;)] )|(?<=\n))((?:\w+)(?:, \w+)*): ")


def shown_default(value: Any) -> str:
    """A default as a reader would write it: sizes of [0, 1] in 255ths, functions and factories as dots."""
    if isinstance(value, float) and 0 < value < 1 and abs(value * 255 - round(value * 255)) < 1e-9:
        return f"{round(value * 255)} / 255"
    if isinstance(value, tuple):
        return f"({', '.join(map(shown_default, value))}{',' if len(value) == 1 else ''})"
    if value is None or isinstance(value, str | int | float | bool):
        return repr(value)
    return "..."


def signature(value: Any) -> list[tuple[str, str]]:
    """(name, default) a parameter, without the first one of a method; "" where there is no default."""
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return []
    found, starred = [], False
    for one in parameters:
        if one.name == "self":
            continue
        if one.kind is one.KEYWORD_ONLY and not starred:
            found.append(("*", ""))
        starred = starred or one.kind in (one.KEYWORD_ONLY, one.VAR_POSITIONAL)
        prefix = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        found.append((prefix + one.name, "" if one.default is one.empty else shown_default(one.default)))
    return found


def joined(parameters: list[tuple[str, str]]) -> str:
    """The parameters as in a call; long ones, as of a plan, without their defaults."""
    full = ", ".join(f"{name}={default}" if default else name for name, default in parameters)
    return full if len(full) <= 300 else ", ".join(f"{name}=..." if default else name for name, default in parameters)


def prose(text: str, names: set[str]) -> list[str]:
    """A docstring as Markdown lines, its fields as a list."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        heading, _, rest = paragraph.partition("\n")
        if heading in SECTIONS and rest.startswith(" "):
            lines += section(heading.removesuffix(":"), inspect.cleandoc(rest))
            continue
        if paragraph.startswith((" ", ">>>")):
            kind = "pycon" if paragraph.lstrip().startswith(">>>") else "text"
            lines += [f"~~~{kind}", *inspect.cleandoc(paragraph).splitlines(), "~~~", ""]
            continue
        if paragraph.startswith("- "):
            lines += [*(f"- {escaped(one)}" for one in items(paragraph)), ""]
            continue
        starts = [one for one in FIELDS.finditer(paragraph) if names & set(one[1].split(", "))]
        ends = [*[one.start() for one in starts[1:]], len(paragraph)][: len(starts)]
        before = paragraph[: starts[0].start()] if starts else paragraph
        lines += [escaped(before), ""]
        for one, end in zip(starts, ends, strict=True):
            lines.append(f"- **{one[1]}**: {escaped(' '.join(paragraph[one.end() : end].split()))}")
        lines.append("")
    return lines


def section(heading: str, text: str) -> list[str]:
    """The lines below Args, Returns, Raises or Example: `name: text` as a list, examples as they are typed."""
    if text.startswith(">>>"):
        return [f"**{heading}**", "", "~~~pycon", *text.splitlines(), "~~~", ""]
    if heading == "Returns":
        return [f"**{heading}**: {escaped(' '.join(text.split()))}", ""]
    found = [f"**{heading}**", ""]
    for entry in re.split(r"\n(?! )", text):
        name, _, words = entry.partition(": ")
        found.append(f"- **{name}**: {escaped(' '.join(words.split()))}")
    return [*found, ""]


def items(paragraph: str) -> list[str]:
    """The entries of a list, each as one line."""
    return [" ".join(one.split()) for one in re.split(r"(?:^|\n)- ", paragraph)[1:]]


def escaped(text: str) -> str:
    """Markdown of plain text in which code is in backticks: signs that mean something outside code are escaped."""
    parts = re.split(r"(`[^`]*`)", text.strip())
    return "".join(part if part.startswith("`") else re.sub(r"([*<\[\]{}|#$])", r"\\\1", part) for part in parts)


def own_docstring(value: Any) -> str:
    text = inspect.getdoc(value) or ""
    generated = dataclasses.is_dataclass(value) and text.startswith(f"{getattr(value, '__name__', '')}(")
    return "" if generated else text


def members(value: type) -> list[tuple[str, Any]]:
    """The public methods and properties that the class itself or a class of ours gives it, in their order."""
    found: dict[str, Any] = {}
    for one in reversed(value.__mro__):
        if one.__module__.startswith("ironglass"):
            found |= {name: member for name, member in vars(one).items() if not name.startswith("_")}
    wanted = property, classmethod, staticmethod
    functions = [(name, one) for name, one in found.items() if inspect.isfunction(one) or isinstance(one, wanted)]
    return [(name, one) for name, one in functions if own_docstring(one)]


def entry(kind: str, path: str, parameters: list[tuple[str, str]] | None, body: list[str], depth: int) -> list[str]:
    fence = "`" * (9 - depth)
    call = "" if parameters is None else f"({joined(parameters)})"
    return [f"{fence}{{py:{kind}}} {path}{call}", "", *body, fence, ""]


def bare(parameters: list[tuple[str, str]]) -> set[str]:
    return {name.lstrip("*") for name, _ in parameters}


def rendered(module: str, name: str) -> list[str]:
    """One public name, with its members where it is a class."""
    value = getattr(importlib.import_module(module), name)
    path = f"{module}.{name}"
    if isinstance(value, ModuleType):  # a module that can be called: what it runs
        value = value._function
    if not callable(value):
        return entry("data", path, None, [f"One of {', '.join(f'`{one}`' for one in value)}."], 0)
    parameters = signature(value)
    text = prose(own_docstring(value), bare(parameters))
    if not inspect.isclass(value):
        return entry("function", path, parameters, text, 0)
    for member, one in members(value):
        function = one.__func__ if isinstance(one, classmethod | staticmethod) else one
        if isinstance(one, property):
            text += entry("property", member, None, prose(own_docstring(one), set()), 1)
        else:
            inner = signature(function)
            inner = inner[1:] if isinstance(one, classmethod) else inner
            text += entry("method", member, inner, prose(own_docstring(function), bare(inner)), 1)
    return entry("class", path, parameters, text, 0)


class PublicApi(Directive):
    """`{public-api} MODULE`, see above."""

    required_arguments = 1
    option_spec = {"names": directives.unchanged}  # noqa: RUF012 (docutils' own form)

    def run(self) -> list[Any]:
        """The nodes of the names."""
        module, env = self.arguments[0], self.state.document.settings.env
        seen = env.temp_data.setdefault("public_api", set())
        given = self.options.get("names", "")
        everything = importlib.import_module(module).__all__
        names = (
            re.split(r"[,\s]+", given.strip()) if given else [one for one in everything if (module, one) not in seen]
        )
        seen |= {(module, one) for one in names}
        missing = [one for one in names if one not in everything]
        if missing:
            raise self.error(f"{module}.__all__ has no {', '.join(missing)}")
        lines = [line for name in names for line in rendered(module, name)]
        node = importlib.import_module("docutils.nodes").container()
        self.state.nested_parse(StringList(lines, source=f"docstrings of {module}"), self.content_offset, node)
        return node.children


def setup(app: Any) -> dict[str, Any]:
    """Sphinx's entry point."""
    app.add_directive("public-api", PublicApi)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
