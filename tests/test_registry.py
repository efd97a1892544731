"""Methods of a user's own, registered in a few lines, go through a whole audit to its page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

import ironglass as ig
from ironglass.attacks import ATTACKS, FGSM, L2, PGD, Linf, Threat, attack_call, find_attack
from ironglass.data.corruptions.corrupt import CORRUPTIONS, Corruption
from ironglass.data.find_source import SOURCES
from ironglass.data.source import Listing, Source
from ironglass.explain import EXPLAINERS, Occlusion, explainer_call
from ironglass.harden import OBJECTIVES
from ironglass.testing import check_attack, check_explainer, check_objective
from ironglass.train.objective import NAMED

REGISTRIES: tuple[Any, ...] = (ATTACKS, EXPLAINERS, OBJECTIVES, NAMED, CORRUPTIONS, SOURCES)


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """Every registry as before, after each test."""
    before = [dict(registry) for registry in REGISTRIES]
    yield
    for registry, known in zip(REGISTRIES, before, strict=True):
        registry.clear()
        registry.update(known)


@dataclass(frozen=True, kw_only=True)
class Darker:
    """Every pixel as dark as the threat allows."""

    label: ClassVar[str] = "Darkening by a stranger"
    family: ClassVar[str] = "noise"
    norms: ClassVar[tuple[str, ...]] = ("linf",)
    steps: ClassVar[int] = 0
    threat: Threat = Linf(8 / 255)  # noqa: RUF009

    @attack_call
    def __call__(self, classifier: Any, images: Any, labels: Any, *, generator: Any = None) -> Any:
        return self.threat.project(images, images - self.threat.eps)


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """The image itself as a map."""

    label: ClassVar[str] = "The picture by a stranger"
    unit: ClassVar[str] = "brightness"
    signed: ClassVar[bool] = False
    words: ClassVar[str] = "Nothing but the picture."

    @explainer_call
    def __call__(self, classifier: Any, images: Any, targets: Any) -> Any:
        return images.clone()


@dataclass(frozen=True, kw_only=True)
class Smoothed:
    """Cross-entropy of slightly darker images."""

    label: ClassVar[str] = "Dark training by a stranger"
    eps: float = 4 / 255

    def __call__(self, classifier: Any, images: Any, labels: Any) -> Any:
        logits = classifier((images - self.eps).clamp(0, 1))
        return torch.nn.functional.cross_entropy(logits, labels), logits


def squares(rest: str) -> Source:
    """Bright and dark squares; REST says how many of each."""
    count = int(rest)

    def listings() -> dict[str, Listing]:
        labels = np.arange(2 * count) % 2
        draw = np.random.default_rng(0)
        pixels = [(draw.integers(0, 60, (16, 16, 3)) + 150 * label).astype(np.uint8) for label in labels]
        read = lambda rows: (Image.fromarray(pixels[i]) for i in rows)  # noqa: E731
        return {"train": Listing([f"{i}.png" for i in range(2 * count)], labels, ("dark", "bright"), read)}

    return Source("squares of a stranger", ["squares", count], listings)


INVERTED = Corruption("Inversion by a stranger", lambda image, strength, draw: 1 - image, ((1,) * 5,) * 3)


def test_they_keep_the_contracts() -> None:
    check_attack(Darker())
    check_explainer(Pixels(), uses_targets=False)
    check_objective(Smoothed())


def test_methods_of_ones_own_are_found_on_the_page(tmp_path: Any) -> None:
    ig.register("darker", Darker())
    ig.register("pixels", Pixels())
    ig.register("dark-training", Smoothed())
    ig.register("inverted", INVERTED)
    ig.register("squares", squares)
    plan = ig.Audit(
        dataset="squares:20",
        model="simple-cnn",
        stages=(ig.Stage(epochs=1, batch_size=8, objective="dark-training"),),
        attacks=ig.Attacks(methods=("darker",), eps=(8 / 255,)),
        corruptions=("inverted",),
        explained=ig.Explained(methods=("pixels",), quality=2),
        samples=4,
        shown=2,
        seed=0,
    )
    run = ig.audit(plan, tmp_path / "run")
    ig.write_report(run.path)
    page = (run.path / "report.html").read_text(encoding="utf-8")
    for words in (
        Darker.label,
        Pixels.label,
        Pixels.words,
        INVERTED.label,
        "squares of a stranger",
        "Smoothed",
    ):
        assert words in page, words
    results = run.read_object("results.json")
    (attack,) = results["attacks"]["attacks"]
    assert (attack["name"], attack["label"]) == ("darker", Darker.label)
    assert results["explanations"]["methods"][0]["unit"] == "brightness"
    assert results["corruptions"]["corruptions"][0]["label"] == INVERTED.label


def test_an_objective_that_states_its_eps_hardens() -> None:
    ig.register("dark-training", Smoothed())
    after = ig.Audit(
        dataset="digits", model="simple-cnn", stages=(ig.Stage(epochs=1, objective="dark-training"),), attacks=("fgsm",)
    )
    ig.Hardening(after=after)


def test_a_norm_that_an_attack_does_not_know_is_refused() -> None:
    ig.register("darker", Darker())
    with pytest.raises(ig.InputError, match="darker works under linf, and norm is l2"):
        ig.Audit(dataset="digits", model="simple-cnn", attacks=ig.Attacks(methods=("darker",), norm="l2", eps=(0.5,)))


class Incomplete:
    label = "half a method"

    def __call__(self, *given: Any) -> Any:
        raise AssertionError


@pytest.mark.parametrize(
    ("name", "method", "said"),
    [
        ("fgsm", Darker(), "fgsm is the name of another attack"),
        ("My Attack", Darker(), "lower-case words joined by -"),
        (3, Darker(), "lower-case words joined by -"),
        ("mine", Darker, "method is"),
        ("mine", 7, "method is"),
        ("mine", Incomplete(), "has a label and is not complete"),
        ("mine", Corruption("x", INVERTED.apply, ((1,) * 5,) * 2), "a row of five severities"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_registered_is_refused_in_a_line(name: Any, method: Any, said: str) -> None:
    with pytest.raises(ig.InputError, match=said):
        ig.register(name, method)


@pytest.mark.parametrize("missing", ["label", "family", "norms", "steps"])
def test_an_attack_without_its_metadata_is_refused_by_its_name(missing: str) -> None:
    kept = {"label": "x", "family": "noise", "norms": ("linf",), "steps": 0, "threat": Linf(0.1)}
    del kept[missing]
    method = type("Half", (), {**kept, "__call__": lambda self, *given: given[1]})()
    with pytest.raises(ig.InputError, match=f"the attack Half has no {missing}"):
        ig.register("half", method)


@pytest.mark.parametrize(("name", "method"), [(name, one) for name, one in ATTACKS.items() if name != "ensemble"])
def test_every_attack_carries_its_metadata(name: str, method: Any) -> None:
    ig.register(f"{name}-again", method)


@pytest.mark.parametrize(("name", "method"), list(EXPLAINERS.items()))
def test_every_explainer_carries_its_metadata(name: str, method: Any) -> None:
    assert method.words.endswith(".")
    ig.register(f"{name}-again", method)


@pytest.mark.parametrize(("name", "method"), list(OBJECTIVES.items()))
def test_every_objective_carries_its_metadata(name: str, method: Any) -> None:
    ig.register(f"{name}-again", method)


def test_plans_take_objects_by_the_name_of_their_settings() -> None:
    given = (
        PGD(leave=True),
        FGSM(threat=L2(3.0)),
        PGD(steps=50),
        PGD(steps=50),
        PGD(step_size=0.05, restarts=2),
        Darker(),
    )
    plan = ig.Audit(dataset="digits", model="simple-cnn", attacks=given)
    wanted = ("pgd-20", "fgsm", "pgd-steps-50", "pgd-steps-50", "pgd-step-size-0-05-restarts-2", "darker")
    assert plan.attacks.methods == wanted
    assert find_attack("pgd-steps-50") == PGD(steps=50)
    again = ig.Audit(dataset="digits", model="simple-cnn", attacks=given)
    assert again == plan
    explained = ig.Explained(methods=(Pixels(), Occlusion(), Occlusion(patch=4)))
    assert explained.methods == ("pixels", "occlusion", "occlusion-patch-4")


@pytest.mark.parametrize(
    ("attacks", "said"),
    [
        ((Pixels(),), r"Pixels\(\) is no attack: give one, or a name"),
        ((Incomplete(),), "has a label and is not complete"),
        ((PGD(targeted=torch.tensor([1])),), "PGD's targeted is for one batch"),
        ((PGD,), "give text"),
        ((7,), "give text"),
    ],
)
def test_what_plans_cannot_take_is_refused(attacks: Any, said: str) -> None:
    with pytest.raises(ig.InputError, match=said):
        ig.Audit(dataset="digits", model="simple-cnn", attacks=attacks)


def test_two_objects_of_one_name_are_refused() -> None:
    class Other(Darker):
        extra = 1

    Other.__name__ = "Darker"
    ig.Audit(dataset="digits", model="simple-cnn", attacks=(Darker(),))
    with pytest.raises(ig.InputError, match="darker is the name of another attack"):
        ig.Audit(dataset="digits", model="simple-cnn", attacks=(Other(),))


def test_an_audit_runs_with_objects(tmp_path: Any) -> None:
    plan = ig.Audit(
        dataset="digits",
        model="simple-cnn",
        stages=(ig.Stage(epochs=1, batch_size=128),),
        attacks=ig.Attacks(methods=(Darker(), PGD(steps=2, restarts=2)), eps=(8 / 255,)),
        explained=ig.Explained(methods=(Pixels(),), quality=0),
        samples=4,
        shown=1,
    )
    run = ig.audit(plan, tmp_path / "run")
    assert [one["name"] for one in run.results["attacks"]["attacks"]] == ["darker", "pgd-steps-2-restarts-2"]
    assert run.results["explanations"]["methods"][0]["name"] == "pixels"
    again = ig.audit(plan, tmp_path / "run", resume=True)
    assert again.results == run.results
