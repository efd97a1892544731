"""Misspelt names: what was meant is offered, the same way everywhere."""

from collections.abc import Callable

import pytest

import ironglass as ig
from ironglass.attacks import ATTACKS, find_attack
from ironglass.choices import did_you_mean, nearest, shown, unknown
from ironglass.data.corruptions.corrupt import CORRUPTIONS, find_corruptions
from ironglass.data.load import load_dataset
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS
from ironglass.harden import OBJECTIVES, find_objective
from ironglass.models.loading.forms.find import find_builder
from ironglass.recipes import RECIPES, load_recipe
from ironglass.studies.steps.explanation.images import target_class
from ironglass.train.record import override


@pytest.mark.parametrize("change", [
    lambda name: name.replace("-", ""), lambda name: name.replace("-", "_"), str.upper, lambda name: f" {name} ",
    lambda name: name.replace("-", " "), lambda name: name[0] + name[2:] if len(name) > 4 else name.upper(),
    lambda name: name[1] + name[0] + name[2:] if len(name) > 4 else name.title(),
])  # fmt: skip
@pytest.mark.parametrize("names", [ATTACKS, EXPLAINERS, OBJECTIVES, CORRUPTIONS, RECIPES], ids=lambda names: len(names))
def test_every_name_is_offered_for_its_slips(names: dict, change: Callable[[str], str]) -> None:
    for name in names:
        if change(name) not in names:
            assert name in nearest(change(name), names), (name, change(name))


@pytest.mark.parametrize(
    ("ask", "wrong", "offered"),
    [
        (find_attack, "pgd20", "pgd-20"),
        (find_attack, "pgd500", "pgd-500"),
        (find_attack, "apgd-c-7", "apgd-ce-7"),
        (find_attack, "squre", "square"),
        (find_objective, "nfgsm", "n-fgsm"),
        (lambda name: find_corruptions((name,)), "gausian-noise", "gaussian-noise"),
        (load_recipe, "cat-dogs", "cats-dogs"),
        (find_builder, "resnet18", "torchvision/resnet18 or timm/resnet18"),
        (find_builder, "simple_cnn", "simple-cnn"),
        (find_builder, "ResNet-50", "torchvision/resnet50 or timm/resnet50"),
        (load_dataset, "digit", "digits"),
        (lambda name: load_dataset(f"torchvision:{name}"), "cifar10", "CIFAR10"),
        (lambda name: target_class(name, ("dark", "light")), "drak", "dark"),
        (lambda name: ig.Stage(optimiser=name), "adammw", "adamw"),
        (lambda name: ig.Stage(schedule=name), "onecycle", "one-cycle"),
        (lambda name: ig.Stage(**{name: 3}), "epoch", "epochs"),
        (lambda name: ig.Audit(occlusion={"masks": (name,)}), "gray", "grey"),
        (lambda name: ig.Audit(attacks=(name,)), "pgd20", "pgd-20"),
        (lambda name: ig.Audit(explained={"methods": (name,)}), "gradcam", "grad-cam"),
        (lambda name: override(ig.Audit(), f"stages.0.{name}", "3"), "batchsize", "batch_size"),
        (lambda name: override(ig.Audit(), name, "3"), "sampels", "samples"),
    ],
)
def test_every_door_offers_it(ask: Callable[[str], object], wrong: str, offered: str) -> None:
    with pytest.raises(InputError, match=wrong) as raised:
        ask(wrong)
    assert f"did you mean {offered}" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_nothing_is_offered_where_nothing_is_near() -> None:
    assert nearest("banana", ATTACKS) == []
    assert did_you_mean("", ATTACKS) == did_you_mean(None, ("fgsm",)) == ""
    assert "did you mean" not in str(unknown("attack", "banana", ATTACKS))
    assert nearest("vit", ["timm/vit_tiny", "timm/resnet18"]) == ["timm/vit_tiny"]


def test_of_many_choices_the_first_are_listed() -> None:
    said = str(unknown("thing", "x", map(str, range(1000))))
    assert said.endswith("39, ... (1000 in all)")
    assert len(str(unknown("thing", "x" * 10**6, "ab"))) < 200
    assert shown(10**5000) == "a number of thousands of digits"
