"""The wheel, built and installed in an environment of its own: whole, importable and able to work."""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from ironglass import __version__

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that has the wheel, and reads the packages it depends on from the running one.

    Lines of the running environment's own .pth files are not followed, so its editable ironglass stays out.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True, capture_output=True)
    return folder / "bin"


def run(*words: object, folder: Path) -> str:
    """The standard output of a command that has to end well, run in a folder without the source tree."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "COV"))}
    done = subprocess.run([*map(str, words)], cwd=folder, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    """A name that .gitignore happens to match, `build` or `runs`, would be left out without a word."""
    source = ROOT / "src"
    ours = {
        path.relative_to(source).as_posix()
        for path in (source / "ironglass").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == ours
    assert "ironglass/py.typed" in packed, "type checkers pass over a package without it"
    assert any(name.endswith(".jinja") for name in packed), "no template of the report"


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    """Version, entry point, licence and every dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    with zipfile.ZipFile(wheel) as archive:
        info = f"ironglass-{__version__}.dist-info"
        metadata = archive.read(f"{info}/METADATA").decode()
        assert "ironglass = ironglass.__main__:main" in archive.read(f"{info}/entry_points.txt").decode()
        assert f"{info}/licenses/LICENSE" in archive.namelist()
    assert f"\nVersion: {__version__}\n" in metadata
    required = {
        line.removeprefix("Requires-Dist: ").lower() for line in metadata.splitlines() if "Requires-Dist" in line
    }
    assert {dependency.lower() for dependency in project["dependencies"]} <= required


@pytest.mark.slow
def test_the_installed_wheel_works(installed: Path, tmp_path: Path) -> None:
    """Imported, asked for its version and help, and put to work as far as a report, away from the source tree."""
    python = installed / "python"
    where = run(python, "-c", "import ironglass; print(ironglass.__file__)", folder=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)
    assert run(installed / "ironglass", "--version", folder=tmp_path).startswith(f"ironglass {__version__} ")
    assert "harden" in run(installed / "ironglass", "--help", folder=tmp_path)
    told = run(installed / "ironglass", "train", "logistic", "digits", "--epochs", 1, "--output", "run", "--json",
               folder=tmp_path)  # fmt: skip
    assert json.loads(told)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<svg" in page
    assert "{{" not in page
