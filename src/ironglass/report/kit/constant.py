"""Networks that name one class whatever they are shown, or do no better than if they did: said before anything else."""

from __future__ import annotations

from ironglass.report.kit.words import percent
from ironglass.results.evaluation import Naming
from ironglass.results.numbers import Mean

CONSTANT = 0.9
"""Share of images, from which a class that fewer of them are of is named too often for the images to matter."""


def constant_words(rate: Mean, naming: Naming, who: str = "It") -> str:
    """A sentence on a network that answers without regard to the image; "" for one that does better.

    rate: its accuracy. naming: the class that it names most often. who: what the sentence is about, "After hardening
    it".
    """
    common, share = naming.commonest, naming.commonest_share
    if naming.named_share >= CONSTANT and naming.named_true_share < CONSTANT:
        nearly = "" if naming.named_share == 1 else "nearly "
        named, true = percent(naming.named_share), percent(naming.named_true_share)
        return (
            f"{who} names one class, “{naming.named}”, for {named} of the images, {nearly}whatever they show: "
            f"{true} of them are of it. Its other numbers are those of such an answer: what does not depend on the "
            "image cannot be changed by an attack."
        )
    if rate.value <= share:
        return (
            f"{who} is no better than always naming the commonest class, “{common}”: that would get {percent(share)} "
            f"right, and it gets {percent(rate.value)}."
        )
    if rate.low <= share:
        return (
            f"{who} may be no better than always naming the commonest class, “{common}”, which would get "
            f"{percent(share)} right: it gets {percent(rate.value)} of {rate.n} images, too close to tell."
        )
    return ""
