"""The documentation site: it builds without a warning, and is read without a network."""

from __future__ import annotations

import json
import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

import ironglass

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-docs" / "bin" / "python"
FETCHED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


class Requests(HTMLParser):
    """The addresses that a browser asks for by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "link" and named.get("rel") in ("search", "next", "prev", "index", "author", "copyright"):
            return
        if address := named.get(FETCHED.get(tag, "")):
            self.found.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not PYTHON.is_file():
        pytest.skip("there is no .venv-docs: `make docs` makes it")
    folder = tmp_path_factory.mktemp("site")
    no_network = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(
        [
            PYTHON,
            "-m",
            "sphinx",
            "--fail-on-warning",
            "--keep-going",
            "--quiet",
            "-d",
            folder / "state",
            "docs",
            folder / "html",
        ],
        cwd=ROOT,
        env=os.environ | no_network,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.mark.slow
def test_it_is_read_without_a_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) >= 15
    for page in pages:
        requests = Requests()
        requests.feed(page.read_text(encoding="utf-8"))
        assert requests.found, page
        outside = [address for address in requests.found if re.match(r"(\w+:)?//", address)]
        assert not outside, (page, outside)
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet


@pytest.mark.slow
def test_every_public_name_is_in_the_reference(site: Path) -> None:
    page = (site / "api.html").read_text(encoding="utf-8")
    missing = [name for name in ironglass.__all__ if f'id="ironglass.{name}"' not in page]
    assert not missing


@pytest.mark.slow
def test_no_machine_path_is_in_it(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert str(ROOT) not in page.read_text(encoding="utf-8"), page


@pytest.mark.slow
@pytest.mark.parametrize("name", ["assignment", "own-model"])
def test_a_notebook_runs(name: str) -> None:
    if not PYTHON.is_file():
        pytest.skip("there is no .venv-docs: `make docs` makes it")
    done = subprocess.run(
        [PYTHON, "docs/notebooks/execute.py", "--check", f"{name}.ipynb"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "pictures" in done.stdout


@pytest.mark.parametrize("name", ["assignment", "own-model"])
def test_a_notebook_is_stored_with_its_pictures_and_no_machine_path(name: str) -> None:
    path = ROOT / "docs" / "notebooks" / f"{name}.ipynb"
    text = path.read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in cells)
    assert sum("image/png" in output.get("data", {}) for cell in cells for output in cell["outputs"]) >= 2
    assert not re.search(r"/(home|root|tmp|work|Users)/", text)
    assert path.stat().st_size < 400_000


def test_the_requests_of_a_page_are_seen() -> None:
    requests = Requests()
    requests.feed('<script src="https://cdn.example/x.js"></script><link rel="next" href="//a"><img src="b.png">')
    assert requests.found == ["https://cdn.example/x.js", "b.png"]
