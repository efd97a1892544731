"""`certification` of `results.json`: what is proved, and what an attack leaves of the rest."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.numbers import Amount, Count, Norm, Rate, Share


@result
class ProvedBy:
    """Images that one method proved.

    method: its name.
    images: how many.
    """

    method: str
    images: Count


@result
class Bracket:
    """Robust accuracy at one eps, from below and from above.

    eps: the largest change, in units of [0, 1].
    certified: images proved to be right under every change; no attack can bring the accuracy on them below it.
    attacked: images right under the attack, the certified ones included; null where none was made.
    unknown: images that are neither certified nor fooled.
    methods: a row a method that proved any.
    """

    eps: Amount
    certified: Rate
    attacked: Rate | None
    unknown: Count
    methods: tuple[ProvedBy, ...]


@result
class Certification:
    """Certified and attacked accuracy on the measured images.

    norm: of the change.
    method: as it was asked for.
    attack: name of the attack on images that are right and not certified; null for none.
    n: images.
    clean: accuracy without a change, of the smoothed network where that is certified.
    abstained: images on which the smoothed network abstains; 0 without smoothing.
    sigma: deviation of the noise under which the network is certified, in units of [0, 1]; null for the network itself.
    draws: noisy images an image; null without smoothing.
    alpha: probability that a certificate is wrong, an image; null where they are proofs.
    points: one an eps, the smallest first.
    """

    norm: Norm
    method: str
    attack: str | None
    n: Count
    clean: Rate
    abstained: Count
    sigma: Amount | None
    draws: Count | None
    alpha: Share | None
    points: Annotated[tuple[Bracket, ...], Field(min_length=1)]
