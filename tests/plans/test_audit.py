"""Plans and recipes."""

import pytest

from ironglass.errors import InputError
from ironglass.plans.audit import Audit, parse_eps
from ironglass.recipes import RECIPES, load_recipe, summary
from ironglass.train.record import as_json, override


def test_eps_as_people_write_it() -> None:
    assert parse_eps("8/255") == 8 / 255
    assert parse_eps("0.03") == parse_eps(0.03) == 0.03
    assert parse_eps(" 1 / 4 ") == 0.25
    for wrong in ("banana", "inf", "-0.1", "1/0", "nan", "1/2/3", ""):
        with pytest.raises(InputError, match="eps"):
            parse_eps(wrong)


def test_a_plan_reads_eps_too() -> None:
    assert Audit(eps=("1/255", 0.1)).eps == (1 / 255, 0.1)
    assert override(Audit(), "eps", '["2/255"]').eps == (2 / 255,)


def test_eps_beyond_1_is_for_l2() -> None:
    assert Audit(attacks=("pgd-7",), norm="l2", eps=(1.5,)).eps == (1.5,)
    for wrong in ({"eps": (8.0,)}, {"eps": (0.0,), "attacks": ("fgsm",)}, {"norm": "l2"}, {"attacks": ("pgd",)}):
        with pytest.raises(ValueError, match=r"8/255|every eps is 0|attacks is empty|no attack 'pgd'"):
            Audit(**wrong)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_its_name_and_says_what_it_is(name: str) -> None:
    assert load_recipe(name).name == name
    assert len(summary(name)) > 40


def test_fashion_attributions_does_what_the_fourth_document_asks() -> None:
    explained = load_recipe("fashion-attributions").explained
    assert {"saliency", "guided-backprop", "integrated-gradients"} <= set(explained.methods)
    assert sorted(explained.chosen) == ["Pullover"] * 2 + ["Trouser"] * 2
    assert explained.hide


@pytest.mark.parametrize("name", ["digits", "cats-dogs"])
def test_what_the_first_document_asks(name: str) -> None:
    recipe = load_recipe(name)
    assert set(recipe.steps) >= {"train", "evaluate", "explain", "attack"}
    assert len(recipe.masks) >= 3
    assert len([eps for eps in recipe.eps if eps > 0]) >= 3
    assert "kind" in as_json(recipe)["stages"][0]["objective"]
