"""The numbers of a transfer study by arm and by the number of blocks copied: what its charts, tables and words read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isclose, sqrt
from statistics import fmean, stdev
from typing import Protocol, TypeVar

from scipy.special import stdtrit  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from ironglass.results.numbers import Rate
from ironglass.results.transfer import Network, Transfer

Read = Callable[[Network], Rate | None]
"""What is read off a network's entry: a rate, or None where it was not measured."""

ARMS = ("AnB+", "BnB+", "AnB", "BnB", "random")
AT_ZERO = {"BnB+": "AnB+", "BnB": "AnB", "random": "AnB"}
"""Which arm's network of 0 blocks is the control's too: nothing is copied and nothing frozen there."""


@dataclass(frozen=True)
class Point:
    """A number of one arm at one n: its mean over seeds with a 95 % interval, over seeds where there are several."""

    blocks: int
    value: float
    low: float
    high: float
    seeds: tuple[float, ...]


class AttackRow(Protocol):
    """A number under one attack at one eps."""

    @property
    def attack(self) -> str:
        """The attack's name."""
        ...

    @property
    def eps(self) -> float:
        """The largest change."""
        ...


Row = TypeVar("Row", bound=AttackRow)


def unchanged(network: Network) -> Rate:
    """Accuracy on unchanged images."""
    return network.clean


def made_on_base(attack: str, eps: float, *, png: bool = False) -> Read:
    """Accuracy on images that the attack made on base A; with `png`, of the same as 8-bit files."""

    def read(network: Network) -> Rate | None:
        row = row_at(network.transferred, attack, eps)
        return row and (row.png if png else row.accuracy)

    return read


def made_on_itself(attack: str, eps: float) -> Read:
    """Accuracy on images that the attack made on the network itself."""

    def read(network: Network) -> Rate | None:
        row = row_at(network.white_box, attack, eps)
        return row and row.accuracy

    return read


def white_box_eps(measured: Transfer) -> float:
    """The eps at which attacks on the networks themselves are spoken of: the judged one, or else their largest."""
    sizes = measured.white_box_eps
    return next((eps for eps in sizes if isclose(eps, measured.headline_eps)), max(sizes, default=0.0))


def arm_networks(measured: Transfer, arm: str, blocks: int | None = None) -> list[Network]:
    """The arm's networks, by blocks and then by seed; of those with just `blocks`, where it is given."""
    networks = [row for row in measured.networks if row.arm == arm and blocks in (None, row.blocks)]
    return sorted(networks, key=lambda row: (row.blocks or 0, row.seed))


def first_seed(measured: Transfer, arm: str, blocks: int | None = None) -> Network | None:
    """The arm's network of the first seed, of so many blocks or else of the most; None where there is none."""
    networks = [row for row in arm_networks(measured, arm, blocks) if row.seed == measured.seeds[0]]
    return networks[-1] if networks else None


def base_point(measured: Transfer, read: Read) -> Point | None:
    """Base B's number, over its seeds."""
    return _point(0, [read(row) for row in arm_networks(measured, "base")])


def curve(measured: Transfer, arm: str, read: Read) -> list[Point]:
    """The arm's number at every n that it has; a control begins with the network of 0 blocks that is its own too."""
    rows = arm_networks(measured, arm)
    if rows and arm in AT_ZERO and not any(row.blocks == 0 for row in rows):
        rows = [*arm_networks(measured, AT_ZERO[arm], 0), *rows]
    depths = sorted({row.blocks for row in rows if row.blocks is not None})
    points = [_point(n, [read(row) for row in rows if row.blocks == n]) for n in depths]
    return [point for point in points if point]


def copied_mean(measured: Transfer, arm: str, read: Read) -> float | None:
    """The arm's number averaged over seeds and then over every n from 1 on; None where there is none."""
    values = [point.value for point in curve(measured, arm, read) if point.blocks > 0]
    return fmean(values) if values else None


def over_seeds(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval by Student's t of the mean of two or more accuracies, cut to [0, 1].

    The formula of `measure.statistics.mean_interval`, which stands on this floor's other side.
    """
    mean, half = fmean(values), float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / sqrt(len(values))
    return max(mean - half, 0.0), min(mean + half, 1.0)


def _point(blocks: int, rates: Sequence[Rate | None]) -> Point | None:
    there = [rate for rate in rates if rate]
    if not there:
        return None
    values = tuple(rate.value for rate in there)
    low, high = over_seeds(values) if len(values) > 1 else (there[0].low, there[0].high)
    return Point(blocks, fmean(values), low, high, values)


def row_at(rows: Sequence[Row], attack: str, eps: float) -> Row | None:
    """The row of one attack at one eps; None where it was not made."""
    return next((row for row in rows if row.attack == attack and isclose(row.eps, eps)), None)
