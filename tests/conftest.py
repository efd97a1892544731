"""What every test may ask for."""

import gc
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib.figure import Figure

os.environ["HF_HUB_OFFLINE"] = "1"  # no test may reach the network; read when the hub's library is imported

SHARED = Path(os.environ.get("IRONGLASS_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


SLOW = Path(__file__).with_name("slow.txt")

gc.disable()  # until all is collected: each round would visit all that torch and thousands of tests have made


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_sessionfinish() -> None:
    gc.unfreeze()  # else libraries complain at the end of what they have not taken apart


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what slow.txt lists as slow; files with slow tests first, so that none is left alone at the end."""
    lines = (line.partition("#")[0].strip() for line in SLOW.read_text().splitlines())
    listed = tuple(line for line in lines if line)
    for item in items:
        name = f"{item.path.relative_to(SLOW.parent).as_posix()}::{item.nodeid.partition('::')[2].partition('[')[0]}"
        if any(name == one or name.startswith((f"{one}/", f"{one}::")) for one in listed):
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images; the test is skipped, by name, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"real images are not at {SHARED}; set IRONGLASS_TEST_DATA")
    return SHARED


RENDERED = ("tests/report/page/", "tests/report/kit/", "tests/recipes/", "tests/cli/test_terminal_picture.py")
"""Where every chart is rendered, as users see it. In other tests of the report each kind of chart is, when a process
first draws it. Elsewhere charts are made of a study's numbers, so that numbers that cannot be drawn fail, and are not
rendered, which was most of the time of a run of four images."""


@pytest.fixture(scope="session", autouse=True)
def charts_rendered_once() -> Iterator[None]:
    """Renders charts in the tests that look at them; in others a page has blank ones in their place."""
    from ironglass.report.kit import palette

    render = palette.drawn
    met = set[tuple[str, bool]]()

    def empty() -> Figure:
        figure = Figure((1, 1))
        figure.subplots()
        return figure

    kinds = ("svg", "png", "pdf")
    blank = dict(zip(kinds, render(empty, kinds=kinds), strict=True))

    def drawn(draw: Callable[..., Figure], *args: Any, kinds: tuple[str, ...], **kwargs: Any) -> list[bytes]:
        test = os.environ.get("PYTEST_CURRENT_TEST", RENDERED[0])
        narrow = bool(kwargs.get("narrow"))
        kind = repr(getattr(draw, "func", draw)), narrow
        first = test.startswith("tests/report/") and kind not in met
        if first or test.startswith(RENDERED):
            met.add(kind)
            return render(draw, *args, kinds=kinds, **kwargs)
        if not narrow:
            with matplotlib.rc_context(palette.STYLE):
                draw(*args, **kwargs)
        return [blank[one] for one in kinds]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(palette, "drawn", drawn)
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's chromium, whose camera shows a test picture; closed after its file, for a process has one event loop."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Debian's chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", *camera])
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the decoded-pixel cache of the tests apart from the user's, and shared between tests."""
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def _objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every JSON object in a value; of long lists, to those in the first two entries and the last two."""
    if isinstance(value, dict):
        yield path
    inner = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    if isinstance(value, list) and len(inner) > 4:
        inner = [*inner[:2], *inner[-2:]]
    for key, part in inner:
        yield from _objects(part, (*path, key))


@pytest.fixture(scope="session")
def refuses_every_change() -> Callable[[Path], int]:
    """Checks that a run's results.json is refused, in one line with file and key, without any one of its keys and with
    one more in any object; that it is as its classes write it; and gives the number of keys."""
    from ironglass.errors import InputError
    from ironglass.results.codec import to_dict
    from ironglass.results.sections import read_results

    def refused(value: Any, section: str) -> None:
        with pytest.raises(InputError) as error:
            read_results(value, file="results.json")
        said = str(error.value)
        assert said.startswith("results.json: ")
        assert section in said

    def check(run: Path) -> int:
        whole = json.loads((run / "results.json").read_text())
        for name, part in read_results(whole, file="results.json").finished().items():
            assert to_dict(part) == whole[name]
        number = 0
        for path in _objects(whole):
            for key in [*_at(whole, path), None]:
                inner = _at(whole, path)
                before = dict(inner)
                if key is None:
                    inner["more"] = 1
                else:
                    del inner[key]
                    number += 1
                refused(whole, str(path[0] if path else key or "more"))
                inner.clear()
                inner.update(before)
        return number

    return check


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value
