"""The data section never calls splits apart that share pictures."""

from types import SimpleNamespace
from typing import Any

import pytest

from ironglass.report.about.section import shares_pixels

NOTE = "3 images of test have the very pixels of images of train, as a and b: what is learnt by heart there counts"


@pytest.mark.parametrize(
    ("notes", "across", "shared"),
    [
        ([], None, False),
        ([NOTE], None, True),
        (["7 files are empty"], None, False),
        ([], True, True),
        ([], False, False),
    ],
)
def test_it_says_where_splits_share_pixels(notes: list[str], across: bool | None, shared: bool) -> None:
    inspection = None if across is None else SimpleNamespace(duplicates=[SimpleNamespace(across=across)])
    source: Any = SimpleNamespace(
        data={"notes": notes}, results=SimpleNamespace(inspection=inspection, data_checks=None)
    )
    assert shares_pixels(source) is shared
    for images in (0, 2):
        source.results.data_checks = SimpleNamespace(across=images)
        assert shares_pixels(source) is (bool(images) or across is True)
