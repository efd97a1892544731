"""Plans and recipes."""

# Short, former and wrong forms are given on purpose, which the types do not admit.
# pyright: reportArgumentType=false, reportCallIssue=false, reportOptionalMemberAccess=false
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

import pytest

from ironglass.eps import parse_eps
from ironglass.errors import InputError
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.parts import Corruptions, Guard, PatchSearch
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
    assert Audit(attacks=Attacks(eps=("1/255", 0.1))).attacks.eps == (1 / 255, 0.1)
    assert override(Audit(), "attacks.eps", '["2/255"]').attacks.eps == (2 / 255,)


def test_eps_beyond_1_is_for_l2() -> None:
    assert Audit(attacks=Attacks(methods=("pgd-7",), norm="l2", eps=(1.5,))).attacks.eps == (1.5,)
    for wrong in ({"eps": (8.0,)}, {"eps": (0.0,), "methods": ("fgsm",)}, {"norm": "l2"}, {"methods": ("pgd",)}):
        with pytest.raises(ValueError, match=r"8/255|every eps is 0|there is none|no attack 'pgd'"):
            Audit(attacks=wrong)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_its_name_and_says_what_it_is(name: str) -> None:
    assert load_recipe(name).name == name
    assert len(summary(name)) > 40


def test_fashion_attributions_does_what_the_fourth_document_asks() -> None:
    explained = load_recipe("fashion-attributions").explanation
    assert explained is not None
    assert {"saliency", "guided-backprop", "integrated-gradients"} <= set(explained.methods)
    assert sorted(explained.chosen) == ["Pullover"] * 2 + ["Trouser"] * 2
    assert explained.hide


@pytest.mark.parametrize("name", ["digits", "cats-dogs"])
def test_what_the_first_document_asks(name: str) -> None:
    recipe = load_recipe(name)
    assert all([recipe.training, recipe.evaluation, recipe.layers, recipe.occlusion, recipe.attacks])
    assert recipe.occlusion is not None
    assert recipe.attacks is not None
    assert len(recipe.occlusion.masks) >= 3
    assert len([eps for eps in recipe.attacks.eps if eps > 0]) >= 3
    assert "kind" in as_json(recipe)["stages"][0]["objective"]


def test_a_part_may_be_given_whole_as_a_dict_or_by_its_first_field() -> None:
    whole = Audit(guard=Guard(mode="pgd"), patches=PatchSearch(sizes=(2,)), corruptions=Corruptions(names=("jpeg",)))
    assert Audit(guard="pgd", patches=[2], corruptions=("jpeg",)) == whole
    assert Audit(guard={"mode": "pgd"}, patches={"sizes": (2,)}, corruptions={"names": ("jpeg",)}) == whole


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"guard": "none"}, "guard.mode is 'none': choose from on, pgd, fgsm, off"),
        ({"guard": {"eps": 2}}, "guard.eps is 2"),
        ({"patches": (0,)}, "patches.sizes.0 is 0: give a number above 0"),
        ({"patches": 3}, r"patches is 3: give PatchSearch\(...\), or its fields"),
        ({"corruptions": ("rain",)}, "rain"),
        ({"corruptions": {"count": 3}}, "no field 'corruptions.count'; corruptions has names, images"),
        ({"occlusion": {"masks": ("gray",)}}, "did you mean grey"),
    ],
)
def test_a_wrong_part_is_refused_by_name(fields: dict, says: str) -> None:
    with pytest.raises(InputError, match=says) as raised:
        Audit(**fields)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("first", ["sizes", "images"])
def test_a_part_that_is_set_in_short_keeps_its_other_fields(first: str) -> None:
    changes = {"sizes": ("patches", "[2]"), "images": ("patches.images", "7")}
    changed = Audit()
    for name in sorted(changes, key=lambda name: name != first):
        changed = override(changed, *changes[name])
    assert changed.patches == PatchSearch(sizes=(2,), images=7)
    robust = Audit(attacks=Attacks(methods=("fgsm",), norm="l2", eps=(2.0,)))
    assert override(robust, "attacks", '["pgd-20"]').attacks == Attacks(methods=("pgd-20",), norm="l2", eps=(2.0,))
    with pytest.raises(InputError, match=r"--set guard: guard\.mode is 'none': choose from"):
        override(Audit(), "guard", "none")
