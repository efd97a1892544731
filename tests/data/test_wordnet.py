"""Words for WordNet ids."""

from ironglass.data.wordnet import words_of


def test_ids_have_their_first_word() -> None:
    assert words_of(("n01443537", "n04146614")) == {"n01443537": "goldfish", "n04146614": "school bus"}


def test_equal_words_are_told_apart() -> None:
    found = words_of(("n02012849", "n03126707", "n01443537"))  # the bird and the machine
    assert found == {"n02012849": "crane (n02012849)", "n03126707": "crane (n03126707)", "n01443537": "goldfish"}


def test_other_names_stay_as_they_are() -> None:
    for classes in ((), ("cat", "dog"), ("n01443537", "dog"), ("n01443537", "n99999999")):
        assert words_of(classes) == {}
