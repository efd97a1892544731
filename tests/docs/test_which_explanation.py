"""The page on which explanation to take says of every method what the method itself says."""

import re
from pathlib import Path

import pytest

from ironglass.explain import EXPLAINERS

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "which-explanation.md"


def rows() -> dict[str, list[str]]:
    """The cells of the first table, by method."""
    table = re.search(
        r"^\| method \| take it for .*?(?=^$)", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert table
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]
    return {name.strip("`"): rest for name, *rest in cells}


def test_every_method_and_no_other_has_a_row_in_order() -> None:
    assert list(rows()) == list(EXPLAINERS)


@pytest.mark.parametrize("name", EXPLAINERS)
def test_a_row_is_the_methods_own_words(name: str) -> None:
    explainer = EXPLAINERS[name]
    assert rows()[name] == [explainer.purpose, explainer.limits, explainer.paper]
