"""The page by keyboard alone, in the accessibility tree, in both themes, and under a finger."""

from typing import Any

import pytest

from studio_page import probabilities, settled

pytestmark = pytest.mark.browser

CONTRASTS = """() => {
    const channel = value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const read = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const shares = [0.2126, 0.7152, 0.0722];
    const luminance = rgb => shares.reduce((sum, share, i) => sum + share * channel(rgb[i] / 255), 0);
    const behind = element => {
        for (let one = element; one; one = one.parentElement) {
            const colour = read(getComputedStyle(one).backgroundColor);
            if (colour.length === 3 || colour[3] > 0.99) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    for (const element of document.querySelectorAll("body *")) {
        const text = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (!text || element.closest("option, :disabled") || !element.checkVisibility()) continue;
        const both = [read(getComputedStyle(element).color), behind(element)].map(luminance);
        const [one, two] = both.sort((a, b) => b - a);
        found.push([(one + 0.05) / (two + 0.05), element.textContent.trim().slice(0, 40)]);
    }
    return found;
}"""

CONTROLS = """() => [...document.querySelectorAll("button, input, select, summary, pre, [tabindex]")]
    .filter(one => one.checkVisibility() && !one.disabled && one.tabIndex >= 0)
    .filter(one => one.type !== "radio" || one.checked)
    .map(one => one.id || one.name || one.textContent.trim() || one.ariaLabel)"""

ACTIVE = """() => {
    const one = document.activeElement;
    return one === document.body ? "" : one.id || one.name || one.textContent.trim() || one.ariaLabel;
}"""

COVERED = """() => {
    const one = document.activeElement, inLabel = one.type === "radio" || one.type === "file";
    const box = (inLabel ? one.closest("label") : one).getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, Math.max(1, Math.min(innerHeight - 1, box.top + box.height / 2))];
    const top = document.elementFromPoint(x, y);
    return !(top && (one.contains(top) || top.contains(one) || one.closest("label")?.contains(top)));
}"""


def everything(page: Any) -> None:
    """Opens all that is hidden at first: the donor, the lines, the keyboard's help, a list's badges."""
    page.check("[name=fill][value=donor]")
    page.locator("#film [role=option]").nth(2).click()
    page.wait_for_selector("#donor:not([hidden])")
    settled(page, lambda: page.select_option("#attack", "fgsm"))
    for part in ("#again", "#keys"):
        page.click(f"{part} summary")
    page.locator("#python", has_text="ironglass").wait_for()
    page.select_option("#list", "loss")
    page.wait_for_selector("#badges:not([hidden])")


@pytest.mark.parametrize("page", [(1440, "light"), (1440, "dark")], indirect=True, ids=str)
def test_contrast_of_all_text_is_aa(page: Any) -> None:
    everything(page)
    ratios = page.evaluate(CONTRASTS)
    page.click("#gallery")
    page.wait_for_selector(".gallery-row")
    page.set_input_files("#photo", files=[{"name": "x.png", "mimeType": "image/png", "buffer": b"<svg/>"}])
    page.wait_for_selector("#error:not([hidden])")
    page.click("#camera")
    page.wait_for_selector("#shoot:enabled")
    ratios += page.evaluate(CONTRASTS)
    assert len(ratios) > 60
    assert [one for one in ratios if one[0] < 4.5] == []


@pytest.mark.parametrize("page", [(1440, "light"), (1440, "dark")], indirect=True, ids=str)
def test_bars_and_the_focus_ring_stand_out(page: Any) -> None:
    """Of what is no text, the bars and the ring around the focus: 3 to 1 against the page (WCAG 1.4.11)."""
    ratio = """name => {
        const probe = document.createElement("p");
        probe.textContent = "x";
        probe.style.color = `var(--${name})`;
        document.body.append(probe);
        return true;
    }"""
    for name in ("accent", "muted"):
        assert page.evaluate(ratio, name)
    worst = [one for one in page.evaluate(CONTRASTS) if one[1] == "x"]
    assert len(worst) == 2
    assert min(one[0] for one in worst) >= 3
    page.focus("#undo")
    page.keyboard.press("Tab")
    style = page.evaluate(
        "(() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth] })()"
    )
    assert style == ["solid", "2px"]


def test_every_control_of_the_tree_has_a_name(page: Any) -> None:
    everything(page)
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    focusable = [
        node
        for node in nodes
        if not node["ignored"]
        and any(p["name"] == "focusable" and p["value"]["value"] for p in node.get("properties", []))
    ]
    named = [node for node in focusable if node["role"]["value"] not in ("RootWebArea",)]
    assert len(named) > 40
    assert [node["role"] for node in named if not node.get("name", {}).get("value", "").strip()] == []
    pictures = [node for node in nodes if node.get("role", {}).get("value") in ("image", "img", "application")]
    names = [node.get("name", {}).get("value", "") for node in pictures if not node["ignored"]]
    assert len(names) >= 4
    assert all(names)
    assert any("Modified" in name for name in names)


@pytest.mark.parametrize("page", [(1440, "light"), (390, "light")], indirect=True, ids=str)
def test_every_control_is_reached_by_tab_and_seen_there(page: Any) -> None:
    everything(page)
    wanted = set(page.evaluate(CONTROLS))
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached, covered = [], []
    for _ in range(120):
        page.keyboard.press("Tab")
        name = page.evaluate(ACTIVE)
        if not name:  # between the last control and the first
            continue
        if reached and name == reached[0]:
            break
        reached.append(name)
        if page.evaluate(COVERED):
            covered.append(name)
    assert wanted - set(reached) == set()
    assert covered == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_the_keyboard_moves_resizes_paints_and_undoes(page: Any) -> None:
    first = probabilities(page)
    page.focus("#after")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    assert page.text_content("#frame") == "Frame 6 × 6 pixels, at 8 from the left and 8 from the top"
    for _ in range(2):
        page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowLeft")
    assert page.text_content("#frame") == "Frame 9 × 6 pixels, at 0 from the left and 8 from the top"
    page.check("[name=tool][value=rectangle]")
    page.focus("#after")
    for key in ("ArrowLeft", "ArrowUp", "Control+ArrowRight"):
        page.keyboard.press(key)
    with page.expect_request(lambda asked: asked.url.endswith("ask/view")) as asked:
        settled(page, lambda: page.keyboard.press("Enter"))
    assert '"top":8,"left":8,"height":6,"width":7' in asked.value.post_data
    assert probabilities(page) != first
    settled(page, lambda: page.keyboard.press("Backspace"))
    assert probabilities(page) == first


def test_a_list_is_walked_by_arrow_keys(page: Any) -> None:
    page.focus("#film [role=option][tabindex='0']")
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home", "ArrowRight"):
        page.keyboard.press(key)
    seen = settled(page, lambda: page.keyboard.press("Enter"))
    assert seen["label"] is not None
    assert page.locator("#film [role=option]").nth(1).get_attribute("aria-selected") == "true"


def test_nothing_moves_where_motion_is_reduced(page: Any) -> None:
    durations = """() => [...document.querySelectorAll("*")].map(one => getComputedStyle(one))
        .filter(one => !/^0s(, 0s)*$/.test(one.transitionDuration) || one.animationName !== "none").length"""
    assert page.evaluate(durations) > 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(durations) == 0


@pytest.mark.parametrize("page", [(390, "light")], indirect=True, ids=str)
def test_a_finger_finds_every_target(page: Any) -> None:
    everything(page)
    small = """() => [...document.querySelectorAll("button, select, summary, .button, .choice label, [type=range]")]
        .filter(one => one.checkVisibility()).map(one => [one.id || one.textContent, one.getBoundingClientRect()])
        .filter(([, box]) => box.width < 44 || box.height < 44).map(([name, box]) => [name, box.width, box.height])"""
    assert page.evaluate(small) == []
    page.click("#gallery")
    page.wait_for_selector(".gallery-row")
    assert page.evaluate(small) == []


@pytest.mark.parametrize("page", [(390, "light")], indirect=True, ids=str)
@pytest.mark.parametrize("models", [1, 2])
def test_no_tool_covers_the_picture_of_a_phone(page: Any, models: int) -> None:
    if models == 1:
        settled(page, lambda: page.select_option("#second", ""))
    height = page.evaluate("document.documentElement.scrollHeight")
    for top in range(0, height, 200):
        page.evaluate(f"window.scrollTo(0, {top})")
        covered = page.evaluate("""() => {
            const box = document.getElementById("after").getBoundingClientRect();
            const shares = [0.1, 0.5, 0.9], at = (x, y) => [box.left + x * box.width, box.top + y * box.height];
            return shares.flatMap(x => shares.map(y => at(x, y)))
                .filter(([x, y]) => y > 0 && y < innerHeight)
                .filter(([x, y]) => document.elementFromPoint(x, y).id !== "after");
        }""")
        assert covered == []
        stage = page.evaluate("document.querySelector('.stage').getBoundingClientRect().bottom")
        assert models == 2 or top < 700 or stage < 844 * 0.55


@pytest.mark.parametrize("page", [(1440, "light"), (700, "light"), (390, "light")], indirect=True, ids=str)
@pytest.mark.parametrize("models", [1, 2])
def test_nothing_of_the_stage_lies_over_another(page: Any, models: int) -> None:
    if models == 1:
        settled(page, lambda: page.select_option("#second", ""))
    overlapping = """() => {
        const parts = [...document.querySelector(".stage").children].filter(one => one.checkVisibility());
        const boxes = parts.map(one => [one.id || one.className, one.getBoundingClientRect()]);
        const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
            && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
        return boxes.flatMap(([name, box], i) => boxes.slice(i + 1).filter(([, other]) => meet(box, other))
            .map(([other]) => [name, other]));
    }"""
    assert page.locator(".stage figure:visible").count() == 2 * models
    assert page.evaluate(overlapping) == []
    widths = [page.locator(f"#after{end}").bounding_box()["width"] for end in ("", "-second")[:models]]
    assert widths == pytest.approx(widths[:1] * models, abs=1)
