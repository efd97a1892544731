"""Fields of a request that have none of their values: each is refused by its name, and the server is up and small."""

import json
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("unharmed")

BRUSH = {"kind": "brush", "fill": "black", "radius": 2, "points": [[3, 4]]}
BOX = {"kind": "rectangle", "fill": "black", "top": 1, "left": 1, "height": 3, "width": 3}
BIG = 10**400


@pytest.fixture
def page(ask) -> str:
    return ask("POST", "ask/begin", {})[1]["page"]


STROKES: list[tuple[Any, str]] = [
    ({}, "strokes: give a list"),
    ("[]", "strokes: give a list"),
    ([BOX] * 10_000, "strokes: give a list of at most 500"),
    ([BRUSH | {"points": [[1, 1]] * 5001}], "strokes[0].points: give 1 to 5000"),
    ([BRUSH | {"points": [[1, 1]] * 3000}] * 2, "more than 5000 points"),
    ([None], "strokes[0].kind"),
    ([[]], "strokes[0].kind"),
    ([BRUSH | {"kind": "__class__"}], "strokes[0].kind"),
    ([BRUSH | {"kind": ["brush"]}], "strokes[0].kind"),
    ([BRUSH | {"mask": "x"}], "nothing else"),
    ([BRUSH | {"__init__": 1}], "nothing else"),
    ([{"kind": "brush"}], "nothing else"),
    ([BRUSH | {"fill": "red"}], "fill"),
    ([BRUSH | {"fill": "x" * 100_000}], "fill"),
    ([BRUSH | {"fill": {}}], "fill"),
    *(([BRUSH | {"radius": value}], "strokes[0].radius")
      for value in (0, -1, "2", None, True, [], 1e9, BIG, -BIG, 1e-400)),
    *(([BRUSH | {"points": value}], "strokes[0].points")
      for value in ([], {}, "ab", [1, 2], [[1]], [[1, 2, 3]], [["1", 2]], [[None, 1]], [[1e6, 0]], [[0, -1e6]],
                    [[BIG, 0]], [[[1], 2]])),
    *(([BOX | {"height": value}], "strokes[0]") for value in (0, -3, 1.5, "3", 10**6, BIG)),
    *(([BOX | {"top": value}], "strokes[0].top") for value in (1e6, "1", None, False, BIG)),
]  # fmt: skip


@pytest.mark.parametrize(("strokes", "named"), STROKES, ids=lambda value: repr(value)[:50])
def test_strokes_are_refused_by_name(ask, page: str, strokes: Any, named: str) -> None:
    for name in ("view", "numbers", "smallest", "worst"):
        given = {"page": page, "number": 1, "index": 0, "strokes": strokes, "attack": "fgsm", "fill": "grey", "side": 4}
        status, said, _ = ask("POST", f"ask/{name}", given)
        assert status == 422
        assert named in said["error"]
        assert len(said["error"]) < 300


@pytest.mark.parametrize("words", ["1e999", "-1e999", "1" + "0" * 5000])
def test_numbers_beyond_all_numbers_are_refused(ask, page: str, words: str) -> None:
    body = json.dumps({"page": page, "number": 1, "index": 0, "strokes": [BRUSH | {"radius": "X"}]})
    status, said, _ = ask("POST", "ask/view", body.replace('"X"', words).encode())
    assert status in (400, 422)
    assert len(said["error"]) < 200


def test_strokes_outside_the_picture_change_nothing(ask, page: str) -> None:
    plain = ask("POST", "ask/view", {"page": page, "number": 1, "index": 0})[1]
    outside = [BRUSH | {"points": [[-900, 5], [-90000, 99999]]}, BOX | {"top": 24}, BOX | {"left": -99999}]
    painted = ask("POST", "ask/view", {"page": page, "number": 2, "index": 0, "strokes": outside})[1]
    assert plain["top"] == painted["top"]
    assert painted["before"] == painted["after"]


FIELDS: list[tuple[str, dict[str, Any]]] = [
    *(("view", {"index": value}) for value in (40, BIG, 1.0, "0", None, [], -(10**30))),
    *(("view", {"model": value}) for value in (-1, 2, 0.0, "0", "__class__", BIG)),
    *(("view", {"number": value}) for value in (2**53 + 1, 1.5, "1", True, -1)),
    *(("view", {"page": value}) for value in ("", "../x", "x" * 10**5, None, 0, {}, "\ud800")),
    *(("view", {"method": value}) for value in ("__import__('os')", "os.system", "x" * 10**5, 1, {"a": 1})),
    *(("view", {"attack": value}) for value in ("pgd-1000000", "pgd-20:9", "/bin/sh", 1, [])),
    *(("view", {"norm": value}) for value in ("l0", "linf ", 2, None)),
    *(("view", {"steps": value}) for value in (-1, 65, 1e1, "8", True, BIG)),
    *(("view", {"target": value}) for value in (-1, 2, 1.0, "0", True, BIG)),
    *(("view", {"upload": value}) for value in ("../../etc/passwd", "", None, 0, [], {})),
    *(("worst", {"side": value}) for value in (0, -1, 25, 10**9, 2.5, "8", True, BIG)),
    *(("worst", {"fill": value}) for value in ("red", None, 1, ["grey"])),
    *(("smallest", {"attack": value}) for value in ("", None, "noise; rm -rf /")),
    *(("pictures", {"start": value}) for value in (-1, 10**10, "0", 0.5)),
    *(("pictures", {"class": value}) for value in (-1, 2, "0", [], [0, 1, 2], {}, BIG)),
    *(("pictures", {"model": value}) for value in (-1, 2, "0")),
    *(("pictures", {"list": value}) for value in ("misread", "", None, [], "fooled by x")),
    *(("gallery", {"list": value}) for value in ("misread", None, {})),
    *(("gallery", {"start": value}) for value in (-1, "0", BIG)),
    *((name, {"second": value}) for name in ("view", "numbers") for value in (-1, 2, "1", True, 1.0, BIG)),
    *((name, {"degrees": value}) for name in ("view", "worst") for value in ("90", BIG, True, [], 1e308)),
    *(("view", {"donors": value}) for value in (None, {}, "x", [1], [[]], [{}] * 100, [{"index": -1}])),
    ("view", {"donors": [{"upload": "x"}]}),
    *(("picture", {"index": value}) for value in (-1, 40, "0", BIG)),
    *(("end", {"page": value}) for value in (None, 1, [])),
    *((name, {}) for name in ("", "__init__", "_view", "answer", "../view", "view/", "x" * 5000)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "wrong"), FIELDS, ids=lambda value: repr(value)[:50])
def test_a_field_is_refused_in_a_line(ask, page: str, name: str, wrong: dict[str, Any]) -> None:
    status, said, _ = ask("POST", f"ask/{name}", {"page": page, "number": 1, "index": 0, "fill": "grey"} | wrong)
    assert status == 422
    assert 0 < len(said["error"]) < 300
    assert "\n" not in said["error"]
