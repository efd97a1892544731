"""Sentences on common corruptions."""

from __future__ import annotations

from ironglass.report.kit.words import count, percent
from ironglass.results.evaluation import Corruptions

SETS = {32: "CIFAR-10-C", 64: "Tiny ImageNet-C", 224: "ImageNet-C"}


def corruption_set(side: int) -> str:
    """The published set whose strengths images of this side are given."""
    return SETS[side]


def corruption_words(measured: Corruptions) -> str:
    """The mean over corruptions beside the unchanged images, and which costs most and least, on average."""
    clean, entries = measured.clean.value, measured.corruptions
    text = (
        f"Of {count(measured.n)} images {percent(clean)} are classified correctly as they are, and "
        f"{percent(measured.mean.value)} "
    )
    order = sorted(entries, key=lambda entry: entry.mean.value)
    worst, mildest = order[0], order[-1]
    if worst is mildest:
        text += f"under {_inside(worst.label)}, averaged over five severities"
        return f"{text}; at severity 5, {percent(worst.points[-1].accuracy.value)}."
    text += f"on average over {len(entries)} corruptions at five severities."
    hurts = _points(clean, worst.mean.value)
    last = percent(worst.points[-1].accuracy.value)
    text += f" {worst.label} hurts most: it {hurts} on average and leaves {last} at severity 5."
    return f"{text} {mildest.label} hurts least: it {_points(clean, mildest.mean.value)}."


def _points(before: float, after: float) -> str:
    lost = 100 * (before - after)
    return f"{'costs' if lost >= 0 else 'brings'} {abs(lost):.1f} points"


def _inside(label: str) -> str:
    return label if label.isupper() else label[0].lower() + label[1:]
