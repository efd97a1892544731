"""What the README says is done, word for word."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ironglass.cli.main import _status

README = Path(__file__).parents[1] / "README.md"
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.slow
def test_the_commands_run_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first as a shell runs it, the others in this process: each would load torch anew."""
    lines = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ironglass")]
    assert len(lines) >= 6
    first, *others = lines
    done = subprocess.run(shlex.split(first), cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, f"{first}\n{done.stderr}"
    assert done.stdout, first
    monkeypatch.chdir(tmp_path)
    for line in others:
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        capfd.readouterr()
        status = _status()
        out, err = capfd.readouterr()
        assert status == 0, f"{line}\n{err}"
        assert out, line
    assert (tmp_path / "runs" / "digits" / "report.html").is_file()


@pytest.mark.slow
def test_the_python_runs(tmp_path: Path) -> None:
    code = "".join(blocks("python"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Verdict" in done.stdout


def test_what_it_points_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).is_file(), target
