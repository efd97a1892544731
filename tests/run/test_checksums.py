"""The list of checksums: whole after a kill, readable by b2sum, and never a way out of the folder."""

import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from ironglass.errors import InputError
from ironglass.run import Checksums, Run
from ironglass.run.checksums import digest


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", {"seed": 1})


def test_b2sum_reads_it(run: Run) -> None:
    run.record("a", 1)
    run.record("b", 2)
    run.checksums.tidy()
    if shutil.which("b2sum") is None:
        pytest.skip("b2sum is not there")
    done = subprocess.run(
        ["b2sum", "-l", "256", "--check", "--strict", run.checksums.path.name],
        cwd=run.path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["recipe.json: OK", "results.json: OK"]


@pytest.mark.parametrize("cut", [1, 40, 70])
def test_a_line_that_a_kill_cut_is_no_line(run: Run, cut: int) -> None:
    run.record("a", 1)
    whole = run.checksums.path.read_bytes()
    run.checksums.path.write_bytes(whole[:-cut])
    known = run.checksums.read()
    assert "recipe.json" in known
    run.record("b", 1)  # goes on in a line of its own
    assert run.check(["recipe.json", "results.json"]) == ([], [])


@pytest.mark.parametrize("moment", ["before the list", "after the list"])
def test_killed_between_list_and_file_the_old_file_is_sound(run: Run, moment: str, monkeypatch) -> None:
    run.record("a", 1)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(*((Checksums, "note", killed) if moment == "before the list" else (Path, "replace", killed)))
        run.record("a", 2)
    assert run.results == {"a": 1}
    run.check(["results.json"])
    again = Run.create(run.path, {"seed": 1}, resume=True)
    assert again.results == {"a": 1}
    assert again.checksums.read()["results.json"] == [digest(run.path / "results.json")]


@pytest.mark.parametrize("name", ["../out.txt", "/etc/hostname", "a/../../out.txt", "a\0b"])
def test_names_stay_in_the_folder(run: Run, name: str) -> None:
    (run.path.parent / "out.txt").write_text("mine")
    with run.checksums.path.open("a") as file:
        file.write(f"{'0' * 64}  {name}\n")
    assert name not in run.checksums.read()
    Run.create(run.path, {"seed": 1}, resume=True)
    assert (run.path.parent / "out.txt").read_text() == "mine"


@pytest.mark.parametrize("content", [b"", b"no list at all\n" * 100, b"0" * 64])
def test_a_list_that_is_none(run: Run, content: bytes) -> None:
    run.checksums.path.write_bytes(content)
    assert run.check(["recipe.json"]) == ([], ["recipe.json"])  # whoever asks says that it is in no list


def test_a_list_that_is_no_text(run: Run) -> None:
    run.checksums.path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"checksums\.b2 is not UTF-8"):
        run.check(["recipe.json"])


def test_several_threads_add_whole_lines(run: Run) -> None:
    def add(number: int) -> None:
        for i in range(50):
            run.checksums.note({f"{number}/{i}": f"{number:064x}"})

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(run.checksums.read()) == 201


def test_only_a_run_keeps_a_list(tmp_path: Path) -> None:
    Run(tmp_path).write("a.json", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert Run(tmp_path).check(["a.json"]) == ([], ["a.json"])
