"""The result of certifying a batch of images."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ironglass.attacks import THREATS
from ironglass.certify.smoothing import Smoothing
from ironglass.eps import parse_eps
from ironglass.measure.statistics import Rate, rate_of
from ironglass.report.kit.words import eps_text
from ironglass.types import Labels, Mask

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Certificate:
    """Proofs on a batch of n images.

    requested: the method that was asked for.
    norm: "linf" or "l2". eps: size of the change, in units of [0, 1].
    classes: names of the classes.
    labels: true classes, int64 (n,).
    predictions: of the unchanged images, int64 (n,); -1 where there is none.
    certified: bool (n,), whether it is proved that the image is right and stays right within eps.
    method: the method that proved it, one an image; "" where none did.
    radius: float64 (n,), in units of [0, 1], the largest eps at which the image is certified, inf where there is no
        end to it in [0, 1], 0 where it is misread; None where the method gives none.
    seconds: time that it took.
    smoothing: the settings of randomised smoothing, where the smoothed classifier is what was certified; predictions
        are its own, -1 where it abstains, and each radius is true with probability 1 - alpha.
    """

    requested: str
    norm: str
    eps: float
    classes: tuple[str, ...]
    labels: Labels
    predictions: Labels
    certified: Mask
    method: tuple[str, ...]
    radius: Tensor | None
    seconds: float
    smoothing: Smoothing | None = None

    @property
    def accuracy(self) -> Rate:
        """Certified accuracy: the share of images that are certified, with its 95 % interval and n.

        No attack within eps can bring the accuracy on these images below its value.
        """
        return rate_of(self.certified)

    @property
    def clean_accuracy(self) -> Rate:
        """Accuracy on the unchanged images."""
        return rate_of(self.predictions == self.labels)

    def accuracy_at(self, eps: float | str) -> Rate:
        """Certified accuracy at another eps, from the radii. Raises ValueError where the method gave none, and
        InputError for an eps that is no size."""
        size = parse_eps(eps)
        if self.radius is None:
            raise ValueError(f"{self.requested} gives no radii: certify at {size:g}")
        return rate_of((self.radius >= size) & (self.predictions == self.labels))

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        rates = [
            f"{100 * rate['value']:.1f} % ({100 * rate['low']:.1f} to {100 * rate['high']:.1f})"
            for rate in (self.accuracy, self.clean_accuracy)
        ]
        counts = {name: self.method.count(name) for name in dict.fromkeys(self.method) if name}
        parts = ", ".join(f"{name} {count}" for name, count in counts.items()) or "nothing is proved"
        if self.smoothing is not None:
            parts = f"of the network smoothed by σ {self.smoothing.sigma:g}, {self.smoothing.draws:,} draws an image"
        return f"Certificate({self._title}: certified {rates[0]}; without a change {rates[1]}; {parts})"

    @property
    def _title(self) -> str:
        size = f"{THREATS[self.norm].__name__}, eps {eps_text(self.eps, self.norm)}"
        return f"{self.requested}, {size}, {len(self)} image{'s' * (len(self) != 1)}"

    def _repr_html_(self) -> str:
        from ironglass.report.kit.notebook import html_of

        return html_of(repr(self), self.show())

    def show(self) -> Figure:
        """A matplotlib Figure: certified accuracy against eps, with 95 % intervals; without radii at 0 and eps alone.

        Returns:
            A Figure, which a notebook draws; elsewhere `figure.savefig("certified.png")` writes it.
        """
        from ironglass.report.kit.notebook import accuracy_figure

        points = [(0.0, self.clean_accuracy), (self.eps, self.accuracy)]
        if self.radius is not None and bool((finite := self.radius[self.radius.isfinite()]).any()):
            sizes = np.linspace(0, float(finite.max()), 40)[1:].tolist()
            points = [points[0], *((eps, self.accuracy_at(eps)) for eps in sizes)]
        sizes, rates = zip(*points, strict=True)
        return accuracy_figure(
            sizes, rates, f"certified, {self._title}", f"{THREATS[self.norm].__name__}, images in [0, 1]"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        radius = None if self.radius is None else [float(r) if r < torch.inf else None for r in self.radius.tolist()]
        return {
            "requested": self.requested,
            "norm": self.norm,
            "eps": self.eps,
            "n": len(self),
            "accuracy": dict(self.accuracy),
            "clean_accuracy": dict(self.clean_accuracy),
            "labels": self.labels.tolist(),
            "predictions": self.predictions.tolist(),
            "certified": self.certified.tolist(),
            "method": list(self.method),
            "radius": radius,
            "seconds": self.seconds,
            "smoothing": None if self.smoothing is None else asdict(self.smoothing),
        }
