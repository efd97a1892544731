"""Steps that the tests of the page share."""

from collections.abc import Callable
from typing import Any


def settled(page: Any, work: Callable[[], Any]) -> dict[str, Any]:
    """The answer to the view that the work asks for, once it is shown."""
    with page.expect_response(lambda answer: answer.url.endswith("ask/view")) as answer:
        work()
    page.wait_for_selector(".stage[aria-busy=false]")
    return answer.value.json()


def drag(page: Any) -> None:
    """Draws a stroke over the middle of the modified image."""
    page.locator("#after").scroll_into_view_if_needed()
    box = page.locator("#after").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
    page.mouse.down()
    for i in range(6):
        page.mouse.move(box["x"] + box["width"] * (0.25 + 0.08 * i), box["y"] + box["height"] * (0.25 + 0.05 * i))
    page.mouse.up()


def probabilities(page: Any) -> list[str]:
    """The probabilities beside the bars."""
    return page.locator("#bars .values").all_text_contents()


def predictions(page: Any) -> list[str]:
    """The classes in the captions of original and modified image."""
    captions = [page.text_content(f"#prediction-{when}") for when in ("before", "after")]
    return [caption.split(" ")[0] for caption in captions]
