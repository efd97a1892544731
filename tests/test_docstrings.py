"""A docstring's first sentence is imperative or a noun phrase, and does not begin with a question word."""

import ast
from collections import Counter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "ironglass"
OPENINGS = ("What", "Where", "How", "Whether")

# As counted on 2026-11-30, in rooms that other work is going on in. A number may fall and a line may go; none may rise.
LEFT = {"plans": 12, "studies": 65}


def opened_by_a_question(source: str) -> list[str]:
    """The first lines of docstrings that begin with a question word."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = (ast.get_docstring(node) or "" for node in ast.walk(ast.parse(source)) if isinstance(node, documented))
    return [text.splitlines()[0] for text in texts if text.split(" ")[0].rstrip(",?") in OPENINGS]


def test_no_docstring_begins_with_a_question_word() -> None:
    found: Counter[str] = Counter()
    lines = []
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE)
        said = opened_by_a_question(path.read_text(encoding="utf-8"))
        found[name.parts[0]] += len(said)
        lines += [f"{name}: {line}" for line in said if name.parts[0] not in LEFT]
    assert not lines
    assert {room: count for room, count in found.items() if count > LEFT.get(room, 0)} == {}


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
