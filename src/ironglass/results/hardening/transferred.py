"""`transferred` of `results.json`: images made on one arm of a comparison and shown to all."""

from __future__ import annotations

from ironglass.results.codec import result
from ironglass.results.numbers import Amount, Count, Norm, Rate


@result
class TransferredRow:
    """Images made by one attack at one eps.

    attack: its name.
    eps: the largest change, in units of [0, 1].
    surrogates: by the arm they were made on: of each arm the images it still names right.
    """

    attack: str
    eps: Amount
    surrogates: dict[str, dict[str, Rate]]


@result
class TransferredSplit:
    """Images of one split.

    n: images.
    clean: of each arm the unchanged images it names right.
    rows: an attack and eps each.
    """

    n: Count
    clean: dict[str, Rate]
    rows: tuple[TransferredRow, ...]


@result
class Transferred:
    """Images made on one arm and shown to all.

    norm: of eps.
    measured: the split that was measured.
    splits: by name; on training images the base alone makes images.
    """

    norm: Norm
    measured: str
    splits: dict[str, TransferredSplit]
