"""docs/run-folder.md says of results.json what the classes say."""

import dataclasses
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from ironglass.results.sections import SECTIONS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_folder", DOCS / "run_folder.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_script_writes(script: ModuleType) -> None:
    page = (DOCS / "run-folder.md").read_text(encoding="utf-8")
    assert script.written(page) == page, "run python docs/run_folder.py"


def test_every_section_class_and_key_stands_there(script: ModuleType) -> None:
    page = (DOCS / "run-folder.md").read_text(encoding="utf-8")
    for name in ("schema_version", "sections", *SECTIONS):
        assert f"| `{name}` | " in page
    for name, kind in script.CLASSES.items():
        part = page.partition(f"### `{name}`\n")[2].partition("\n#")[0]
        keys = [line.split("`")[1] for line in part.splitlines() if line.startswith("| `")]
        assert keys == [field.name.removesuffix("_") for field in dataclasses.fields(kind)], name


def test_null_and_absence_are_told_apart(script: ModuleType) -> None:
    page = (DOCS / "run-folder.md").read_text(encoding="utf-8")
    assert "| `verdict` | [Verdict](#verdict) or null |" in page
    assert "| `fooled` | [Rate](#rate), or absent |" in page
