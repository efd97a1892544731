"""Square attack: random squares, kept where they help; no gradients."""

from __future__ import annotations

from typing import ClassVar

import torch

from ironglass.attacks.parts.losses import margin
from ironglass.attacks.parts.scores import attack_call
from ironglass.attacks.parts.squares import L2Squares, LinfSquares
from ironglass.attacks.parts.threat import L2, USUAL, Linf, Threat
from ironglass.attacks.parts.worst_case import ROWS, logits_of, worst_case
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""The queries, of 10,000, after which the squares' area is halved."""

WASTE = 0.3
"""About how many outputs may be thrown away an image and pass."""

SQUARES = {Linf: LinfSquares, L2: L2Squares}


@settings(frozen=True, kw_only=True)
class Square:
    """Random search over square changes by the outputs alone (Andriushchenko et al. 2019, arXiv 1912.00049).

    Each query changes one square an image, at a place of its own, and keeps it where it raises the margin of the best
    other class over the label.

    queries: outputs asked for an image, at most.
    p_init: share of the image that the first squares cover.
    horizon: queries over which the shrinking of the squares is spread; AutoAttack's stays at 10,000 whatever the
        queries.
    ahead: proposals of an image that may be made at once, while few images stand; those after one that is kept are
        thrown away unseen, so that the search is the same as one by one, and the network gives a few outputs more.
        Under Linf a square that would change nothing is turned to its opposite, where the paper draws anew.
    """

    label: ClassVar[str] = "Square"
    family: ClassVar[str] = "gradient-free"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    steps: ClassVar[int] = 0
    threat: Threat = USUAL
    queries: int = 5000
    p_init: float = 0.8
    horizon: int = 10_000
    ahead: int = 16

    def __post_init__(self) -> None:
        if type(self.threat) not in SQUARES:
            raise InputError(f"Square knows the threats Linf and L2, not {type(self.threat).__name__}")
        if min(self.queries, self.horizon, self.ahead) < 1 or not 0 < self.p_init <= 1:
            what = f"{self.queries} queries, horizon {self.horizon}, ahead {self.ahead} and p_init {self.p_init}"
            raise InputError(f"Square has {what}: give at least 1 of each, and a share above 0")

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
        found, place = best.clone(), torch.arange(len(images), device=images.device)
        logits = logits_of(classifier, best)
        lead, fooled = margin(logits, labels), logits.argmax(1) != labels
        queries = torch.ones_like(labels)  # that the search of each image has seen
        kept = 1.0  # about how many of the last proposals were
        while True:
            leave = fooled | (queries >= self.queries)
            if leave.any():
                found[place[leave]] = best[leave]
                place, images, labels, best, lead, queries = (
                    column[~leave] for column in (place, images, labels, best, lead, queries)
                )
                if not len(place):
                    return found
            # those whose squares are the largest go first, so that all of a pass are of one size
            query = int(queries.min())
            turn = (queries < self._until(query)).nonzero()[:, 0]
            left = self._until(query) - queries[turn]
            ahead = min(self._ahead(len(turn), kept, images.device.type), int(left.max()))
            left = left.clamp_max(ahead)

            rows = turn.repeat(ahead)
            new = squares.change(images[rows], best[rows], self.share(query - 1))
            logits = logits_of(classifier, new)
            reached = margin(logits, labels[rows]).view(ahead, -1)
            wrong = (logits.argmax(1) != labels[rows]).view(ahead, -1)
            number = torch.arange(ahead, device=images.device)[:, None]
            better = (wrong | (reached > lead[turn])) & (number < left)

            # of each image's proposals the first that is better is kept, and the search has seen none behind it
            risen, first = better.any(0), better.int().argmax(0)
            seen = torch.where(risen, first + 1, left)
            queries[turn] += seen
            kept += 0.1 * (float(risen.sum()) / float(seen.sum()) - kept)
            column = risen.nonzero()[:, 0]
            first, up = first[column], turn[column]
            best[up] = new.view(ahead, len(turn), *new.shape[1:])[first, column]
            lead[up] = reached[first, column]
            fooled = torch.zeros(len(images), dtype=torch.bool, device=images.device)
            fooled[up] = wrong[first, column]

    def _ahead(self, images: int, kept: float, device: str) -> int:
        """Number of proposals of an image to make at once: what fills a pass, unless many would be thrown away."""
        fill = ROWS.get(device, ROWS["cuda"]) // images
        return max(1, min(fill, self.ahead, int(WASTE / max(kept, 1e-3))))

    def _until(self, query: int) -> int:
        """The first query after this one at which the squares are smaller, or the search ends."""
        smaller = (limit * self.horizon // 10_000 + 2 for limit in HALVINGS)
        return min(min((next_ for next_ in smaller if next_ > query), default=self.queries), self.queries)

    def share(self, query: int) -> float:
        """The share of the image that a square covers: p_init, halved after each of HALVINGS."""
        passed = sum(query * 10_000 > limit * self.horizon for limit in HALVINGS)
        return self.p_init / 2**passed
