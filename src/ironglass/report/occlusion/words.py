"""Sentences on patches."""

from __future__ import annotations

from ironglass.report.kit.words import count, percent
from ironglass.results.audit import Exhaustive, Mask, Occlusion


def harshest_mask(occlusion: Occlusion) -> Mask:
    """The mask that leaves the lowest accuracy when it lies in each image's own worst position."""
    return min(occlusion.masks, key=lambda mask: mask.worst.value)


def occlusion_words(occlusion: Occlusion) -> str:
    """Accuracy under a patch, averaged over positions and at each image's own worst position."""
    mask, patch = harshest_mask(occlusion), occlusion.patch
    return (
        f"A patch of {patch} × {patch} pixels ({mask.name}) leaves {percent(mask.mean.value)} right on "
        f"average over {count(occlusion.positions)} positions, and {percent(mask.worst.value)} when it lies in "
        f"each image’s own most harmful position (without a patch, {percent(occlusion.clean.value)})."
    )


def exhaustive_words(exhaustive: Exhaustive) -> str:
    """Share of predictions changed by the smallest patch, and by the first that changes half, or else the largest."""
    sizes = [entry for entry in exhaustive.sizes if entry.flipped.value >= 0.5]
    smallest, largest = exhaustive.sizes[0], exhaustive.sizes[-1]
    text = (
        f"A patch of {smallest.size} × {smallest.size} pixels at its worst position changes the prediction on "
        f"{percent(smallest.flipped.value)} of {count(exhaustive.n)} images"
    )
    if sizes:
        side, share = sizes[0].size, percent(sizes[0].flipped.value)
        return f"{text}." if sizes[0] is smallest else f"{text}; one of {side} × {side}, on {share}."
    if largest is smallest:
        return f"{text}."
    return f"{text}; one of {largest.size} × {largest.size}, on {percent(largest.flipped.value)}."
