"""Names are the field's terms: pronouns, participles and verbs of speech name nothing."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "ironglass"

# Names that say that something was found, given or said, and not what it is; compared in lower case, without a leading
# underscore.
_WORDS = """
alike anything ask asked asking busy chosen dealt each elsewhere every everyone few found give given giver
gives handed hands heard held how judged keep kept kin known knows lead leads look looking looks lots made many
mine needed nothing ours own packs pays place places reads said say says seeming seen shown some somebody
something spoken spotted stand standing stood suits take taken takes tell telling tells theirs told tried wanted
wanting what which whole whose
"""
FORBIDDEN = frozenset(_WORDS.split())

# As counted on 2026-11-30. A number may fall and a line may go; none may rise.
ALLOWED: dict[str, int] = {
    ".": 1,
    "attacks": 1,
    "cli": 4,
    "data": 5,
    "models": 1,
    "plans": 5,
    "report": 2,
    "results": 11,
    "studies": 9,
    "studio": 14,
}


def bound_names(tree: ast.AST, scope: str = "") -> Iterator[tuple[str, str]]:
    """Pairs (scope, name) of all parameters, variables, fields, functions and classes that a tree binds."""
    for node in ast.iter_child_nodes(tree):
        inner = scope
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield scope, node.name
                inner = f"{scope}.{node.name}"
            case ast.arg():
                yield scope, node.arg
            case ast.Name(ctx=ast.Store()):
                yield scope, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield scope, node.attr
            case ast.alias(asname=str(name)):
                yield scope, name
            case _:
                pass
        yield from bound_names(node, inner)


def forbidden(source: str) -> list[str]:
    """The forbidden names that a module binds, as scope.name, each once a scope."""
    pairs = sorted(set(bound_names(ast.parse(source))))
    return [f"{scope}.{name}".lstrip(".") for scope, name in pairs if name.lstrip("_").lower() in FORBIDDEN]


def counted() -> tuple[Counter[str], list[str]]:
    """The number of forbidden names in each room, and one line for each name."""
    counts: Counter[str] = Counter()
    lines: list[str] = []
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE)
        names = forbidden(path.read_text(encoding="utf-8"))
        room = name.parts[0] if len(name.parts) > 1 else "."
        counts[room] += len(names)
        lines += [f"{name}: {bound}" for bound in names]
    return counts, lines


def test_no_room_binds_more_forbidden_names() -> None:
    counts, lines = counted()
    risen = {room: count for room, count in counts.items() if count > ALLOWED.get(room, 0)}
    listed = [line for line in lines if (line.split("/")[0] if "/" in line else ".") in risen]
    assert risen == {}, "\n".join(listed)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def tell(): ...", ["tell"]),
        ("def f(given):\n    result = given", ["f.given"]),
        ("def f(x):\n    self.found = found = x\n    found = 1", ["f.found"]),
        ("class C:\n    _told: int", ["C._told"]),
        ("FEW = 3", ["FEW"]),
        ("import a as some", ["some"]),
        ("def f():\n    return found + {}.known", []),
        ("found_classes = findings = 1", []),
    ],
)
def test_forbidden_names(source: str, names: list[str]) -> None:
    assert forbidden(source) == names
