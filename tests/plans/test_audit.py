"""Plans and recipes."""

import dataclasses
import json
from pathlib import Path

import pytest

from ironglass.errors import InputError
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.eps import parse_eps
from ironglass.plans.parts import Corruptions, Guard, OcclusionCurve, PatchSearch
from ironglass.recipes import RECIPES, load_recipe, summary
from ironglass.results.versions import upgrade_recipe
from ironglass.run import Run
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
    explained = load_recipe("fashion-attributions").explained
    assert {"saliency", "guided-backprop", "integrated-gradients"} <= set(explained.methods)
    assert sorted(explained.chosen) == ["Pullover"] * 2 + ["Trouser"] * 2
    assert explained.hide


@pytest.mark.parametrize("name", ["digits", "cats-dogs"])
def test_what_the_first_document_asks(name: str) -> None:
    recipe = load_recipe(name)
    assert set(recipe.steps) >= {"train", "evaluate", "explain", "attack"}
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
        ({"guard": "off"}, "guard.mode is 'off': choose from on, pgd, fgsm"),
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
    with pytest.raises(InputError, match=r"--set guard: guard\.mode is 'off': choose from"):
        override(Audit(), "guard", "off")


FLAT = {
    "steps": ["evaluate"],
    "attacks": ["pgd-20"],
    "norm": "l2",
    "eps": [0.5, 1.0],
    "attack_batch": 32,
    "masks": ["black"],
    "patch": None,
    "stride": 3,
    "patches": [2, 3],
    "patch_images": 9,
    "corruptions": ["jpeg"],
    "corruption_images": 8,
    "guard": "fgsm",
    "guard_eps": 0.1,
}


@pytest.mark.parametrize("nest", [lambda one: one, lambda one: {"base": one, "arms": {"a": {"stages": [one]}}}])
def test_the_recipe_of_an_older_run_is_read(nest) -> None:
    now = {
        "steps": ["evaluate"],
        "attacks": {"methods": ["pgd-20"], "norm": "l2", "eps": [0.5, 1.0], "batch": 32},
        "occlusion": {"masks": ["black"], "patch": None, "stride": 3},
        "patches": {"sizes": [2, 3], "images": 9},
        "corruptions": {"names": ["jpeg"], "images": 8},
        "guard": {"mode": "fgsm", "eps": 0.1},
    }
    assert upgrade_recipe(nest(FLAT)) == nest(now)
    assert upgrade_recipe(nest(now)) == nest(now)
    flat = as_json(Audit(steps=("evaluate",)))
    assert upgrade_recipe(flat) == flat


def test_the_folder_of_an_older_run_is_resumed(tmp_path: Path) -> None:
    plan = as_json(Audit(name="x", patches=(2, 3), guard=Guard(mode="fgsm", eps=0.1)))
    parts = ("attacks", "occlusion", "patches", "corruptions", "guard")
    flat = {name: value for name, value in plan.items() if name not in parts}
    flat |= {"attacks": [], "norm": "linf", "eps": plan["attacks"]["eps"], "attack_batch": 64}
    flat |= {"masks": plan["occlusion"]["masks"], "patch": None, "stride": None, "patches": [2, 3], "patch_images": 200}
    flat |= {"corruptions": [], "corruption_images": 1000, "guard": "fgsm", "guard_eps": 0.1}
    Run.create(tmp_path / "run", flat)
    assert Run.create(tmp_path / "run", plan, resume=True).read("recipe.json") == flat
    with pytest.raises(InputError, match="other settings"):
        Run.create(tmp_path / "run", as_json(Audit(name="x")), resume=True)


BY_FORMER_NAMES = {
    "attacks": ("pgd-5",),
    "norm": "l2",
    "eps": (0.5,),
    "attack_batch": 8,
    "masks": ("black",),
    "patch": 4,
    "stride": 2,
    "patches": (3,),
    "patch_images": 5,
    "corruptions": ("jpeg",),
    "corruption_images": 7,
    "guard": "pgd",
    "guard_eps": 0.1,
}


def test_former_names_of_the_fields_of_parts_are_taken() -> None:
    plan = Audit(**BY_FORMER_NAMES)  # type: ignore[arg-type]
    assert plan.attacks == Attacks(methods=("pgd-5",), norm="l2", eps=(0.5,), batch=8)
    assert plan.occlusion == OcclusionCurve(masks=("black",), patch=4, stride=2)
    assert plan.patches == PatchSearch(sizes=(3,), images=5)
    assert plan.corruptions == Corruptions(names=("jpeg",), images=7)
    assert plan.guard == Guard(mode="pgd", eps=0.1)
    assert set(BY_FORMER_NAMES) == set(Audit.MOVED)


@pytest.mark.parametrize("name", BY_FORMER_NAMES)
def test_each_is_set_and_replaced_by_its_former_name_alone(name: str) -> None:
    plan, (part, field) = Audit(**BY_FORMER_NAMES), Audit.MOVED[name]  # type: ignore[arg-type]
    other = {"norm": "linf", "guard": "fgsm", "attacks": ["fgsm"], "corruptions": ["fog"]}.get(name)
    if other is None:
        other = ["white"] if name == "masks" else [0.25] if name == "eps" else [9] if name == "patches" else 3
        other = 0.25 if name == "guard_eps" else other
    changed = override(plan, name, json.dumps(other))
    found = getattr(getattr(changed, part), field)
    assert (list(found) if isinstance(found, tuple) else found) == other
    kept = {
        (part_, field_): getattr(getattr(plan, part_), field_)
        for part_, field_ in Audit.MOVED.values()
        if (part_, field_) != (part, field)
    }
    assert kept == {place: getattr(getattr(changed, place[0]), place[1]) for place in kept}
    if name != part:
        assert dataclasses.replace(plan, **{name: found}) == changed


def test_one_given_in_both_ways_is_refused() -> None:
    with pytest.raises(InputError, match=r"eps is given twice, as eps and as attacks.eps"):
        Audit(attacks={"eps": (0.1,)}, eps=(0.2,))  # type: ignore[arg-type]
