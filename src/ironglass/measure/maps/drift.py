"""Drift of attribution maps under attacks, patches and changes of the network."""

from __future__ import annotations

import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.measure.maps.attribution import mass_inside, positions_from_highest
from ironglass.measure.maps.attribution_focus import rank_correlation

TOP = 0.1
"""Share of the pixels that counts as the top."""


def drift(before: Tensor, after: Tensor, regions: Tensor | None = None) -> dict[str, Tensor]:
    """Distances between maps before and after: float32 (n,) by name.

    rank_correlation: Spearman's, of the signed values, so that a change of sign counts; 1 where both maps are constant,
    0 where one is.
    top_overlap: share of the tenth of the pixels with the largest absolute values that both maps have in common.
    ssim: see `ssim`.
    shift: of the centre of mass of |map|, as a share of the image's diagonal; that of a map of zeros is the middle.
    inside_before, inside_after: share of |map| inside `regions`, if given; see `mass_inside`.

    before, after: signed maps (n, h, w).
    regions: bool (n, h, w), for instance of a pasted patch.

    Raises InputError for shapes that differ.
    """
    if before.shape != after.shape or before.ndim != 3:
        raise InputError(f"maps are {tuple(before.shape)} and {tuple(after.shape)}: give pairs of maps as (n, h, w)")
    before, after = before.detach().cpu().float(), after.detach().cpu().float()
    height, width = before.shape[1:]
    diagonal = ((height - 1) ** 2 + (width - 1) ** 2) ** 0.5 or 1.0
    displacement = centre_of_mass(after) - centre_of_mass(before)
    distances = {
        "rank_correlation": _correlation(before, after),
        "top_overlap": _overlap(before, after),
        "ssim": ssim(before, after),
        "shift": displacement.norm(dim=1) / diagonal,
    }
    if regions is not None:
        distances["inside_before"] = mass_inside(before, regions.cpu(), absolute=True)
        distances["inside_after"] = mass_inside(after, regions.cpu(), absolute=True)
    return distances


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity of pairs of maps (n, h, w): (n,) in [−1, 1] (Wang et al. 2004, IEEE TIP 13:600).

    Wang's index is for pictures, so each pair is drawn as one on a shared scale: 0.5 is zero, 0 and 1 the largest
    absolute value of both. Gaussian windows of 11 pixels, sigma 1.5, or as many as a smaller map has, inside the map.
    """
    scale = torch.stack((first, second)).abs().amax((0, 2, 3)).clamp_min(torch.finfo(torch.float32).tiny)
    a, b = ((0.5 + maps / (2 * scale[:, None, None])).double() for maps in (first, second))
    mean_a, mean_b = _windowed(a), _windowed(b)
    var_a, var_b = _windowed(a * a) - mean_a**2, _windowed(b * b) - mean_b**2
    covariance = _windowed(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    numerator = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    denominator = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return (numerator / denominator).mean((1, 2)).float()


def centre_of_mass(maps: Tensor) -> Tensor:
    """Row and column of the centre of |map|, in pixels: (n, 2); the middle for a map of zeros."""
    mass = maps.abs().double()
    total = mass.sum((1, 2))
    rows, columns = (torch.arange(side, device=maps.device).double() for side in maps.shape[1:])
    centre = torch.stack((mass.sum(2) @ rows, mass.sum(1) @ columns), 1) / total[:, None]
    middle = torch.tensor([(side - 1) / 2 for side in maps.shape[1:]], device=maps.device).double()
    return torch.where(total[:, None] > 0, centre, middle).float()


def _correlation(before: Tensor, after: Tensor) -> Tensor:
    correlation = torch.from_numpy(rank_correlation(before[:, None], after[:, None])).float()
    constant = [rank_correlation(maps[:, None], maps[:, None]) for maps in (before, after)]
    both = torch.from_numpy(constant[0] != constant[0]) & torch.from_numpy(constant[1] != constant[1])  # NaN is not NaN
    return torch.where(both, 1.0, correlation.nan_to_num(0.0))


def _overlap(before: Tensor, after: Tensor) -> Tensor:
    count = max(1, round(TOP * before[0].numel()))
    both = (positions_from_highest(before.abs()) < count) & (positions_from_highest(after.abs()) < count)
    return both.sum(1) / count


def _windowed(maps: Tensor) -> Tensor:
    """The mean under each Gaussian window that lies inside the map."""
    for axis in (1, 2):
        length = min(11, maps.shape[axis])
        offsets = torch.arange(length, device=maps.device, dtype=maps.dtype) - (length - 1) / 2
        window = torch.exp(-0.5 * (offsets / 1.5) ** 2)
        first = torch.arange(maps.shape[axis] - length + 1, device=maps.device)
        means = maps.new_zeros(maps.shape[axis], len(first))  # a product with it is ten times as fast as a convolution
        means[first + torch.arange(length, device=maps.device)[:, None], first] = (window / window.sum())[:, None]
        maps = (maps.mT @ means).mT if axis == 1 else maps @ means
    return maps
