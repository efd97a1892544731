"""Proofs by bounds on a network's logits, from the cheapest method to the tightest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ironglass.certify.closed_form import linear_radius
from ironglass.engine.bounds.crown import crown_bounds, lower_bounds, rows_at_once, undecided_values
from ironglass.engine.bounds.graph import BoundGraph
from ironglass.engine.bounds.interval import Bounds, interval_bounds
from ironglass.engine.bounds.region import Region, region_of
from ironglass.errors import InputError
from ironglass.types import Images, Labels, Mask

METHODS = ("auto", "linear", "interval", "crown-ibp", "crown")
"""Methods that certify a network itself. auto: of a linear network linear, else the others in turn, each on the images
that are left."""
MOST_VALUES = 2000
"""Values of an image that auto has tightened by CROWN at most: each costs a pass backwards."""


@dataclass(frozen=True)
class Proof:
    """Proofs on n images.

    certified: bool (n,), whether no image of the ball is misread.
    method: the method that proved it, an image; "" where none did.
    radius: float64 (n,), the largest eps that is certified, inf where no image in [0, 1] is misread; None of methods
        that have none.
    """

    certified: Mask
    method: tuple[str, ...]
    radius: Tensor | None = None


def prove(graph: BoundGraph, images: Images, labels: Labels, *, norm: str, eps: float, method: str = "auto") -> Proof:
    """Tries to prove for each image that every image in [0, 1] within eps has its label for a prediction.

    images: float (n, c, h, w) in [0, 1], n of any size. norm: "linf" or "l2". method: one of METHODS.
    Raises InputError for method "linear" on a network that is not.
    """
    if method == "linear" and not graph.is_affine:
        raise InputError("the network is not linear in the image: certify it by auto, interval, crown-ibp or crown")
    if method == "linear" or (method == "auto" and graph.is_affine):
        radius = linear_radius(graph, images, labels, norm)
        certified = radius >= max(eps, torch.finfo(torch.float64).tiny)
        return Proof(certified, tuple("linear" if flag else "" for flag in certified.tolist()), radius)
    names = ("interval", "crown-ibp", "crown") if method == "auto" else (method,)
    certified = torch.zeros(len(images), dtype=torch.bool, device=images.device)
    right = torch.cat([graph.logits(part).argmax(1) for part in images.split(_images_at_once(graph))]) == labels
    proved_by = [""] * len(images)
    for name in names:
        left = (right & ~certified).nonzero()[:, 0]
        for part in left.split(_images_at_once(graph)) if len(left) else ():
            region = region_of(images[part], norm, eps)
            proved = part[_PROOFS[name](graph, region, labels[part], method == "auto")]
            certified[proved] = True
            for position in proved.tolist():
                proved_by[position] = name
    return Proof(certified, tuple(proved_by))


def _interval(graph: BoundGraph, region: Region, labels: Labels, cheap: bool) -> Mask:
    return _holds(graph, interval_bounds(graph, region), region, labels, affine_only=True)


def _crown_ibp(graph: BoundGraph, region: Region, labels: Labels, cheap: bool) -> Mask:
    return _holds(graph, interval_bounds(graph, region), region, labels)


def _crown(graph: BoundGraph, region: Region, labels: Labels, cheap: bool) -> Mask:
    if cheap and undecided_values(graph, interval_bounds(graph, region)) > MOST_VALUES * len(labels):
        return torch.zeros_like(labels, dtype=torch.bool)
    return _holds(graph, crown_bounds(graph, region), region, labels)


_PROOFS: dict[str, Callable[[BoundGraph, Region, Labels, bool], Mask]] = {
    "interval": _interval, "crown-ibp": _crown_ibp, "crown": _crown,
}  # fmt: skip


def _holds(graph: BoundGraph, bounds: Bounds, region: Region, labels: Labels, *, affine_only: bool = False) -> Mask:
    """Flags (n,) of the images whose label has the largest logit all over the region."""
    n, k = len(labels), graph.shapes[-1].numel()
    least = margin_rows(labels, k)
    owner = torch.arange(n, device=labels.device).repeat_interleave(k - 1)
    parts = [
        lower_bounds(graph, bounds, region, least[chunk], owner[chunk], affine_only=affine_only, tight=True)
        for chunk in torch.arange(len(owner), device=labels.device).split(rows_at_once(graph))
    ]
    # a value beyond float32 would be infinite in the network
    size = torch.maximum(bounds.lows[-1].abs(), bounds.highs[-1].abs()).amax(1)
    return (torch.cat(parts).view(n, k - 1) > 0).all(1) & (size < torch.finfo(torch.float32).max)


def margin_rows(labels: Labels, classes: int) -> Tensor:
    """Coefficients (n · (k - 1), k) of each image's logit of the label less that of every other class."""
    unit = torch.eye(classes, dtype=torch.float64, device=labels.device)
    rows = unit[labels][:, None] - unit
    others = torch.arange(classes, device=labels.device) != labels[:, None]
    return rows[others]


def _images_at_once(graph: BoundGraph) -> int:
    """Images whose bounds at all positions fit 1 GiB, a few copies included."""
    return max(1, 2**30 // (8 * 8 * sum(shape.numel() for shape in graph.shapes)))
