"""Statements answered from flags that were made up so that the answer is known."""

import numpy as np
import pytest

from ironglass.plans.transfer import TransferNetwork
from ironglass.studies.transfer.claims import CONTROL_CLAIMS, answer_claims

DEPTHS, SEEDS, N = (0, 2, 4), 3, 400


def rights(share: float, seed: int, n: int = N) -> np.ndarray:
    """Exactly this share of the images right, other ones for each seed."""
    flags = np.arange(n) < round(share * n)
    return np.random.default_rng(seed).permutation(flags).astype(float)


def made(clean, shown, own) -> dict:  # type: ignore[no-untyped-def]
    """Flags of a grid whose accuracies are functions of (arm, blocks, seed)."""
    networks = [TransferNetwork(arm="base", seed=seed) for seed in range(SEEDS)]
    networks += [
        TransferNetwork(arm=arm, seed=seed, blocks=n)
        for seed in range(SEEDS)
        for n in DEPTHS
        for arm in ("AnB", "AnB+")
    ]
    return {
        one: {
            "clean": rights(clean(one), one.seed),
            "transferred": rights(shown(one), one.seed),
            "white_box": rights(own(one), one.seed, 100),
        }
        for one in networks
    }


def answers(flags: dict, seeds: int = SEEDS) -> dict[str, tuple[str, float]]:
    return {one["key"]: (one["answer"], one["effect"]) for one in answer_claims(flags, DEPTHS, range(seeds))}


def slope(one: TransferNetwork) -> float:
    if one.arm == "base":
        return 0.5
    return 0.5 + 0.05 * (one.blocks or 0) * (1 if one.arm == "AnB+" else -1)


def test_a_grid_in_which_all_of_the_document_holds() -> None:
    costs = {"base": 0.01, "AnB": 0.2, "AnB+": 0.02}
    flags = made(slope, lambda one: slope(one) - (costs[one.arm] if one.blocks != 0 else 0.02), lambda one: 0.01)
    found = answers(flags)
    assert {key for key, (answer, _) in found.items() if answer == "supported"} == {
        "plus-beats-base", "plus-beats-scratch", "plus-grows", "frozen-falls", "plus-holds", "base-holds",
        "all-plus-best-clean", "all-plus-best-transferred", "frozen-degrades", "nearer-falls",
    }  # fmt: skip
    assert found["plus-beats-base"][1] == pytest.approx(0.15)  # 0.6 and 0.7 against 0.5
    assert found["plus-grows"][1] == pytest.approx(0.2)
    assert found["plus-holds"][1] == pytest.approx(-0.02)
    assert found["all-plus-best-clean"][1] == pytest.approx(0.1)  # against AnB+ at 2 blocks
    assert found["plus-robust"] == ("undecided", 0)


def test_a_grid_in_which_it_does_not() -> None:
    flags = made(lambda one: 1 - slope(one), lambda one: 1 - slope(one) - 0.1 - 0.05 * (one.arm == "AnB+"),
                 lambda one: 0.3 if one.arm == "base" else 0.1)  # fmt: skip
    found = answers(flags)
    wrong = {"plus-beats-base", "plus-beats-scratch", "plus-grows", "frozen-falls", "plus-holds", "base-holds",
             "all-plus-best-clean", "all-plus-best-transferred", "frozen-degrades", "plus-robust"}  # fmt: skip
    assert {key for key, (answer, _) in found.items() if answer == "not supported"} == wrong
    assert found["all-plus-best-clean"][1] == pytest.approx(0.3 - 0.7)  # against AnB at 4 blocks


def test_the_rival_is_named_and_controls_are_marked() -> None:
    found = {one["key"]: one for one in answer_claims(made(slope, slope, slope), DEPTHS, [0])}
    assert "the best other (AnB+ at 2 blocks)" in found["all-plus-best-clean"]["measure"]
    assert {key for key, one in found.items() if one["ours"]} == CONTROL_CLAIMS
    assert found["plus-grows"]["over_seeds"] is None
