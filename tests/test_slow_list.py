"""slow.txt names tests that there are."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LISTED = [line for line in (TESTS / "slow.txt").read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("line", LISTED)
def test_what_is_listed_is_there(line: str) -> None:
    path, _, test = line.partition("::")
    assert (TESTS / path).exists()
    assert not test or re.search(rf"^def {test}\(", (TESTS / path).read_text(), re.M)


def test_a_listed_test_is_marked(request: pytest.FixtureRequest) -> None:
    slow = [item for item in request.session.items if item.path == TESTS / "test_forms.py"]
    assert all(item.get_closest_marker("slow") for item in slow)
    assert not request.node.get_closest_marker("slow")
