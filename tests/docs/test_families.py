"""docs/families.md says what bench/families.py kept, and nothing else."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def families(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    yield importlib.import_module("families_page")
    sys.modules.pop("families_page")


def _row(**changed: Any) -> dict[str, Any]:
    row = {"row": "pgd, a", "kind": "attack", "method": "pgd", "family": "a", "size": 8, "batch": 1, "threads": 1}
    about = {
        "commit": "1",
        "date": "2026-01-01",
        "processor": "P",
        "versions": {"torch": "2"},
        "target": 2.0,
        "load_before": 1,
    }
    return row | about | {"seconds": {"ironglass": [1.0, 1.0, 9.0], "peer": [1.5], "slow": [4.0]}} | changed


def test_the_page_is_what_was_kept(families: Any) -> None:
    assert (ROOT / "docs/families.md").read_text(encoding="utf-8") == families.page(families.kept())


def test_a_ratio_is_of_medians_and_the_fastest_peer(families: Any) -> None:
    assert "| peer 1.5 | 1.50 | 2: **missed** |" in families.page([_row()])


def test_the_newest_commit_counts(families: Any) -> None:
    page = families.page([_row(), _row(commit="2", seconds={"ironglass": [1.0], "peer": [0.5]})])
    assert "**0.50: slower**" in page
    assert "Slower than a peer: 1." in page
    assert "1.50" not in page


def test_a_row_below_its_figure_has_a_reason_or_says_that_it_has_none(families: Any) -> None:
    assert "- pgd, a: no reason was measured." in families.page([_row()])
    assert "Below its figure" not in families.page([_row(target=1.5)])
