"""Words of messages."""

import pytest

from ironglass.errors import with_article


@pytest.mark.parametrize(("noun", "words"), [("int", "an int"), ("Audit", "an Audit"), ("dict", "a dict"), ("", "a ")])
def test_a_noun_has_its_article(noun: str, words: str) -> None:
    assert with_article(noun) == words
