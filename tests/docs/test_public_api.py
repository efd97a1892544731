"""The directive that renders docstrings as Markdown: fields, sections, lists and examples."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

import ironglass

FILE = Path(__file__).parents[2] / "docs" / "extensions" / "public_api.py"


@pytest.fixture
def public_api(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The directive's module; of docutils, which only the documentation's environment has, it needs no more here."""
    for name in ("docutils", "docutils.parsers", "docutils.parsers.rst", "docutils.statemachine"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    rst, machine = sys.modules["docutils.parsers.rst"], sys.modules["docutils.statemachine"]
    rst.Directive, rst.directives, machine.StringList = object, ModuleType("directives"), list  # type: ignore[attr-defined]
    rst.directives.unchanged = str  # type: ignore[attr-defined]
    spec = importlib.util.spec_from_file_location("public_api", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DOCSTRING = """Does it [at once].

It goes on
for two lines.

- one thing, which
  is long;
- another.

size: in pixels. mean, std: one number
a channel.
other: of no field.

Args:
    images: float (n, c, h, w) in [0, 1], which
        is long.
    settings: replace `some`.

Returns:
    A result: with its
    interval.

Raises:
    InputError: for what is wrong.

Example:
    >>> 1 + 1
    2"""


def test_a_docstring_becomes_lists_and_code(public_api: ModuleType) -> None:
    lines = public_api.prose(DOCSTRING, {"size", "mean", "std"})
    assert [line for line in lines if line] == [
        "Does it \\[at once\\].",
        "It goes on\nfor two lines.",
        "- one thing, which is long;",
        "- another.",
        "- **size**: in pixels.",
        "- **mean, std**: one number a channel. other: of no field.",
        "**Args**",
        "- **images**: float (n, c, h, w) in \\[0, 1\\], which is long.",
        "- **settings**: replace `some`.",
        "**Returns**: A result: with its interval.",
        "**Raises**",
        "- **InputError**: for what is wrong.",
        "**Example**",
        "~~~pycon",
        ">>> 1 + 1",
        "2",
        "~~~",
    ]


@pytest.mark.parametrize("name", ironglass.__all__)
def test_every_public_name_is_rendered_without_a_raw_section(public_api: ModuleType, name: str) -> None:
    lines = public_api.rendered("ironglass", name)
    assert lines[0].lstrip("`").startswith("{py:")
    assert not [line for line in lines if line.startswith(("Args:", "Returns:", "Raises:", "Example:"))]
