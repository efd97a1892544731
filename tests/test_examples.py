"""Every public function has an example in its docstring, and each runs as it stands."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import ironglass
from ironglass import testing
from ironglass.attacks import ATTACKS

FUNCTIONS: dict[str, Any] = {name: getattr(ironglass, name) for name in ironglass.__all__}
FUNCTIONS = {name: one._function if isinstance(one, ModuleType) else one for name, one in FUNCTIONS.items()}
FUNCTIONS |= {f"testing.{name}": getattr(testing, name) for name in testing.__all__}
FUNCTIONS = {name: one for name, one in FUNCTIONS.items() if not inspect.isclass(one)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory, and the registry of attacks as before."""
    known = dict(ATTACKS)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    ATTACKS.clear()
    ATTACKS.update(known)


def test_there_are_functions() -> None:
    assert {"attack", "run", "harden", "load_dataset", "testing.check_attack"} <= FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_example_runs(name: str, folder: Path) -> None:
    example = doctest.DocTestParser().get_doctest(inspect.getdoc(FUNCTIONS[name]) or "", {}, name, None, 0)
    assert example.examples, f"{name} has no example"
    said: list[str] = []
    assert doctest.DocTestRunner().run(example, out=said.append).failed == 0, "".join(said)
