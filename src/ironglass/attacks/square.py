"""Square attack: random squares, kept where they help; no gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from ironglass.attacks.losses import margin
from ironglass.attacks.squares import L2Squares, LinfSquares
from ironglass.attacks.threat import L2, USUAL, Linf, Threat
from ironglass.attacks.worst_case import logits_of, worst_case
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""The queries, of 10,000, after which the squares' area is halved."""

SQUARES = {Linf: LinfSquares, L2: L2Squares}


@dataclass(frozen=True, kw_only=True)
class Square:
    """Random search over square changes by the outputs alone (Andriushchenko et al. 2019, arXiv 1912.00049).

    Each query changes one square an image, at a place of its own, and keeps it where it raises the margin of the best
    other class over the label.
    queries: outputs asked for an image, at most. p_init: share of the image that the first squares cover. horizon:
    queries over which the shrinking of the squares is spread; AutoAttack's stays at 10,000 whatever the queries.
    Under Linf a square that would change nothing is turned to its opposite, where the paper draws anew.
    """

    steps: ClassVar[int] = 0
    threat: Threat = USUAL
    queries: int = 5000
    p_init: float = 0.8
    horizon: int = 10_000

    def __post_init__(self) -> None:
        if type(self.threat) not in SQUARES:
            raise InputError(f"Square knows the threats Linf and L2, not {type(self.threat).__name__}")
        if self.queries < 1 or self.horizon < 1 or not 0 < self.p_init <= 1:
            what = f"{self.queries} queries, horizon {self.horizon} and p_init {self.p_init}"
            raise InputError(f"Square has {what}: give at least 1, at least 1, and a share above 0")

    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat. Without a generator the draws are those of seed 0."""
        generator = generator or torch.Generator().manual_seed(0)
        squares = SQUARES[type(self.threat)](self.threat, generator)

        def attempt(images: Images, labels: Labels) -> Images:
            return self._search(classifier, images, labels, squares)

        return worst_case(classifier, images, labels, [attempt])[0]

    def _search(
        self, classifier: Classifier, images: Images, labels: Labels, squares: LinfSquares | L2Squares
    ) -> Images:
        best = squares.start(images)
        found, place = best.clone(), torch.arange(len(images), device=images.device)
        logits = logits_of(classifier, best)
        lead, fooled = margin(logits, labels), logits.argmax(1) != labels
        for query in range(1, self.queries + 1):
            if fooled.any():
                found[place[fooled]] = best[fooled]
                place, images, labels, best, lead = (column[~fooled] for column in (place, images, labels, best, lead))
                if not len(place):
                    return found
            if query == self.queries:
                break
            new = squares.change(images, best, self.share(query - 1))
            logits = logits_of(classifier, new)
            reached, fooled = margin(logits, labels), logits.argmax(1) != labels
            better = fooled | (reached > lead)
            best[better], lead[better] = new[better], reached[better]
        found[place] = best
        return found

    def share(self, query: int) -> float:
        """The share of the image that a square covers: p_init, halved after each of HALVINGS."""
        passed = sum(query * 10_000 > limit * self.horizon for limit in HALVINGS)
        return self.p_init / 2**passed
