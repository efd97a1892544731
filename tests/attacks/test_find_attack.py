"""Attacks by name, with any number of steps."""

import pytest

from ironglass.attacks import APGD, ATTACKS, FAB, PGD, AutoAttack, Square, find_attack
from ironglass.errors import InputError


def test_a_name_may_carry_its_count() -> None:
    assert find_attack("pgd-20") is ATTACKS["pgd-20"]
    assert find_attack("pgd-50") == PGD(steps=50, leave=True)
    assert find_attack("apgd-ce-7") == APGD(steps=7)
    assert find_attack("fab-t-3") == FAB(steps=3, targets=9)
    assert find_attack("square-500") == Square(queries=500)
    assert find_attack("ensemble-5") == AutoAttack(steps=5)


@pytest.mark.parametrize(
    "name", ["", "pgd", "pgd-0", "pgd-05", "pgd-+5", "pgd-²", "fgsm-3", "noise-2", "pgd-20-5", "x-5"]
)
def test_other_names_are_refused_with_the_choices(name: str) -> None:
    with pytest.raises(InputError, match=r"choose from fgsm, .*ensemble"):
        find_attack(name)
