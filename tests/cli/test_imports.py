"""Imports without a search for garbage in between."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

from ironglass.cli.plans import import_at_once


def test_nothing_is_searched_within_and_all_is_as_before_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "quiet_module.py").write_text("import gc\nSEARCHED = gc.isenabled()\n")
    (tmp_path / "broken_module.py").write_text("raise KeyError('broken')\n")
    assert gc.isenabled()
    import_at_once("quiet_module")
    assert gc.isenabled()
    assert not sys.modules.pop("quiet_module").SEARCHED
    with pytest.raises(KeyError, match="broken"):
        import_at_once("broken_module")
    assert gc.isenabled()
    gc.disable()
    try:
        import_at_once("quiet_module")
        assert not gc.isenabled()
    finally:
        gc.enable()
        sys.modules.pop("quiet_module")
