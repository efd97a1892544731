"""A docstring's first sentence is imperative or a noun phrase, and does not begin with a question word."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "ironglass"
OPENINGS = ("What", "Where", "How", "Whether")


def opened_by_a_question(source: str) -> list[str]:
    """The first lines of docstrings that begin with a question word."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = (ast.get_docstring(node) or "" for node in ast.walk(ast.parse(source)) if isinstance(node, documented))
    return [text.splitlines()[0] for text in texts if text.split(" ")[0].rstrip(",?") in OPENINGS]


def test_no_docstring_begins_with_a_question_word() -> None:
    lines = [
        f"{path.relative_to(SOURCE)}: {line}"
        for path in sorted(SOURCE.rglob("*.py"))
        for line in opened_by_a_question(path.read_text(encoding="utf-8"))
    ]
    assert lines == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('"""What it does."""', ["What it does."]),
        ('def f():\n    """Whether, as far as seen."""', ["Whether, as far as seen."]),
        ('class C:\n    """Returns what it does."""', []),
        ('"""However large."""', []),
    ],
)
def test_what_is_found(text: str, found: list[str]) -> None:
    assert opened_by_a_question(text) == found
