"""The run folder: whole files or none."""

from pathlib import Path

import pytest

from ironglass.errors import InputError
from ironglass.run import Run, atomic


def test_atomic_replaces_at_once_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with atomic(path) as temporary:
        temporary.write_text("old")
        assert not path.exists()
    with pytest.raises(ZeroDivisionError), atomic(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert [file.name for file in path.parent.iterdir()] == ["file"]


def test_results_grow_by_step_and_history_is_whole(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {"seed": 1})
    assert run.results == {}
    assert run.history == []
    run.record("a", 1)
    run.record("b", {"c": [2]})
    run.write_history([{"epoch": 1}, {"epoch": 2}])
    again = Run.open(run.path)
    assert again.results == {"a": 1, "b": {"c": [2]}}
    assert again.history == [{"epoch": 1}, {"epoch": 2}]
    with pytest.raises(ValueError, match="JSON"):
        run.record("c", float("nan"))


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run folder"):
        Run.open(tmp_path)
    run = Run.create(tmp_path / "run", {"seed": 1})
    with pytest.raises(InputError, match="not empty"):
        Run.create(run.path, {"seed": 1})
    with pytest.raises(InputError, match="other settings"):
        Run.create(run.path, {"seed": 2}, resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        Run.create(tmp_path / "file" / "run", {})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="nothing to resume"):
        Run.create(tmp_path / "other", {}, resume=True)
    (run.path / "recipe.json").write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        Run.create(run.path, {}, resume=True)


def test_resuming_clears_what_a_killed_process_left(tmp_path: Path) -> None:
    run = Run.create(tmp_path, {"tuple": (1, 2)})
    (run.path / ".results.json.123.part").write_text("{")
    assert Run.create(tmp_path, {"tuple": (1, 2)}, resume=True).path == tmp_path
    assert not list(tmp_path.glob(".*.part"))
