"""Classes before and after: tested together, and none is called different by chance."""

import numpy as np

from ironglass.studies.hardening.classes import class_pairs

CLASSES, IMAGES = 10, 40


def claims(draws: np.random.Generator, gain: float) -> list[int]:
    """The classes called different, of which one gains by so much and the others nothing."""
    flags = []
    for number in range(CLASSES):
        after = 0.6 + (gain if number == 3 else 0)
        flags.append((draws.random(IMAGES) < 0.6, draws.random(IMAGES) < after))
    return [number for number, pair in enumerate(class_pairs(flags)) if pair.stands]


def test_among_equal_classes_none_is_called_different_and_a_planted_one_is() -> None:
    draws = np.random.default_rng(0)
    assert sum(bool(claims(draws, 0)) for _ in range(100)) <= 5
    found = [claims(draws, 0.39) for _ in range(50)]
    assert sum(3 in one for one in found) >= 48
    assert sum(bool(set(one) - {3}) for one in found) <= 2


def test_a_pair_has_its_rates_and_its_test() -> None:
    before, after = np.array([True, True, False, False]), np.array([True, False, True, True])
    [pair] = class_pairs([(before, after)])
    assert (pair.before.value, pair.after.value, pair.before.n) == (0.5, 0.75, 4)
    assert (pair.test.only_first, pair.test.only_second, pair.stands) == (1, 2, False)
