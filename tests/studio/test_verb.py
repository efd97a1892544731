"""The verb `studio`, from the command line to Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from ironglass.cli.main import _status
from ironglass.studio.server import Server


def started(place: Path, *words: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "ironglass", "studio", "first", *words, "--no-browser"]
    return subprocess.Popen(
        line,
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        # a suite that a shell has started in the background ignores Ctrl-C, and so would what it starts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def test_it_prints_its_address_and_ends_by_ctrl_c(place: Path) -> None:
    with started(place, "--data", "photos") as studio:
        assert studio.stdout is not None
        said, _, address = studio.stdout.readline().strip().partition(": ")
        assert said == "ironglass studio"
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert b"<title>ironglass studio</title>" in answer.read()
        studio.send_signal(signal.SIGINT)
        try:
            out, err = studio.communicate(timeout=60)
        finally:
            studio.kill()  # else one that does not end would be waited for
    assert studio.returncode == 0, err
    assert out.endswith("ended\n")
    assert "Traceback" not in err


@pytest.fixture
def refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs `ironglass studio first ...` in this process: its status, standard output and standard error."""

    def serving(*_: object, **__: object) -> None:
        raise AssertionError("it serves what should have been refused")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.chdir(place)
        monkeypatch.setattr(Server, "serve_forever", serving)
        monkeypatch.setattr(sys, "argv", ["ironglass", "studio", "first", *words, "--no-browser"])
        capfd.readouterr()
        status = _status()
        out, err = capfd.readouterr()
        return status, out, err

    return run


def test_a_port_that_is_taken_is_refused_in_a_line(refused: Callable[..., tuple[int, str, str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, out, err = refused("--port", str(taken.getsockname()[1]))
    assert (status, out) == (2, "")
    assert err.startswith("ironglass: port ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("words", [("--data", ""), ("--split", "train")])
def test_what_makes_no_sense_is_refused(refused: Callable[..., tuple[int, str, str]], words: tuple[str, ...]) -> None:
    status, _, err = refused(*words)
    assert status == 2
    assert "--data" in err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.org", "", "127.0.0.2"])
def test_it_listens_on_no_other_address(
    host: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["ironglass", "studio", "first", "--host", host, "--no-browser"])
    assert _status() == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert f"--host {host!r}: " in err
    assert "ssh -L" in err
