"""One process a run folder."""

import json
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironglass.errors import InputError
from ironglass.run import Run, held_folders, hold

NAME = ".ironglass.lock"
HOLDER = """
import sys
from pathlib import Path
from ironglass.run import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder."""
    words = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_another_process_is_named_until_it_ends(other: subprocess.Popen[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"written by process {other.pid} on {platform.node()}"), hold(tmp_path):
        pass
    with pytest.raises(InputError, match=f"process {other.pid}"), Run.hold(tmp_path, {}):
        pass
    assert other.stdin is not None
    other.stdin.close()
    other.wait()
    assert not (tmp_path / NAME).exists()
    with hold(tmp_path):
        assert tmp_path.resolve() in held_folders()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_one_is_followed_without_a_word(other: subprocess.Popen[str], tmp_path: Path) -> None:
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert (tmp_path / NAME).exists()
    with hold(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert not (tmp_path / NAME).exists()


def test_one_on_another_host_is_named(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"pid": 7, "host": "elsewhere", "since": "yesterday"}')
    with pytest.raises(InputError, match=r"process 7 on elsewhere.*delete"), hold(tmp_path):
        pass
    assert (tmp_path / NAME).exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 4000, '{"pid": "x"}', "\0" * 9, '{"pid": 1, "host": 2}'])
def test_what_is_in_a_free_lock_does_not_matter(tmp_path: Path, content: str) -> None:
    (tmp_path / NAME).write_text(content)
    with hold(tmp_path):
        pass


def test_the_same_thread_enters_again_another_does_not(tmp_path: Path) -> None:
    said: list[str] = []

    def enter() -> None:
        try:
            with hold(tmp_path):
                said.append("entered")
        except InputError as error:
            said.append(str(error))

    with hold(tmp_path):
        with hold(tmp_path):
            pass
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
    enter()
    assert "another thread" in said[0]
    assert said[1:] == ["entered"]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "run" / NAME).symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match="cannot write"), hold(tmp_path / "run"):
        pass
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize("error", [InputError("no"), KeyboardInterrupt()])
def test_after_an_exception_it_is_free_and_a_new_folder_gone(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), Run.hold(tmp_path / "run", {"seed": 1}):
        raise error
    assert not (tmp_path / "run" / NAME).exists()
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "thesis.txt").write_text("mine")
    for resume in (False, True):
        with pytest.raises(InputError), Run.hold(tmp_path / "strange", {}, resume=resume):
            pass
    assert [path.name for path in (tmp_path / "strange").iterdir()] == ["thesis.txt"]
    with pytest.raises(TypeError), Run.hold(tmp_path / "fresh", {"no": object()}):
        pass
