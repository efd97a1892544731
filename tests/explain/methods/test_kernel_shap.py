"""KernelSHAP: Shapley's own formula, over all orders, and what superpixels are."""

import math
from itertools import permutations

import pytest
import torch
from torch import nn

from ironglass.errors import InputError
from ironglass.explain import KernelSHAP
from ironglass.explain.parts.coalitions import coalitions, shapley_values
from ironglass.explain.parts.superpixels import superpixels
from ironglass.models import Classifier


def by_orders(worth, players: int) -> torch.Tensor:
    """Shapley's definition: what a player adds on coming in, the mean over all orders."""
    values = torch.zeros(players, dtype=torch.float64)
    for order in permutations(range(players)):
        there: set[int] = set()
        for player in order:
            before = worth(frozenset(there))
            there.add(player)
            values[player] += worth(frozenset(there)) - before
    return values / math.factorial(players)


def game(players: int):
    """A worth for each set, fixed by a seed, with interactions."""
    generator = torch.Generator().manual_seed(players)
    worths = torch.rand(2**players, generator=generator, dtype=torch.float64)
    return lambda members: float(worths[sum(2**i for i in members)])


@pytest.mark.parametrize("players", [2, 3, 4, 5])
def test_all_coalitions_give_shapleys_values(players):
    worth = game(players)
    members, weights = coalitions(players, 2**players - 2, torch.Generator())
    assert len(members.unique(dim=0)) == len(members) == 2**players - 2
    worths = torch.tensor([[worth(frozenset(row.nonzero()[:, 0].tolist())) for row in members]])
    ends = (torch.tensor([worth(frozenset())]), torch.tensor([worth(frozenset(range(players)))]))
    values = shapley_values(members, weights, worths, *ends)
    torch.testing.assert_close(values[0], by_orders(worth, players))


def test_a_sample_of_coalitions_comes_near_and_an_additive_game_is_exact():
    gains = torch.linspace(-1, 2, 12, dtype=torch.float64)
    members, weights = coalitions(12, 200, torch.Generator().manual_seed(0))
    assert len(members) <= 200
    assert 0 < members.sum(1).min() < members.sum(1).max() < 12
    assert float(weights.sum()) == pytest.approx(1)
    torch.testing.assert_close(members.sum(0) * 2, torch.full((12,), len(members)))  # each with its complement
    worths = (members.double() @ gains)[None] + 0.3
    values = shapley_values(members, weights, worths, torch.tensor([0.3]), torch.tensor([0.3]) + gains.sum())
    torch.testing.assert_close(values[0], gains, atol=1e-6, rtol=0)
    # pairs that interact share what they make: exactly 1/2 each
    worths = (members[:, 0] & members[:, 5]).double()[None]
    values = shapley_values(members, weights, worths, torch.tensor([0.0]), torch.tensor([1.0]))[0]
    torch.testing.assert_close(values[[0, 5]], torch.tensor([0.5, 0.5], dtype=torch.float64), atol=0.1, rtol=0)
    assert float(values[[1, 2, 3, 4]].abs().max()) < 0.1


def test_maps_are_shapley_values_of_the_networks_scores(relu_network):
    classifier, images, targets = relu_network(), torch.rand(2, 3, 12, 12), torch.tensor([0, 2])
    explainer = KernelSHAP(segments=4, compactness=1e3, budget=14)
    maps = explainer(classifier, images, targets)
    quarters = superpixels(images, 4, 1e3)
    assert [int((quarters[0] == k).sum()) for k in range(4)] == [36] * 4  # a large compactness: a plain grid
    for image, target, regions, found in zip(images, targets, quarters, maps, strict=True):

        def worth(members: frozenset[int], image=image, target=target, regions=regions) -> float:
            shown = torch.zeros(12, 12, dtype=torch.bool)
            for member in members:
                shown |= regions == member
            with torch.no_grad():
                return float(classifier(torch.where(shown, image, 0.5)[None]).softmax(1)[0, target])

        values = by_orders(worth, 4)
        for k in range(4):
            expected = torch.full((36,), float(values[k]) / 36)
            torch.testing.assert_close(found[0][regions == k], expected, atol=1e-6, rtol=1e-3)
    gap = explainer.gap(classifier, images, targets, maps)
    assert float(gap.abs().max()) < 1e-5


def test_superpixels_follow_colours():
    images = torch.zeros(1, 3, 16, 16)
    images[:, :, :, 7:] = 1  # an edge beside the middle of the grid
    labels = superpixels(images, 4, 0.2)
    assert labels.shape == (1, 16, 16)
    left, right = set(labels[0, :, :7].flatten().tolist()), set(labels[0, :, 7:].flatten().tolist())
    assert not left & right
    assert len(left | right) <= 4


def test_one_colour_alone_has_one_player_at_the_least():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 1 * 2, 2))
    classifier = Classifier(network, mean=(0.0,) * 3, std=(1.0,) * 3, classes=("a", "b"), input_size=(1, 2))
    images = torch.rand(1, 3, 1, 2)
    explainer = KernelSHAP(segments=2, compactness=1e-6)
    maps = explainer(classifier, images, torch.tensor([1]))
    assert float(explainer.gap(classifier, images, torch.tensor([1]), maps).abs().max()) < 1e-6


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"budget": 97}, "budget of 97 is too small for 49 segments: give at least 98, or fewer segments"),
        ({"segments": 1}, "at least 2"),
        ({"compactness": 0.0}, "above 0"),
        ({"score": "margin"}, "no score 'margin'"),
    ],
)
def test_wrong_settings_are_refused(fields, said):
    with pytest.raises(InputError, match=said):
        KernelSHAP(**fields)
