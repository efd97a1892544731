"""No file of the package has over 250 lines, and no function over 50."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "ironglass"
MOST_LINES = {"file": 250, "function": 50}


def sizes_over(most: dict[str, int], root: Path) -> dict[str, int]:
    """The lines of every file and function below a folder that has more than it may, by path or path:function."""
    found: dict[str, int] = {}
    for path in sorted(root.rglob("*.py")):
        text, name = path.read_text(), path.relative_to(root).as_posix()
        if (lines := text.count("\n")) > most["file"]:
            found[name] = lines
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > most["function"]:
                    found[f"{name}:{node.name}"] = lines
    return found


def test_no_file_and_no_function_is_too_long() -> None:
    assert sizes_over(MOST_LINES, SOURCE) == {}, "split these"


@pytest.mark.parametrize(("lines", "over"), [(50, {}), (51, {"a.py:long": 51})])
def test_a_function_is_counted_from_its_name_to_its_end(tmp_path: Path, lines: int, over: dict[str, int]) -> None:
    (tmp_path / "a.py").write_text("@cache\ndef long():\n" + "    x = 1\n" * (lines - 1))
    assert sizes_over(MOST_LINES, tmp_path) == over


@pytest.mark.parametrize(("lines", "over"), [(250, {}), (251, {"a.py": 251})])
def test_a_file_is_counted_with_all_its_lines(tmp_path: Path, lines: int, over: dict[str, int]) -> None:
    (tmp_path / "a.py").write_text("x = 1\n" * lines)
    assert sizes_over(MOST_LINES, tmp_path) == over
