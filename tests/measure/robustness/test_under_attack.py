"""Numbers and verdicts from flags that are written by hand."""

from dataclasses import replace

import numpy as np
import pytest

from ironglass.measure.robustness.evidence import Observations
from ironglass.measure.robustness.under_attack import Attacked, Outcome, Probe, UnderAttack

N = 1000


def flags(right: int) -> np.ndarray:
    """The first `right` of N images are still right."""
    return np.arange(N) < right


def attacked(name: str, *right: int, by_gradients: int | None = None, **how) -> Attacked:
    outcomes = {
        eps: Outcome(flags(count), flags(count + 5), flags(count if by_gradients is None else by_gradients))
        for eps, count in zip((0.1, 0.2), right, strict=True)
    }
    filled = {"label": name.upper(), "settings": {}, "kind": None, "steps": 20} | how
    return Attacked(name=name, outcomes=outcomes, **filled)


def measured(*attacks: Attacked, probes: tuple[Probe, ...] = ()) -> dict:
    positions = np.arange(0, N, 8)
    return UnderAttack(
        clean=flags(900),
        attacks=attacks,
        positions=positions,
        probes=probes,
        observations=Observations(n=len(positions), repeated=64),
        chance=0.1,
    ).numbers()


PGD = attacked("pgd", 500, 300)
FGSM = {"kind": "single-step", "steps": 1}
SQUARE = {"kind": "gradient-free", "steps": 0, "queries": 5000, "searches": True}


def probe(kind, right: int, of: str = "") -> Probe:
    return Probe(kind=kind, name=kind, eps=0.2, right=flags(right)[np.arange(0, N, 8)], of=of)


def words(found: dict) -> list[list[str]]:
    return [[point["verdict"]["word"] for point in entry["points"]] for entry in found["attacks"]]


def test_rates_by_hand() -> None:
    found = measured(PGD, attacked("fgsm", 600, 450, **FGSM))
    assert found["clean"]["value"] == 0.9
    assert found["eps"] == [0.1, 0.2]
    point = found["attacks"][0]["points"][1]
    assert (point["accuracy"]["value"], point["accuracy"]["n"]) == (0.3, N)
    assert point["png_accuracy"]["value"] == 0.305
    assert (point["fooled"]["value"], point["fooled"]["n"]) == (pytest.approx(600 / 900), 900)
    assert [entry["accuracy"]["value"] for entry in found["worst"]] == [0.5, 0.3]
    assert words(found) == [["trusted", "trusted"], ["suspect", "suspect"]]
    assert found["worst"][1]["verdict"] == {"word": "trusted", "reasons": []}


def test_the_worst_case_is_taken_image_by_image() -> None:
    shifted = {eps: Outcome(*[np.roll(one.right, 100)] * 3) for eps, one in PGD.outcomes.items()}
    found = measured(PGD, replace(PGD, name="apgd", outcomes=shifted))
    assert [entry["accuracy"]["value"] for entry in found["worst"]] == [0.4, 0.2]


def test_a_single_step_ahead_of_many_makes_the_iterative_attack_and_the_worst_case_suspect() -> None:
    found = measured(PGD, attacked("fgsm", 600, 200, **FGSM))
    assert words(found) == [["trusted", "suspect"], ["suspect", "suspect"]]
    assert "a single step fools more" in found["attacks"][0]["points"][1]["verdict"]["reasons"][0]
    assert [entry["verdict"]["word"] for entry in found["worst"]] == ["trusted", "suspect"]


def test_square_ahead_of_the_gradients_also_inside_an_ensemble() -> None:
    alone = measured(PGD, attacked("square", 500, 290, **SQUARE))
    assert words(alone)[0] == ["trusted", "suspect"]
    inside = measured(attacked("ensemble", 500, 300, by_gradients=510, steps=100, searches=True))
    assert words(inside) == [["suspect", "suspect"]]
    assert "its Square, which takes no gradients" in inside["attacks"][0]["points"][0]["verdict"]["reasons"][0]
    assert inside["worst"][0]["verdict"]["word"] == "suspect"
    # a search alone is an upper bound
    assert ["upper bound" in reason for reason in alone["attacks"][1]["points"][0]["verdict"]["reasons"]] == [True]


def test_probes_speak_of_their_own_eps_and_attack() -> None:
    longer = measured(PGD, attacked("apgd", 500, 300, steps=100), probes=(probe("longer", 200, of="pgd"),))
    assert words(longer) == [["trusted", "suspect"], ["trusted", "trusted"]]
    noise = measured(PGD, probes=(probe("noise", 100),))
    assert words(noise) == [["trusted", "suspect"]]
    assert noise["probes"][0] | {"accuracy": 0} == {
        "name": "noise",
        "kind": "noise",
        "of": "",
        "eps": 0.2,
        "accuracy": 0,
    }


def test_gradients_that_cannot_reach_grey_void_every_number_that_rests_on_them() -> None:
    grey = (probe("grey", 400),)
    found = measured(PGD, attacked("fgsm", 600, 450, **FGSM), probes=grey)
    assert words(found) == [["invalid", "invalid"], ["suspect", "suspect"]]
    assert found["worst"][0]["verdict"]["word"] == "invalid"
    with_search = measured(attacked("ensemble", 500, 300, steps=100, searches=True), probes=grey)
    assert words(with_search) == [["trusted", "trusted"]]
    assert words(measured(PGD, probes=(probe("grey", 90),))) == [["trusted", "trusted"]]  # below chance is reached


def test_what_others_fool_besides_speaks_against_one_alone_and_not_against_the_worst_case() -> None:
    other = replace(
        PGD, name="other", outcomes={0.1: PGD.outcomes[0.1], 0.2: replace(PGD.outcomes[0.2], right=~flags(700))}
    )
    found = measured(PGD, other)  # at 0.2 each leaves 300, none of them the same
    assert words(found) == [["trusted", "suspect"], ["trusted", "suspect"]]
    assert (
        "all attacks together fool more: 0.0 % stay right" in found["attacks"][0]["points"][1]["verdict"]["reasons"][0]
    )
    assert [point["verdict"]["word"] for point in found["worst"]] == ["trusted", "trusted"]


def test_a_short_search_is_held_against_what_the_gradients_left() -> None:
    some = np.arange(0, N, 8)
    other = flags(1000)
    other[200:300] = False  # of those that PGD leaves right at 0.2, a third
    found = measured(PGD, probes=(Probe(kind="search", name="square-50", eps=0.2, right=other[some]),))
    assert words(found) == [["trusted", "suspect"]]
    reason = found["attacks"][0]["points"][1]["verdict"]["reasons"][0]
    assert "square-50, a gradient-free attack, fools images that this attack does not" in reason
    assert found["worst"][1]["verdict"]["word"] == "suspect"
    other = flags(1000)
    other[300:] = False  # all that PGD fools, and none besides
    found = measured(PGD, probes=(Probe(kind="search", name="square-50", eps=0.2, right=other[some]),))
    assert words(found) == [["trusted", "trusted"]]
