"""Makes the pictures of docs/howto/studio.md: `python docs/studio_pictures.py RUN HARDENED_RUN`.

Drives the studio in Debian's chromium. The two runs are models of the same data, which the first one names; those
of the page are `simple-cnn` on cats and dogs at 64 px, plain and hardened by N-FGSM (eps 4/255).
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from ironglass.studio.app import Studio
from ironglass.studio.load import load_all
from ironglass.studio.server import Server

FOLDER = Path(__file__).parent / "howto"
SCREEN, WIDTH = (1240, 1010), 860
"""Pixels that are recorded, and the width of the recording."""
SECONDS_TO_SETTLE = 0.7


def main(models: list[str]) -> None:
    """Writes two still pictures and a recording into docs/howto/."""
    with Server(Studio(load_all(models, None, device="cpu", download=False))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            still(browser, server.address)
            phone(browser, server.address)
            recording(browser, server.address)
            browser.close()
        server.shutdown()


def opened(browser: Any, address: str, width: int, height: int, **options: Any) -> Any:
    """The page after its first view."""
    page = browser.new_page(viewport={"width": width, "height": height}, **options)
    page.goto(address)
    page.wait_for_selector("#bars li")
    settle(page)
    return page


def settle(page: Any) -> None:
    """Waits until the newest view is shown."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000 * SECONDS_TO_SETTLE)


def stroke(page: Any, after_move: Callable[[], None] = lambda: None) -> None:
    """Paints over the upper middle of the modified image."""
    box = page.locator("#after").bounding_box()
    for i in range(7):
        page.mouse.move(box["x"] + box["width"] * (0.4 + 0.06 * i), box["y"] + box["height"] * (0.22 + 0.02 * i))
        if i == 0:
            page.mouse.down()
        settle(page)
        after_move()
    page.mouse.up()
    page.mouse.move(0, 0)


def still(browser: Any, address: str) -> None:
    """Two models side by side, on a wide screen: the first picture whose attack does not transfer."""
    page = opened(browser, address, 1440, 1290)
    page.select_option("#attack", "pgd-20")
    page.evaluate("document.getElementById('steps').value = 4")
    page.dispatch_event("#steps", "input")
    for option in page.locator("#film [role=option]").all():
        option.click()
        settle(page)
        if "does not transfer" in page.text_content("#words"):
            break
    page.mouse.move(0, 0)
    picture(page).save(FOLDER / "studio-two-models.webp", quality=82, method=6)
    page.close()


def phone(browser: Any, address: str) -> None:
    """One model on a phone, dark, while tools are used."""
    page = opened(browser, address, 390, 844, color_scheme="dark", has_touch=True)
    page.select_option("#second", "")
    stroke(page)
    page.locator("#attack").scroll_into_view_if_needed()
    page.select_option("#attack", "fgsm")
    settle(page)
    picture(page).save(FOLDER / "studio-phone.webp", quality=82, method=6)
    page.close()


def recording(browser: Any, address: str) -> None:
    """Paint, attack, slide eps, step through the layers, find the worst position, browse the errors."""
    page = opened(browser, address, *SCREEN)
    page.select_option("#second", "")
    settle(page)
    frames: list[tuple[Image.Image, int]] = []

    def frame(milliseconds: int = 250) -> None:
        frames.append(
            (
                picture(page).resize((WIDTH, round(WIDTH * SCREEN[1] / SCREEN[0])), Image.Resampling.LANCZOS),
                milliseconds,
            )
        )

    frame(1200)
    stroke(page, frame)
    frame(900)
    page.click("#clear")
    page.select_option("#attack", "pgd-20")
    for steps in range(7):
        page.evaluate(f"document.getElementById('steps').value = {steps}")
        page.dispatch_event("#steps", "input")
        settle(page)
        frame(350)
    frame(1000)
    page.focus("#layer")
    page.keyboard.press("Home")
    for _ in range(int(page.get_attribute("#layer", "max")) + 1):
        settle(page)
        frame(450)
        page.keyboard.press("ArrowRight")
    page.select_option("#attack", "")
    page.click("#worst")
    settle(page)
    frame(1500)
    page.select_option("#list", "misclassified")
    page.wait_for_selector("#badges:not([hidden])", timeout=120_000)
    settle(page)
    frame(900)
    page.locator("#film [role=option]").nth(2).click()
    settle(page)
    frame(1800)
    first, *rest = [one for one, _ in frames]
    times = [milliseconds for _, milliseconds in frames]
    first.save(
        FOLDER / "studio.webp", save_all=True, append_images=rest, duration=times, loop=0, quality=55, method=6
    )  # fmt: skip
    page.close()


def picture(page: Any) -> Image.Image:
    """The page as it is seen."""
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


if __name__ == "__main__":
    main(sys.argv[1:])
