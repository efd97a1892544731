"""docs/architecture.md names every module, and no other."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def listed() -> list[str]:
    folder, found = "", []
    for line in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"### `(.*/)`", line):
            folder = heading[1].removeprefix("./")
        elif row := re.match(r"\| `([\w.]+)` \| \S", line):
            found.append(folder + row[1])
    return found


def test_every_module_has_one_row() -> None:
    source = ROOT / "src" / "ironglass"
    files = [path for path in source.rglob("*") if path.suffix in (".py", ".jinja", ".css", ".js")]
    empty = [path for path in files if path.name == "__init__.py" and len(ast.parse(path.read_text()).body) < 2]
    assert sorted(listed()) == sorted(path.relative_to(source).as_posix() for path in set(files) - set(empty))


def test_every_folder_can_be_surveyed() -> None:
    methods = {"attacks", "explain/methods", "harden"}
    folders: dict[str, int] = {}
    for path in (ROOT / "src" / "ironglass").rglob("*"):
        name = path.parent.relative_to(ROOT / "src" / "ironglass").as_posix()
        if path.is_file() and "__pycache__" not in path.parts and path.name != "__init__.py" and name not in methods:
            folders[name] = folders.get(name, 0) + 1
    assert {name: count for name, count in folders.items() if count > 15} == {}
