"""The page in Debian's chromium: nothing asked for, nothing cut, slider and theme at work."""

import csv
import io
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ironglass.api import compare_runs
from ironglass.run import Run
from made_up_runs import made_up

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(attacked: Run) -> str:
    return (attacked.path / "report.html").as_uri()


@pytest.fixture
def opened(browser, address: str, request: pytest.FixtureRequest) -> Iterator:
    """The page, with everything that it complained of or asked for in `page.complaints` and `page.requests`."""
    width, scheme = getattr(request, "param", (1280, "light"))
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.complaints, page.requests = [], []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda asked: page.requests.append(asked.url))
    page.goto(address)
    yield page
    page.close()


EVERY = pytest.mark.parametrize(
    "opened", [(w, s) for w in (1280, 390) for s in ("light", "dark")], indirect=True, ids=lambda p: f"{p[0]}-{p[1]}"
)


@EVERY
def test_nothing_is_asked_for_and_nothing_complains(opened, address: str):
    assert [url for url in opened.requests if not url.startswith("data:")] == [address]
    assert opened.complaints == []


@EVERY
def test_nothing_is_cut(opened):
    width, shown = opened.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= shown
    opened.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    outside = opened.evaluate(
        """[...document.querySelectorAll("main *")].filter((part) => {
             const box = part.getBoundingClientRect();
             return box.width && !part.closest(".scroll, .aside, svg") && (box.right > innerWidth + 1 || box.left < -1);
           }).map((part) => part.outerHTML.slice(0, 90))"""
    )
    assert outside == []


@EVERY
def test_one_of_the_two_drawings_is_shown(opened):
    narrow = opened.viewport_size["width"] < 640
    assert opened.locator(".chart .narrow >> visible=true").count() == (5 if narrow else 0)
    assert opened.locator(".chart .wide >> visible=true").count() == (0 if narrow else 5)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_the_page_of_named_methods(browser, explained: Run, width: int, scheme: str):
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((explained.path / "report.html").as_uri())
    assert complaints == []
    scrolled, shown = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert scrolled <= shown
    frames = page.evaluate(
        """[...document.querySelectorAll(".explained .frame")].map((frame) => {
             const box = frame.getBoundingClientRect(), cell = frame.parentElement.getBoundingClientRect();
             return [(box.top - cell.top) / cell.height, (box.left - cell.left) / cell.width, box.width / cell.width];
           })"""
    )
    lines = page.locator(".scroll:not(.strip) tbody th", has_text="unchanged").evaluate_all(
        """(cells) => cells.filter((cell) => cell.textContent.trim() === "unchanged").map((cell) => {
             const text = document.createRange(); text.selectNodeContents(cell);
             return new Set([...text.getClientRects()].map((box) => box.top)).size;
           })"""
    )
    assert lines
    assert set(lines) == {1}  # a word is not broken for want of width
    assert len(frames) == 3 * 5  # three images, each hidden once: the image, and four maps with saliency's two parts
    for top, left, across in frames:
        assert (top, left, across) == pytest.approx((5 / 28, 9 / 28, 7 / 28), abs=0.01)
    page.close()


def test_a_click_enlarges_a_picture_to_whole_multiples_of_its_pixels(opened):
    picture = opened.locator(".attacked .adversarial").nth(1)
    own = picture.evaluate("(part) => part.naturalWidth")
    assert picture.bounding_box()["width"] % own == 0
    picture.click()
    enlarged = opened.locator("#enlarged img")
    assert enlarged.get_attribute("src") == picture.get_attribute("src")
    assert enlarged.bounding_box()["width"] % own == 0
    assert enlarged.bounding_box()["width"] > 4 * own
    opened.keyboard.press("ArrowRight")
    assert enlarged.get_attribute("src") == opened.locator(".attacked .change").nth(1).get_attribute("src")
    opened.keyboard.press("Escape")
    assert not enlarged.is_visible()
    opened.locator(".album .photo").first.focus()
    opened.keyboard.press("Enter")
    assert opened.locator("#enlarged .photo-0").is_visible()


def test_a_table_is_downloaded_with_its_exact_numbers(opened, attacked: Run, tmp_path: Path):
    with opened.expect_download() as waiting:
        opened.get_by_role("button", name="Download as CSV: Accuracy under every attack").click()
    rows = list(csv.DictReader(io.StringIO(waiting.value.path().read_text(encoding="utf-8"))))
    measured = attacked.results["attacks"]
    point = measured["attacks"][1]["points"][0]
    row = next(row for row in rows if row["attack"] == measured["attacks"][1]["label"])
    (first, *_) = [name for name in row if name.startswith("eps ") and name.endswith("(low)")]
    assert float(row[first]) == point["accuracy"]["low"]
    assert float(row[first.removesuffix(" (low)")]) == point["accuracy"]["value"]


def test_a_chart_is_downloaded_as_svg_of_its_own(opened):
    with opened.expect_download() as waiting:
        opened.get_by_role("button", name="Download the chart as SVG").first.click()
    text = waiting.value.path().read_text(encoding="utf-8")
    assert waiting.value.suggested_filename == "training.svg"
    assert "var(--" not in text
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"


@EVERY
def test_the_button_turns_the_theme(opened):
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    ink = "getComputedStyle(document.querySelector('.chart svg text')).fill"
    before = opened.evaluate(f"[{ground}, {ink}]")
    button = opened.locator("#theme")
    name = button.get_attribute("aria-label")
    button.click()
    after = opened.evaluate(f"[{ground}, {ink}]")
    assert before[0] != after[0]
    assert before[1] != after[1], "charts follow"
    assert button.get_attribute("aria-label") != name
    button.click()
    assert opened.evaluate(f"[{ground}, {ink}]") == before


def test_the_verdict_opens_with_the_keyboard(opened):
    verdict = opened.locator(".cards .verdict").first
    assert not verdict.locator("li").is_visible()
    verdict.locator("summary").focus()
    opened.keyboard.press("Enter")
    assert verdict.locator("li").is_visible()


def test_attacks_scroll_within_their_boxes_and_keep_their_names_in_sight(opened):
    for box in (".points", ".attacked"):
        table = opened.locator(box).first
        name = table.locator("tbody th").nth(1)
        before = name.bounding_box()["x"]
        table.evaluate("(part) => { part.style.width = '15rem'; part.scrollLeft = 99; }")
        assert table.evaluate("(part) => part.scrollLeft") == 99
        assert abs(name.bounding_box()["x"] - before) < 1


def test_the_reasons_of_a_number_open_with_the_keyboard(opened):
    verdict = opened.locator(".points .verdict.invalid")
    verdict.locator("summary").focus()
    opened.keyboard.press("Enter")
    assert "the gradient is zero" in verdict.locator("li").first.inner_text()
    assert "few <images>" in verdict.locator("li").last.inner_text()


def test_print_is_light_and_shows_everything(opened):
    opened.emulate_media(media="print", color_scheme="dark")
    assert opened.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(252, 251, 248)"
    assert not opened.locator("nav").is_visible()
    assert opened.evaluate("getComputedStyle(document.querySelector('.tall')).maxHeight") == "none"
    assert opened.locator("details.on-paper pre").is_visible(), "the layers of the network"
    assert opened.evaluate("document.querySelector('.attacked').scrollWidth") <= 1280


@pytest.mark.parametrize("count", [2, 10])
def test_tables_of_compared_runs_fit_a_phone_and_paper(browser, tmp_path: Path, count: int):
    attacked = {("fgsm", 8 / 255): [i >= 50 for i in range(100)], ("pgd-20", 8 / 255): [i >= 60 for i in range(100)]}
    runs = [made_up(tmp_path / f"a-long-name-{i}", [i >= 5 for i in range(100)], attacked) for i in range(count)]
    address = (compare_runs(runs, tmp_path / "compared").path / "report.html").as_uri()
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    sideways = """[...document.querySelectorAll("#runs-compared .scroll")]
                    .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.ariaLabel)"""
    assert page.evaluate(sideways) == []
    page.set_viewport_size({"width": 720, "height": 1000})
    page.emulate_media(media="print")
    assert page.evaluate("document.querySelector('#runs-compared').scrollWidth") <= 720
    assert page.evaluate(sideways) == []
    page.close()


def test_errors_are_browsed_by_class(browser):
    script = (files("ironglass.report") / "page" / "script.js").read_text(encoding="utf-8")
    parts = "".join(f'<li data-class="{name}">{name}</li>' for name in ("cat", "dog", "cat"))
    buttons = '<button id="theme"></button><button id="print"></button>'
    page = browser.new_page()
    page.set_content(f'{buttons}<main><ul class="album" data-by="class">{parts}</ul></main><script>{script}</script>')
    choice = page.get_by_label("True class")
    assert choice.locator("option").all_inner_texts() == ["all (3)", "cat (2)", "dog (1)"]
    choice.select_option("cat")
    assert page.locator("li:visible").all_inner_texts() == ["cat", "cat"]
    choice.select_option("")
    assert page.locator("li:visible").count() == 3
    page.close()


@EVERY
def test_the_answer_to_an_adversarial_image_has_the_width_of_the_image(opened):
    boxes = opened.locator(".attacked-one").evaluate_all(
        """(cells) => cells.map((cell) => ["who", "change"].map((name) => {
             const part = cell.querySelector(`.${name}`), box = part.getBoundingClientRect();
             return [part.scrollWidth - part.clientWidth, box.top, box.width / cell.getBoundingClientRect().width];
           }))"""
    )
    assert boxes
    for (cut, top, share), (_, below, _) in boxes:
        assert cut <= 0
        assert top < below
        assert share == pytest.approx(1)
