"""Square attack: random squares, kept where they help; no gradients."""

from __future__ import annotations

from typing import ClassVar

import torch

from ironglass.attacks.parts.losses import margin
from ironglass.attacks.parts.scores import attack_call
from ironglass.attacks.parts.squares import L1Squares, L2Squares, LinfSquares
from ironglass.attacks.parts.threat import L1, L2, USUAL, Linf, Threat
from ironglass.attacks.parts.worst_case import ROWS, logits_of, worst_case
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""The queries, of 10,000, after which the squares' area is halved."""

WASTE = 0.3
"""Expected number of discarded outputs per image and pass, at most."""

SQUARES = {Linf: LinfSquares, L2: L2Squares, L1: L1Squares}


@settings(frozen=True, kw_only=True)
class Square:
    """Random search over square changes by the outputs alone (Andriushchenko et al. 2019, arXiv 1912.00049).

    Each query changes one square per image, at a random position, and keeps the change where it raises the margin of
    the best other class over the label.

    queries: maximum number of forward passes per image.
    p_init: share of the image that the first squares cover.
    horizon: queries over which the shrinking of the squares is spread; AutoAttack's stays at 10,000 whatever the
        queries.
    ahead: maximum number of proposals per image in one pass, while few images remain; those after an accepted one are
        discarded unread, so that the search is the same as with one proposal at a time, for a few more outputs.
        Under Linf a square that would change nothing is turned to its opposite, where the paper draws anew.
    """

    label: ClassVar[str] = "Square"
    family: ClassVar[str] = "gradient-free"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1")
    steps: ClassVar[int] = 0
    threat: Threat = USUAL
    queries: int = 5000
    p_init: float = 0.8
    horizon: int = 10_000
    ahead: int = 16

    def __post_init__(self) -> None:
        if type(self.threat) not in SQUARES:
            raise InputError(f"Square knows the threats Linf, L2 and L1, not {type(self.threat).__name__}")
        if min(self.queries, self.horizon, self.ahead) < 1 or not 0 < self.p_init <= 1:
            values = f"{self.queries} queries, horizon {self.horizon}, ahead {self.ahead} and p_init {self.p_init}"
            raise InputError(f"Square has {values}: give at least 1 of each, and a share above 0")

    @attack_call
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
        result, index = best.clone(), torch.arange(len(images), device=images.device)
        logits = logits_of(classifier, best)
        margins, fooled = margin(logits, labels), logits.argmax(1) != labels
        queries = torch.ones_like(labels)  # used by each image's search so far
        accepted = 1.0  # moving average of the share of accepted proposals
        while True:
            leave = fooled | (queries >= self.queries)
            if leave.any():
                result[index[leave]] = best[leave]
                index, images, labels, best, margins, queries = (
                    column[~leave] for column in (index, images, labels, best, margins, queries)
                )
                if not len(index):
                    return result
            # images with the largest squares go first, so that all squares of a pass have one size
            query = int(queries.min())
            active = (queries < self._until(query)).nonzero()[:, 0]
            left = self._until(query) - queries[active]
            ahead = min(self._ahead(len(active), accepted, images.device.type), int(left.max()))
            left = left.clamp_max(ahead)

            rows = active.repeat(ahead)
            new = squares.change(images[rows], best[rows], self.share(query - 1))
            logits = logits_of(classifier, new)
            reached = margin(logits, labels[rows]).view(ahead, -1)
            wrong = (logits.argmax(1) != labels[rows]).view(ahead, -1)
            number = torch.arange(ahead, device=images.device)[:, None]
            better = (wrong | (reached > margins[active])) & (number < left)

            # each image's first better proposal is accepted, and later ones count as not made
            risen, first = better.any(0), better.int().argmax(0)
            spent = torch.where(risen, first + 1, left)
            queries[active] += spent
            accepted += 0.1 * (float(risen.sum()) / float(spent.sum()) - accepted)
            column = risen.nonzero()[:, 0]
            first, up = first[column], active[column]
            best[up] = new.view(ahead, len(active), *new.shape[1:])[first, column]
            margins[up] = reached[first, column]
            fooled = torch.zeros(len(images), dtype=torch.bool, device=images.device)
            fooled[up] = wrong[first, column]

    def _ahead(self, images: int, accepted: float, device: str) -> int:
        """Number of proposals of an image to make at once: what fills a pass, unless many would be thrown away."""
        fill = ROWS.get(device, ROWS["cuda"]) // images
        return max(1, min(fill, self.ahead, int(WASTE / max(accepted, 1e-3))))

    def _until(self, query: int) -> int:
        """The first query after this one at which the squares are smaller, or the search ends."""
        smaller = (limit * self.horizon // 10_000 + 2 for limit in HALVINGS)
        return min(min((next_ for next_ in smaller if next_ > query), default=self.queries), self.queries)

    def share(self, query: int) -> float:
        """The share of the image that a square covers: p_init, halved after each of HALVINGS."""
        passed = sum(query * 10_000 > limit * self.horizon for limit in HALVINGS)
        return self.p_init / 2**passed
