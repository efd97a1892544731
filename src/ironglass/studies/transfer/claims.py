"""Published claims about transfer learning as a defence, each with the contrast that tests it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from ironglass.measure.contrast import answered, contrast, trend
from ironglass.plans.transfer import ARMS, Arm, TransferNetwork

TOLERANCE = 0.05
"""An accuracy holds that falls by less than this."""

Kind: TypeAlias = Literal["clean", "transferred", "white_box"]
"""Unchanged images, those that were made on base A, and those that were made on the network itself."""

Flags: TypeAlias = Mapping[TransferNetwork, Mapping[Kind, np.ndarray]]
"""Which images each network names right, float (n,)."""


@dataclass(frozen=True)
class Grid:
    """The networks' flags, averaged in the ways that statements need; each gives one number an image.

    depths: those that every seed has.
    """

    flags: Flags
    depths: Sequence[int]

    def at(self, seed: int, arm: Arm, n: int | None, kind: Kind) -> np.ndarray:
        """One network's; of base B, n is None."""
        return self.flags[TransferNetwork(arm=arm, seed=seed, blocks=n)][kind]

    def base(self, seed: int, kind: Kind) -> np.ndarray:
        """Base B's."""
        return self.at(seed, "base", None, kind)

    def mean(self, seed: int, arm: Arm, kind: Kind) -> np.ndarray:
        """An arm's, averaged over its depths but 0, at which nothing is copied."""
        return np.mean([self.at(seed, arm, n, kind) for n in self.depths if n], axis=0)

    def loss(self, seed: int, arm: Arm) -> np.ndarray:
        """Loss of accuracy of an arm by base A's images."""
        return self.mean(seed, arm, "clean") - self.mean(seed, arm, "transferred")

    def rise(self, seed: int, arm: Arm, *, loss: bool = False) -> np.ndarray:
        """The rise of the least-squares line from the first depth to the last: of an arm's accuracy on unchanged
        images, or of what base A's images cost it."""
        clean = np.stack([self.at(seed, arm, n, "clean") for n in self.depths])
        transferred = np.stack([self.at(seed, arm, n, "transferred") for n in self.depths])
        return trend(self.depths) @ (clean - transferred if loss else clean)

    def rival(self, seeds: Sequence[int], kind: Kind) -> TransferNetwork:
        """Of all others but the controls, the network that does best beside AnB+ at the last depth."""
        first, last = seeds[0], max(self.depths)
        grown = [TransferNetwork(arm=arm, seed=first, blocks=n) for arm in ARMS for n in self.depths]
        others = [
            TransferNetwork(arm="base", seed=first),
            *(one for one in grown if (one.arm, one.blocks) != ("AnB+", last)),
        ]

        def accuracy(one: TransferNetwork) -> float:
            return float(np.mean([self.at(seed, one.arm, one.blocks, kind).mean() for seed in seeds]))

        return max(others, key=accuracy)


def answer_claims(flags: Flags, depths: Sequence[int], seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Each statement with its answer, effect and intervals, the published ones and, `ours`, the controls to them.

    An effect is a difference of accuracies on the same images; a statement is answered by whether it lies above
    `above`, which is 0 or, where an accuracy is to hold, minus TOLERANCE.
    """
    grid, last = Grid(flags, depths), max(depths)

    def stated(key: str, statement: str, measure: str, effects: list[np.ndarray], above: float = 0.0) -> dict[str, Any]:
        result = contrast(effects)
        claim = {"key": key, "statement": statement, "measure": measure, "ours": key in CONTROL_CLAIMS, "above": above}
        return claim | {"answer": answered(result, above)} | result

    def best(kind: Kind, images: str) -> dict[str, Any]:
        rival = grid.rival(seeds, kind)
        called = "base B" if rival.blocks is None else f"{rival.arm} at {rival.blocks} blocks"
        margins = [grid.at(s, "AnB+", last, kind) - grid.at(s, rival.arm, rival.blocks, kind) for s in seeds]
        measure = f"AnB+ at {last} blocks, less the best other ({called}), {images}"
        return stated(f"all-plus-best-{kind}", f"AnB+ with all blocks is best on {images}", measure, margins)

    criterion, way = f"it holds above −{100 * TOLERANCE:.0f} points", f"from {depths[0]} to {last} blocks"
    claims = [
        stated("plus-beats-base", "AnB+ beats base B", "AnB+ over all depths, less base B, unchanged images",
               [grid.mean(s, "AnB+", "clean") - grid.base(s, "clean") for s in seeds]),
        stated("plus-grows", "AnB+ grows with n", f"rise of AnB+ {way}, unchanged images",
               [grid.rise(s, "AnB+") for s in seeds]),
        stated("frozen-falls", "AnB falls with n", f"fall of AnB {way}, unchanged images",
               [-grid.rise(s, "AnB") for s in seeds]),
        stated("plus-holds", "Fine-tuned networks hold up on images made on base A",
               f"AnB+ on base A’s images, less AnB+ on unchanged ones; {criterion}",
               [-grid.loss(s, "AnB+") for s in seeds], -TOLERANCE),
        stated("base-holds", "So does base B, which shares nothing with base A",
               f"base B on base A’s images, less base B on unchanged ones; {criterion}",
               [grid.base(s, "transferred") - grid.base(s, "clean") for s in seeds], -TOLERANCE),
        best("clean", "unchanged images"),
        best("transferred", "base A’s images"),
        stated("frozen-degrades", "Frozen networks lose more on base A’s images than fine-tuned ones",
               "loss of AnB on base A’s images, less that of AnB+",
               [grid.loss(s, "AnB") - grid.loss(s, "AnB+") for s in seeds]),
        stated("nearer-falls", "The more frozen blocks of base A a network has, the more base A’s images fool it",
               f"rise of AnB’s loss on base A’s images {way}", [grid.rise(s, "AnB", loss=True) for s in seeds]),
        stated("plus-robust", "Fine-tuned networks are harder to fool by attacks on themselves than base B",
               "AnB+ attacked by its own gradients, less base B by its own",
               [grid.mean(s, "AnB+", "white_box") - grid.base(s, "white_box") for s in seeds]),
    ]  # fmt: skip
    if 0 in depths:
        scratch = [grid.mean(s, "AnB+", "clean") - grid.at(s, "AnB+", 0, "clean") for s in seeds]
        claims.insert(1, stated("plus-beats-scratch", "AnB+ beats the same training with nothing copied",
                               "AnB+ over all other depths, less AnB+ at 0, unchanged images", scratch))  # fmt: skip
    return claims


CONTROL_CLAIMS = {"plus-beats-scratch", "base-holds", "nearer-falls", "plus-robust"}
"""Claims that were not published, and that are needed to interpret those that were."""
