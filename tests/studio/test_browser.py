"""The page in Debian's chromium: lists, painting, attacks, two models, saving; with the pointer and the keyboard."""

import io
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ironglass.studio.app import Studio
from ironglass.studio.load import load
from ironglass.studio.server import Server
from studio_page import drag, predictions, probabilities, settled

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("page", [(w, s) for w in (1440, 390) for s in ("light", "dark")], indirect=True, ids=str)
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


def test_two_models_are_shown_one_image(page: Any) -> None:
    assert page.input_value("#second") == "1"
    assert page.locator(".model-name").all_text_contents() == ["first", "second"]
    assert page.locator("#bars li").first.locator(".pair").count() == 2
    seen = settled(page, lambda: page.select_option("#attack", "fgsm"))
    assert "shown to both" in page.text_content("#words")
    assert page.text_content("#words") == seen["words"]
    assert len(seen["second"]["predictions"]) == 2
    swapped = settled(page, lambda: page.select_option("#model", "1"))
    assert page.locator(".model-name").all_text_contents()[1] == "first"
    assert swapped["predictions"][0] == seen["second"]["predictions"][0]
    settled(page, lambda: page.select_option("#second", ""))
    assert page.is_hidden("#words")
    assert page.is_hidden("#after-second")


def test_sliders_and_layers(page: Any) -> None:
    settled(page, lambda: page.select_option("#attack", "fgsm"))
    page.focus("#steps")
    seen = settled(page, lambda: page.keyboard.press("ArrowRight"))
    assert page.text_content("#steps-text") == "9/255"
    assert seen["largest"] == pytest.approx(9 / 255, abs=1e-4)
    layers = [one["name"] for one in seen["maps"]]
    assert len(layers) > 1
    page.focus("#layer")
    page.keyboard.press("Home")
    shown = set()
    for name in layers:
        assert page.text_content("#layer-text").startswith(f"{name} (")
        assert f", {name};" in page.text_content("#scale")
        shown.add(page.evaluate("document.getElementById('after').toDataURL()"))
        page.keyboard.press("ArrowRight")
    assert len(shown) > 1


def test_rotation(page: Any) -> None:
    first = page.evaluate("document.getElementById('after').toDataURL()")
    settled(page, lambda: page.click("#left"))
    assert page.input_value("#degrees") == "90"
    assert page.evaluate("document.getElementById('after').toDataURL()") != first
    for _ in range(2):
        settled(page, lambda: page.click("#left"))
    assert page.input_value("#degrees") == "-90"
    settled(page, lambda: page.click("#right"))
    settled(page, lambda: page.click("#upright"))
    assert page.input_value("#degrees") == "0"
    assert page.evaluate("document.getElementById('after').toDataURL()") == first


def test_a_part_of_another_picture_is_painted(page: Any) -> None:
    page.check("[name=tool][value=rectangle]")
    page.check("[name=fill][value=donor]")
    assert page.is_visible("#picking")
    assert page.is_disabled("#worst")
    options = page.locator("#film [role=option]")
    chosen = options.nth(0).get_attribute("aria-selected")
    options.nth(3).click()
    page.wait_for_selector("#donor:not([hidden])")
    assert page.is_hidden("#picking")
    assert options.nth(0).get_attribute("aria-selected") == chosen == "true"
    with page.expect_request(lambda asked: asked.url.endswith("ask/view") and "donor" in asked.post_data) as asked:
        settled(page, lambda: drag(page))
    sent = json.loads(asked.value.post_data)
    assert sent["strokes"][0]["fill"] == {"donor": 0, "shift": [0, 0]}
    page.locator("#donor").click(position={"x": 20, "y": 20})
    assert page.is_checked("[name=position][value=chosen]")
    with page.expect_request(lambda asked: asked.url.endswith("ask/view")) as asked:
        settled(page, lambda: drag(page))
    shift = json.loads(asked.value.post_data)["strokes"][-1]["fill"]["shift"]
    assert shift != [0, 0]
    page.focus("#donor")
    page.keyboard.press("ArrowRight")
    with page.expect_request(lambda asked: asked.url.endswith("ask/view")) as asked:
        settled(page, lambda: drag(page))
    assert json.loads(asked.value.post_data)["strokes"][-1]["fill"]["shift"] == [shift[0] + 1, shift[1]]
    page.locator("#again summary").click()
    page.locator("#python", has_text="Donor(picture=0").wait_for()


def test_lists_and_the_gallery(page: Any) -> None:
    assert page.locator("#film [role=option]").count() == 8
    with page.expect_response(lambda answer: answer.url.endswith("ask/pictures")) as answer:
        page.select_option("#list", "loss")
    listed = answer.value.json()["pictures"]
    page.wait_for_selector("#film [role=option][aria-label*=loss]")
    settled(page, lambda: page.locator("#film [role=option]").nth(2).click())
    selected = page.locator("#film [aria-selected=true]")
    assert selected.get_attribute("data-index") == str(listed[2]["index"])
    page.click("#gallery")
    page.wait_for_selector(".gallery-row")
    assert page.locator(".gallery-row").count() == 2
    settled(page, lambda: page.locator(".gallery-row [role=option]").last.click())
    page.locator(".gallery-row > button").last.click()
    page.wait_for_selector("#film:not([hidden])")
    assert page.input_value("#class") == "1"
    assert page.get_attribute("#gallery", "aria-pressed") == "false"


def test_an_empty_list_says_so(page: Any) -> None:
    with page.expect_response(lambda answer: answer.url.endswith("ask/pictures")) as answer:
        page.select_option("#list", "misclassified")
    state = "visible" if answer.value.json()["n"] == 0 else "hidden"
    page.wait_for_selector("#empty", state=state)


def test_a_photo_is_opened_and_all_is_saved(page: Any, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (50, 40), (200, 180, 160)).save(buffer, "JPEG")
    photo = {"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": buffer.getvalue()}
    seen = settled(page, lambda: page.set_input_files("#photo", files=[photo]))
    assert seen["label"] is None
    page.set_input_files("#photo", files=[{**photo, "buffer": b"<svg/>"}])
    page.wait_for_selector("#error:not([hidden])")
    assert "cannot be read" in page.text_content("#error")
    page.click("#error-close")
    assert page.is_hidden("#error")
    saved = {}
    for button in ("png", "json", "painted", "photo", "modified"):
        with page.expect_download() as download:
            page.click(f"#save-{button}")
        saved[download.value.suggested_filename] = download.value.path().read_bytes()
    assert sorted(saved) == ["modified.png", "painted.png", "photo.png", "studio.json", "studio.png"]
    assert Image.open(io.BytesIO(saved["studio.png"])).width > 1000
    assert Image.open(io.BytesIO(saved["photo.png"])).size == (24, 24)
    numbers = json.loads(saved["studio.json"])
    assert len(numbers["logits"]) == len(numbers["second"]["logits"]) == 2
    page.click("#again summary")
    page.locator("#python", has_text="read_photo(").wait_for()
    page.locator("#python", has_text="second_logits").wait_for()


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_photo_is_dropped_or_pasted(page: Any, kind: str) -> None:
    """The event is made in the page, with a file in it, as the browser makes it."""
    make = """async kind => {
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = 30;
        canvas.getContext("2d").fillRect(0, 0, 20, 20);
        const blob = await new Promise(done => canvas.toBlob(done));
        const data = new DataTransfer();
        data.items.add(new File([blob], "mine.png", { type: "image/png" }));
        const init = { bubbles: true, cancelable: true };
        document.body.dispatchEvent(kind === "drop" ? new DragEvent("drop", { ...init, dataTransfer: data })
            : new ClipboardEvent("paste", { ...init, clipboardData: data }));
    }"""
    seen = settled(page, lambda: page.evaluate(make, kind))
    assert seen["label"] is None
    assert page.locator("#film [aria-selected=true]").count() == 0


def camera_stops(page: Any) -> bool:
    """Asked again and again from here: the page's policy forbids the eval by which Playwright would wait in it."""
    for _ in range(100):
        if page.evaluate("document.getElementById('video').srcObject === null"):
            return True
        page.wait_for_timeout(50)
    return False


def test_the_camera(page: Any) -> None:
    page.click("#camera")
    page.wait_for_selector("#shoot:enabled")
    seen = settled(page, lambda: page.click("#shoot"))
    assert seen["label"] is None
    assert page.is_hidden("#camera-dialog")
    assert camera_stops(page)
    page.click("#camera")
    page.wait_for_selector("#shoot:enabled")
    page.keyboard.press("Escape")
    assert page.is_hidden("#camera-dialog")
    assert camera_stops(page)


AGAIN = """
import json
both = {"logits": logits.tolist(), "changed": changed.tolist(), "second": second_logits.tolist()}
json.dump(both, open("again.json", "w"))
"""


def test_the_lines_of_the_page_give_its_numbers_again(page: Any, tmp_path: Path) -> None:
    """What was done by hand, bit by bit: rotated, painted with a donor, attacked, shown to two models."""
    page.check("[name=fill][value=donor]")
    page.locator("#film [role=option]").nth(5).click()
    page.wait_for_selector("#donor:not([hidden])")
    settled(page, lambda: drag(page))
    settled(page, lambda: page.select_option("#attack", "pgd-20"))
    page.focus("#degrees")
    settled(page, lambda: page.keyboard.press("ArrowRight"))
    page.click("#again summary")
    page.locator("#python", has_text="second_logits").wait_for()
    lines = page.text_content("#python")
    with page.expect_download() as download:
        page.click("#save-json")
    saved = json.loads(download.value.path().read_text())
    assert lines == saved["python"]
    assert "rotate(picture, 1)" in lines
    assert "Donor(picture=0" in lines
    (tmp_path / "again.py").write_text(lines + AGAIN)
    done = subprocess.run([sys.executable, "again.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    again = json.loads((tmp_path / "again.json").read_text())
    wanted = {"logits": saved["logits"], "changed": saved["changed"], "second": saved["second"]["logits"]}
    assert again == wanted


def test_buttons_that_search(page: Any) -> None:
    first = probabilities(page)
    settled(page, lambda: page.click("#worst"))
    assert probabilities(page) != first
    settled(page, lambda: page.click("#clear"))
    page.select_option("#attack", "fgsm")
    with page.expect_response(lambda answer: answer.url.endswith("ask/smallest")) as answer:
        page.click("#smallest")
    steps = answer.value.json()["steps"]
    page.locator("#steps-text", has_text=f"{steps}/255").wait_for()
    page.wait_for_selector(".stage[aria-busy=false]")
    before, after = predictions(page)
    assert before != after


def test_without_data_the_page_says_what_to_do(browser: Any, place: Path) -> None:
    with Server(Studio([load(str(place / "first"))])) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        page = browser.new_page()
        page.goto(server.address)
        page.wait_for_selector("#empty:not([hidden])")
        assert "without data" in page.text_content("#empty")
        assert page.is_hidden("#second-row")
        buffer = io.BytesIO()
        Image.new("RGB", (50, 40), (200, 180, 160)).save(buffer, "PNG")
        photo = {"name": "mine.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
        settled(page, lambda: page.set_input_files("#photo", files=[photo]))
        assert page.locator("#bars li").count() == 2
        page.close()
        server.shutdown()
        thread.join()


def test_a_page_that_is_left_is_forgotten(page: Any, server: Any) -> None:
    pages = server.studio.sessions
    assert len(pages) == 1
    page.goto("about:blank")
    deadline = time.monotonic() + 10
    while len(pages) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(pages) == 0
