"""Rules of layer-wise relevance propagation for convolutions and dense layers: ε, γ and z⁺."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from ironglass.fields import settings

NEGLIGIBLE = 1e-8
"""Sum of contributions up to which an output has none: what is left of it is a bias and rounding."""


@dataclass(frozen=True)
class Affine:
    """One layer z = x · w + b with its values, batch-norm folded in.

    apply: x · w, linear in both. transpose: c · wᵀ.
    output: z with the bias.
    bias: b, broadcasting to z; None for none.
    """

    x: Tensor
    weight: Tensor
    bias: Tensor | None
    output: Tensor
    apply: Callable[[Tensor, Tensor], Tensor]
    transpose: Callable[[Tensor, Tensor], Tensor]


@settings(frozen=True, kw_only=True)
class Sharing:
    """Numbers of the rules.

    epsilon, gamma: as LRP's.
    sums: the γ of plain sums; 0 for the ε rule.
    bias: whether a bias takes its share of the relevance, as in the papers' formulas, where it is not conserved.
    """

    epsilon: float = 1e-9
    gamma: float = 0.25
    sums: float = 0.0
    bias: bool = False


Rule: TypeAlias = Callable[[Affine, Tensor, Sharing], Tensor]
"""Function of a layer, the relevance of its output, and the numbers, that gives the relevance of its input."""


def quotient(relevance: Tensor, total: Tensor, epsilon: float) -> Tensor:
    """relevance / (total + ε · sign total), with the sign of 0 positive."""
    return relevance / (total + torch.where(total < 0, -epsilon, epsilon)).masked_fill(
        total == 0, max(epsilon, NEGLIGIBLE)
    )


def epsilon_rule(layer: Affine, relevance: Tensor, sharing: Sharing) -> Tensor:
    """R_i = Σ_j x_i w_ij / (z_j + ε sign z_j) · R_j (Bach et al. 2015)."""
    if sharing.bias:
        return layer.x * layer.transpose(quotient(relevance, layer.output, sharing.epsilon), layer.weight)
    total = layer.apply(layer.x, layer.weight)
    c, rest = _parted(relevance, total, sharing)
    shared = layer.x * layer.transpose(c, layer.weight)
    return shared if rest is None else shared + even_rule(layer, rest, sharing)


def even_rule(layer: Affine, relevance: Tensor, _sharing: Sharing) -> Tensor:
    """Evenly among all inputs of an output, whatever they are: the flat rule (Lapuschkin et al. 2019)."""
    ones = torch.ones_like(layer.weight)
    return layer.transpose(relevance / layer.apply(torch.ones_like(layer.x), ones), ones)


def plus_rule(layer: Affine, relevance: Tensor, sharing: Sharing) -> Tensor:
    """R_i = Σ_j (x_i w_ij)⁺ / Σ_i (x_i w_ij)⁺ · R_j (Montavon et al. 2017, arXiv 1512.02479).

    An output without positive contributions, above 0 by its bias alone, is shared by the ε rule, and one without any
    contribution evenly: else its relevance would be lost. Not where biases take their share.
    """
    parts = [(layer.x.clamp_min(0), layer.weight.clamp_min(0))]
    if bool((layer.x < 0).any()):
        parts.append((layer.x.clamp_max(0), layer.weight.clamp_max(0)))
    total = sum((layer.apply(x, weight) for x, weight in parts), torch.zeros(()).to(layer.x))
    if sharing.bias and layer.bias is not None:
        total = total + layer.bias.clamp_min(0)
    c, rest = _parted(relevance, total, sharing)
    shared = sum((x * layer.transpose(c, weight) for x, weight in parts), torch.zeros(()).to(layer.x))
    return shared if rest is None else shared + epsilon_rule(layer, rest, sharing)


def gamma_rule(layer: Affine, relevance: Tensor, sharing: Sharing) -> Tensor:
    """Contributions of the output's own sign count 1 + γ times (Montavon et al. 2019; Andéol et al. 2021).

    R_i = Σ_j (x_i w_ij + γ (x_i w_ij)^s) / Σ_i (x_i w_ij + γ (x_i w_ij)^s) · R_j,  s the sign of z_j
    """
    x, gamma = layer.x, sharing.gamma
    above, below = layer.weight.clamp_min(0), layer.weight.clamp_max(0)
    negative = x.clamp_max(0) if bool((x < 0).any()) else None
    positive = x if negative is None else x.clamp_min(0)
    total = layer.apply(x, layer.weight)
    supporting = layer.apply(positive, above)
    if negative is not None:
        supporting = supporting + layer.apply(negative, below)
    opposing = total - supporting
    if sharing.bias and layer.bias is not None:
        total = layer.output
        supporting, opposing = supporting + layer.bias.clamp_min(0), opposing + layer.bias.clamp_max(0)
    c, rest = _parted(relevance, total + gamma * torch.where(total < 0, opposing, supporting), sharing)
    shared = x * layer.transpose(c, layer.weight)
    up, down = torch.where(total < 0, 0, c), torch.where(total < 0, c, 0)
    for part, of_positive, of_negative in ((up, above, below), (down, below, above)):
        if not bool(part.any()):
            continue
        shared = shared + gamma * positive * layer.transpose(part, of_positive)
        if negative is not None:
            shared = shared + gamma * negative * layer.transpose(part, of_negative)
    return shared if rest is None else shared + even_rule(layer, rest, sharing)


def _parted(relevance: Tensor, total: Tensor, sharing: Sharing) -> tuple[Tensor, Tensor | None]:
    """The relevance by total, and the relevance of outputs whose total is nothing, None where there is none."""
    if sharing.bias:
        return quotient(relevance, total, sharing.epsilon), None
    empty = (total.abs() <= NEGLIGIBLE) & (relevance != 0)
    if not bool(empty.any()):
        return quotient(relevance, total, sharing.epsilon), None
    return quotient(relevance.masked_fill(empty, 0), total, sharing.epsilon), torch.where(empty, relevance, 0)
