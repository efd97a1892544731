"""The page in Debian's chromium: pick, paint, attack, put in, keep; with the pointer and with the keyboard."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ironglass.studio.server import Server

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, server: Server, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page after its first answer; whatever it complained of or asked of others is an error."""
    width, scheme = getattr(request, "param", (1280, "light"))
    page = browser.new_page(viewport={"width": width, "height": 850}, color_scheme=scheme)
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: requests.append(asked.url))
    page.goto(server.address)
    page.wait_for_selector("#bars li")
    yield page
    page.close()
    refused = "the server responded with a status of 422"  # which a test asks for, and the page says in its own words
    assert [one for one in complaints if refused not in one] == []
    assert [url for url in requests if not url.startswith((server.address, "data:", "blob:"))] == []


def settled(page: Any, work: Any) -> dict[str, Any]:
    """The answer to the view that the work asks for."""
    with page.expect_response(lambda answer: answer.url.endswith("ask/view")) as answer:
        work()
    page.wait_for_timeout(150)
    return answer.value.json()


def drag(page: Any) -> None:
    page.locator("#after").scroll_into_view_if_needed()
    box = page.locator("#after").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
    page.mouse.down()
    for i in range(6):
        page.mouse.move(box["x"] + box["width"] * (0.25 + 0.08 * i), box["y"] + box["height"] * (0.25 + 0.05 * i))
    page.mouse.up()


def probabilities(page: Any) -> list[str]:
    return page.locator("#bars .values").all_text_contents()


@pytest.mark.parametrize("page", [(w, s) for w in (1280, 390) for s in ("light", "dark")], indirect=True, ids=str)
def test_paint_and_attack(page: Any) -> None:
    width, shown = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= shown
    first = probabilities(page)
    settled(page, lambda: drag(page))
    painted = probabilities(page)
    assert painted != first
    seen = settled(page, lambda: page.select_option("#attack", "pgd-20"))
    assert seen["attacked"] is not None
    assert seen["largest"] == pytest.approx(8 / 255, abs=1e-4)
    settled(page, lambda: page.click("#clear"))
    settled(page, lambda: page.select_option("#attack", ""))
    assert probabilities(page) == first
    assert page.is_hidden("#error")


def test_the_keyboard_paints_and_undoes(page: Any) -> None:
    first = probabilities(page)
    page.focus("#after")
    page.keyboard.press("Shift+ArrowLeft")
    settled(page, lambda: page.keyboard.press("Enter"))
    assert probabilities(page) != first
    settled(page, lambda: page.keyboard.press("Backspace"))
    assert probabilities(page) == first


def test_every_control_has_a_name(page: Any) -> None:
    tree = page.locator("body").aria_snapshot()
    unnamed = [
        line.strip()
        for line in tree.splitlines()
        if line.strip().removeprefix("- ").split(":")[0] in ("button", "combobox", "slider", "radio", "img", "option")
    ]
    assert unnamed == []


def test_a_photo_is_put_in_and_what_is_seen_is_kept(page: Any, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (50, 40), (200, 180, 160)).save(buffer, "JPEG")
    photo = {"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": buffer.getvalue()}
    seen = settled(page, lambda: page.set_input_files("#photo", files=[photo]))
    assert seen["label"] is None
    page.set_input_files("#photo", files=[{**photo, "buffer": b"<svg/>"}])
    page.wait_for_selector("#error:not([hidden])")
    assert "cannot be read" in page.text_content("#error")
    kept = {}
    for button in ("png", "json", "painted", "photo"):
        with page.expect_download() as download:
            page.click(f"#save-{button}")
        kept[download.value.suggested_filename] = download.value.path().read_bytes()
    assert sorted(kept) == ["painted.png", "photo.png", "studio.json", "studio.png"]
    assert Image.open(io.BytesIO(kept["studio.png"])).width > 1000
    assert Image.open(io.BytesIO(kept["photo.png"])).size == (24, 24)
    numbers = json.loads(kept["studio.json"])
    assert len(numbers["logits"]) == 2
    page.click("#again summary")
    page.locator("#python", has_text="read_photo(").wait_for()


def test_buttons_that_look_for_something(page: Any) -> None:
    first = probabilities(page)
    settled(page, lambda: page.click("#worst"))
    assert probabilities(page) != first
    settled(page, lambda: page.click("#clear"))
    page.select_option("#attack", "fgsm")
    with page.expect_response(lambda answer: answer.url.endswith("ask/smallest")) as answer:
        page.click("#smallest")
    steps = answer.value.json()["steps"]
    page.locator("#steps-said", has_text=f"{steps}/255").wait_for()
