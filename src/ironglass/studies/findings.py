"""What the founding document concluded of transfer as a defence, as statements that a run can answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ironglass.measure.contrast import answered, contrast, trend
from ironglass.studies.transfer_plan import Arm, Member

HELD = 0.05
"""An accuracy holds that falls by less than this."""

Flags = Mapping[Member, Mapping[str, np.ndarray]]
"""Which images each network names right, float (n,): under "clean", "shown" (made on base A) and "own"."""


def findings(flags: Flags, depths: Sequence[int], seeds: int) -> list[dict[str, Any]]:
    """Each statement with its answer, effect and intervals; depths: those that every seed has.

    An effect is a difference of accuracies on the same images. Statements on a whole arm average over its depths but 0,
    at which nothing is copied; those on a rise take the least-squares line from the first depth to the last.
    """
    copied, last = [n for n in depths if n], max(depths)

    def arm(seed: int, name: Arm, kind: str) -> np.ndarray:
        return np.mean([flags[Member(arm=name, seed=seed, blocks=n)][kind] for n in copied], axis=0)

    def base(seed: int, kind: str) -> np.ndarray:
        return flags[Member(arm="base", seed=seed)][kind]

    def rise(seed: int, name: Arm, kind: str, less: str = "") -> np.ndarray:
        parts = []
        for n in depths:
            one = flags[Member(arm=name, seed=seed, blocks=n)]
            parts.append(one[kind] - (one[less] if less else 0))
        return trend(depths) @ np.stack(parts)

    def stated(
        key: str, claim: str, measure: str, of: Callable[[int], np.ndarray], above: float = 0.0
    ) -> dict[str, Any]:
        found = contrast([of(seed) for seed in range(seeds)])
        return {
            "key": key,
            "claim": claim,
            "measure": measure,
            "above": above,
            "answer": answered(found, above),
        } | found

    def best(kind: str) -> tuple[Member, Callable[[int], np.ndarray]]:
        others = [Member(arm="base", seed=0)]
        others += [Member(arm=name, seed=0, blocks=n) for name in ("AnB", "AnB+") for n in depths]
        others.remove(Member(arm="AnB+", seed=0, blocks=last))
        means = {one: np.mean([flags[_of_seed(one, seed)][kind].mean() for seed in range(seeds)]) for one in others}
        rival = max(means, key=lambda one: means[one])

        def lead(seed: int) -> np.ndarray:
            return flags[Member(arm="AnB+", seed=seed, blocks=last)][kind] - flags[_of_seed(rival, seed)][kind]

        return rival, lead

    found = [
        stated("plus-beats-base", "AnB+ beats base B", "AnB+ over all depths, less base B, unchanged images",
               lambda seed: arm(seed, "AnB+", "clean") - base(seed, "clean")),
        stated("plus-grows", "AnB+ grows with n", f"rise of AnB+ from {depths[0]} to {last} blocks, unchanged images",
               lambda seed: rise(seed, "AnB+", "clean")),
        stated("frozen-falls", "AnB falls with n", f"fall of AnB from {depths[0]} to {last} blocks, unchanged images",
               lambda seed: -rise(seed, "AnB", "clean")),
        stated("plus-holds", "Fine-tuned networks hold up on images made on base A",
               f"AnB+ on base A’s images, less AnB+ unchanged; it holds above −{100 * HELD:.0f} points",
               lambda seed: arm(seed, "AnB+", "shown") - arm(seed, "AnB+", "clean"), -HELD),
    ]  # fmt: skip
    for key, kind, words in (("clean", "clean", "unchanged images"), ("shown", "shown", "base A’s images")):
        rival, lead = best(kind)
        called = "base B" if rival.blocks is None else f"{rival.arm} at {rival.blocks} blocks"
        found.append(stated(f"all-plus-best-{key}", f"AnB+ with all blocks is best on {words}",
                            f"AnB+ at {last} blocks, less the best other ({called}), {words}", lead))  # fmt: skip
    found += [
        stated("frozen-degrades", "Frozen networks lose more on base A’s images than fine-tuned ones",
               "loss of AnB on base A’s images, less that of AnB+",
               lambda seed: (arm(seed, "AnB", "clean") - arm(seed, "AnB", "shown"))
               - (arm(seed, "AnB+", "clean") - arm(seed, "AnB+", "shown"))),
        stated("never-copied-holds", "So does base B, which shares nothing with base A",
               f"base B on base A’s images, less base B unchanged; it holds above −{100 * HELD:.0f} points",
               lambda seed: base(seed, "shown") - base(seed, "clean"), -HELD),
        stated("nearer-falls", "The more blocks a frozen network shares with base A, the more base A’s images fool it",
               f"rise of AnB’s loss on base A’s images from {depths[0]} to {last} blocks",
               lambda seed: rise(seed, "AnB", "clean", "shown")),
        stated("plus-robust", "Fine-tuned networks are harder to fool by attacks on themselves than base B",
               "AnB+ attacked by its own gradients, less base B by its own",
               lambda seed: arm(seed, "AnB+", "own") - base(seed, "own")),
    ]  # fmt: skip
    return found


def _of_seed(member: Member, seed: int) -> Member:
    return Member(arm=member.arm, seed=seed, blocks=member.blocks)
