"""Operations of a bounded network: intervals, linear relaxations and the rounding error of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

UNIT = 2.0**-24
"""Unit roundoff of float32; networks of float64 are charged for it, too."""
SAFETY = 2
"""Factor on every bound of a rounding error: one part is the network's own, the rest room for the bounds' float64."""
DOUBLE = 2.0**-45
"""Relative error of a few operations in float64, many times over."""


def rounding_of_sum(terms: int, sizes: Tensor) -> Tensor:
    """Bound on the rounding error in float32 of a sum of products, in whatever order its terms are added.

    |computed - exact| ≤ γ Σ|terms|, γ = n u / (1 - n u) (Higham 2002, Accuracy and Stability, section 3.1), here twice
    that, see `SAFETY`.

    terms: n, the roundings that a term passes through at most. sizes: Σ|terms|.
    """
    error = (terms + 2) * UNIT
    return sizes * (SAFETY * error / (1 - error))


class Operation(ABC):
    """One operation in float64. Values have the batch first, (n, ...); rows of coefficients (r, ...) have an owner, the
    position of their image."""

    @abstractmethod
    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """The operation itself."""

    @abstractmethod
    def interval(self, lows: Sequence[Tensor], highs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Least and largest value of each output, of inputs between `lows` and `highs`."""

    @abstractmethod
    def rounding(self, sizes: Sequence[Tensor]) -> Tensor:
        """The most that float32 can change an output by rounding.

        sizes: largest absolute value of each input.
        """

    def relax(self, lows: Sequence[Tensor], highs: Sequence[Tensor]) -> Any:
        """Linear functions below and above the operation between `lows` and `highs`; None of an affine one."""
        return None

    @abstractmethod
    def backward(self, rows: Tensor, relaxation: Any, owner: Tensor) -> tuple[list[Tensor], Tensor]:
        """Coefficients (r, ...) of each input and offsets (r,): their sum is no larger than `rows` times the output."""

    @property
    def is_affine(self) -> bool:
        """True of operations that need no relaxation."""
        return False


class Affine(Operation):
    """An affine function of one input or several.

    shapes: of the inputs, without the batch.
    linear: the linear part. positive: the same with absolute weights. squared: with squared weights, where one
        input has them. transposed: from rows of coefficients to those of the input, where it is faster than autograd.
    constant: what is added, or None. constant_size: bound on the absolute values that it is the sum of.
    terms: roundings that a term passes through at most; 0 where values are only moved.
    is_diagonal: whether every output depends on one value of the input.
    """

    def __init__(
        self,
        shapes: Sequence[torch.Size],
        linear: Callable[..., Tensor],
        *,
        positive: Callable[..., Tensor] | None = None,
        squared: Callable[[Tensor], Tensor] | None = None,
        transposed: Callable[[Tensor], Tensor] | None = None,
        constant: Tensor | None = None,
        constant_size: Tensor | None = None,
        terms: int = 0,
        is_diagonal: bool = False,
    ) -> None:
        self.shapes, self.linear, self.positive = tuple(shapes), linear, positive or linear
        self.squared, self.transposed = squared, transposed
        self.constant, self.terms, self.is_diagonal = constant, terms, is_diagonal
        self.constant_size = constant.abs() if constant is not None and constant_size is None else constant_size

    @property
    def is_affine(self) -> bool:
        """True."""
        return True

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """The linear part, and the constant."""
        outputs = self.linear(*inputs)
        return outputs if self.constant is None else outputs + self.constant

    def interval(self, lows: Sequence[Tensor], highs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Centre and radius: exact for one affine function (Gowal et al. 2018, arXiv 1810.12715)."""
        centre = self.forward([(low + high) / 2 for low, high in zip(lows, highs, strict=True)])
        radius = self.positive(*((high - low) / 2 for low, high in zip(lows, highs, strict=True)))
        return centre - radius, centre + radius

    def rounding(self, sizes: Sequence[Tensor]) -> Tensor:
        """The bound of a sum in any order; a move of values costs what float64 loses in `interval`."""
        total = self.positive(*sizes)
        if self.constant_size is not None:
            total = total + self.constant_size
        return rounding_of_sum(self.terms, total) if self.terms else total * DOUBLE

    def backward(self, rows: Tensor, relaxation: Any, owner: Tensor) -> tuple[list[Tensor], Tensor]:
        """The transposed linear part, and rows times the constant."""
        offsets = rows.new_zeros(len(rows))
        if self.constant is not None:
            offsets = (rows * self.constant).flatten(1).sum(1)
        if self.transposed is not None:
            return [self.transposed(rows)], offsets
        zeros = [rows.new_zeros((len(rows), *shape)).requires_grad_() for shape in self.shapes]
        with torch.enable_grad():
            outputs = self.linear(*zeros)
        return list(torch.autograd.grad(outputs, zeros, rows)), offsets
