"""Coalitions of players, and the Shapley values that their worths imply."""

from __future__ import annotations

import math
from itertools import combinations

import torch
from torch import Tensor


def coalitions(players: int, budget: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """At most `budget` coalitions without the empty and the full one: bool (s, players), and their weights (s,).

    Weights follow the Shapley kernel (k − 1) / (C(k, z) z (k − z)) of z of k players (Lundberg and Lee 2017, arXiv
    1705.07874). Sizes are taken in pairs, z and k − z, from the outside in, as long as all coalitions of the pair fit
    into the budget; the others are drawn by the kernel, each with its complement.
    """
    kernel = torch.tensor([(players - 1) / (z * (players - z)) for z in range(1, players)], dtype=torch.float64)
    kernel /= kernel.sum()  # the weight of all coalitions of a size
    rows: list[Tensor] = []
    weights: list[Tensor] = []
    left, smallest = budget, 1
    while smallest <= players // 2:
        sizes = {smallest, players - smallest}
        number = math.comb(players, smallest)
        if number * len(sizes) > left:
            break
        for z in sizes:
            rows.append(_all_of_size(players, z))
            weights.append(torch.full((number,), float(kernel[z - 1]) / number, dtype=torch.float64))
        left, smallest = left - number * len(sizes), smallest + 1
    if smallest <= players // 2 and left > 1:
        drawn = _drawn(players, kernel[smallest - 1 : players - smallest], smallest, left // 2, generator)
        rows.append(drawn)
        mass = float(kernel[smallest - 1 : players - smallest].sum())
        weights.append(torch.full((len(drawn),), mass / len(drawn), dtype=torch.float64))
    return torch.cat(rows), torch.cat(weights)


def _all_of_size(players: int, size: int) -> Tensor:
    index = torch.tensor(list(combinations(range(players), size)))
    return torch.zeros(len(index), players, dtype=torch.bool).scatter_(1, index, True)


def _drawn(players: int, kernel: Tensor, smallest: int, pairs: int, generator: torch.Generator) -> Tensor:
    """Pairs of a coalition, of a size drawn by the kernel, and its complement: (2 · pairs, players)."""
    size = smallest + torch.multinomial(kernel, pairs, replacement=True, generator=generator)
    rank = torch.rand(pairs, players, generator=generator).argsort(1).argsort(1)
    members = rank < size[:, None]
    return torch.cat((members, ~members))


def shapley_values(members: Tensor, weights: Tensor, worths: Tensor, empty: Tensor, full: Tensor) -> Tensor:
    """The weighted least-squares fit of an additive game, exact where all coalitions are there: float64 (n, players).

    Values add up to full − empty.

    members: bool (s, players). weights: (s,). worths: (n, s), of each coalition. empty, full: (n,), of none and all.
    """
    gain = (full - empty).double()
    design = members.double()
    # the last player has what the others leave of the gain
    free = design[:, :-1] - design[:, -1:]
    outcomes = worths.double() - empty.double()[:, None] - gain[:, None] * design[:, -1]
    root = weights.sqrt()[:, None]
    values = torch.linalg.lstsq(root * free, (root.T * outcomes).T, driver="gelsd").solution.T
    return torch.cat((values, gain[:, None] - values.sum(1, keepdim=True)), 1)
