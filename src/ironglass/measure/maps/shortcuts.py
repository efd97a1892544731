"""Shortcuts: fixed regions of the image that determine the prediction, whatever else it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.data.dataset import Split
from ironglass.engine.folding.fold import folded
from ironglass.errors import InputError
from ironglass.fields import former_names
from ironglass.measure.statistics import mcnemar, rate_of
from ironglass.models.classifier import Classifier
from ironglass.models.predict import logits_of
from ironglass.types import Progress

SIDES = 4
"""A region is a quarter of the image wide and high, a sixteenth of its area, half overlapping the next. Evidence that
is always in so small a region is seldom the object, which is larger and moves."""
MIN_SHARE = 2.0
"""Least mean share of the map in a region, in units of a uniform map's, for the region to be tested."""
MIN_RATE = 0.5
"""Least share, as the lower end of its interval, of other images that must become the class: a sixteenth of the image
then overrules the rest more often than not. A small object within a donor's region changes fewer."""
MAX_CHANCE = 0.01
"""Significance level of the comparison with other regions, over all tested regions."""


@former_names(places="max_regions")
def find_shortcuts(
    classifier: Classifier,
    split: Split,
    maps: Tensor,
    *,
    max_regions: int = 3,
    images: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """The shortcuts: results of `try_regions` with `shortcut` true, the highest rate first."""
    regions = try_regions(classifier, split, maps, max_regions=max_regions, images=images, seed=seed, progress=progress)
    return sorted((region for region in regions if region["shortcut"]), key=lambda region: -region["rate"]["value"])


@former_names(places="max_regions")
def try_regions(
    classifier: Classifier,
    split: Split,
    maps: Tensor,
    *,
    max_regions: int = 3,
    images: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Finds image regions that the maps of a class concentrate on, and tests them on images of other classes.

    Like SpRAy (Lapuschkin et al. 2019, arXiv 1902.10178) it looks for what many maps of a class have in common. SpRAy
    clusters whole maps for a person to inspect; here only fixed regions are considered, and each is tested: its
    content, from images of the class, is pasted over images of other classes, and predictions that become the class are
    counted. The control is a random other region with its own best donors, which would work as well for an object that
    moves. Shortcuts that move, and those that fill the image, are not found.

    maps: (n, h, w), signed, of the predicted class of each image of `split`, of the images' size. Use a pixel-level
        method such as integrated gradients or occlusion: a cell of the last layer's Grad-CAM may depend on the whole
        image.
    max_regions: largest number of regions per class, which do not overlap: those with the largest mean share of the
        positive map, at least MIN_SHARE. Formerly `places`.
    images: largest number of images of other classes that are pasted over, drawn by `seed`.

    An image belongs to its predicted class; labels are not used. For each class and region only the half of the images
    with the largest share of their map there counts, the donors, so that a mark need not be on all of them.

    One entry per region: `class`, `place` [top, left, bottom, right], `share` and `share_elsewhere` (mean share of the
    positive map in the region, for the class and for other classes), `rate` and `control` (rates of predictions that
    become the class, with the region and with another one), `p` (McNemar's), `shortcut`: True where the lower end of
    `rate` is above MIN_RATE, and `rate` significantly above `control` (p below MAX_CHANCE / number of regions). Whether
    the region is an artefact or part of the object is for people to decide. Raises InputError for maps that do not fit,
    and images below SIDES pixels.
    """
    _check(split, maps)
    concentration = _concentration(classifier, split, maps)
    candidates = concentration.candidates(max_regions)
    generator = np.random.default_rng(seed)
    results = []
    for number, (label, window) in enumerate(candidates, start=1):
        others = generator.permutation(np.flatnonzero(concentration.predicted != label))[:images]
        if len(others):
            results.append(_paste_test(classifier, split, concentration, label, window, others, generator))
        if progress:
            progress(number, len(candidates))
    for result in results:
        beyond_luck = result["p"] < MAX_CHANCE / len(results) and result["rate"]["value"] > result["control"]["value"]
        result["shortcut"] = beyond_luck and result["rate"]["low"] > MIN_RATE
    return results


def _check(split: Split, maps: Tensor) -> None:
    height, width = split.pixels.shape[1:3]
    if tuple(maps.shape) != (len(split), height, width):
        raise InputError(
            f"maps are {tuple(maps.shape)} and there are {len(split)} images of {height} × {width} pixels: "
            "give one map an image, by image_maps"
        )
    if min(height, width) < SIDES:
        raise InputError(f"images of {height} × {width} pixels are too small to look for places: give {SIDES} or more")


@dataclass(frozen=True)
class _Concentration:
    """Regions that the maps of each predicted class concentrate on."""

    predicted: np.ndarray
    """(n,)."""
    windows: np.ndarray
    """Top, left, height and width of each region: (p, 4)."""
    shares: np.ndarray
    """Share of each map's positive mass in each region: (n, p)."""
    even: float
    """Share of a uniform map."""

    def candidates(self, max_regions: int) -> list[tuple[int, int]]:
        """Class and region of all tests."""
        return [
            (label, window)
            for label in np.unique(self.predicted).tolist()
            for window in _largest_regions(
                _top_half_mean(self.shares[self.predicted == label]), self.windows, MIN_SHARE * self.even, max_regions
            )
        ]

    def donors(self, label: int) -> np.ndarray:
        """Row i: the half of the class's images with the largest share of their map in region i, largest first."""
        of_class = self.predicted == label
        order = np.argsort(-self.shares[of_class], axis=0, kind="stable")
        return np.flatnonzero(of_class)[order][: -(-int(of_class.sum()) // 2)].T


def _concentration(classifier: Classifier, split: Split, maps: Tensor) -> _Concentration:
    height, width = split.pixels.shape[1:3]
    predicted = logits_of(classifier, split).argmax(1).numpy()
    windows = _windows(height, width)
    shares = np.concatenate([_shares(batch, windows) for batch in maps.split(64)])
    return _Concentration(predicted, windows, shares, windows[0, 2] * windows[0, 3] / (height * width))


def _paste_test(
    classifier: Classifier,
    split: Split,
    drawn: _Concentration,
    label: int,
    window: int,
    others: np.ndarray,
    generator: np.random.Generator,
) -> dict[str, Any]:
    """Effect of the region's content from images of the class on `others`, there and elsewhere."""
    of_class, windows, shares = drawn.predicted == label, drawn.windows, drawn.shares
    away = np.flatnonzero(~_overlapping(windows, window))
    tested_regions, other_regions = np.full(len(others), window), generator.choice(away, len(others))
    donors = drawn.donors(label)
    donor_index = generator.integers(donors.shape[1], size=len(others))
    turned, control = (
        _pasted(classifier, split, others, donors[region, donor_index], windows[region]) == label
        for region in (tested_regions, other_regions)
    )
    top, left, height, width = windows[window].tolist()
    return {
        "class": classifier.classes[label],
        "place": [top, left, top + height, left + width],
        "share": float(shares[of_class, window].mean()),
        "share_elsewhere": float(shares[~of_class, window].mean()),
        "rate": rate_of(turned),
        "control": rate_of(control),
        "p": mcnemar(turned, control)["p"],
    }


def _windows(height: int, width: int) -> np.ndarray:
    """Top, left, height and width of each region: int64 (p, 4), the last ones flush with the border."""
    region_height, region_width = height // SIDES, width // SIDES
    tops, lefts = (
        np.unique([*range(0, length - side, max(1, side // 2)), length - side])
        for length, side in ((height, region_height), (width, region_width))
    )
    return np.array([(top, left, region_height, region_width) for top in tops for left in lefts])


def _shares(maps: Tensor, windows: np.ndarray) -> np.ndarray:
    """Share of each map's positive mass in each region: (n, p); else the share of the area."""
    mass = maps.detach().cpu().clamp_min(0).double()
    total = mass.sum((1, 2), keepdim=True)
    mass = torch.where(total > 0, mass / total, 1 / mass[0].numel())
    summed = F.pad(mass, (1, 0, 1, 0)).cumsum(1).cumsum(2).numpy()
    top, left, heights, widths = windows.T
    bottom, right = top + heights, left + widths
    return summed[:, bottom, right] - summed[:, top, right] - summed[:, bottom, left] + summed[:, top, left]


def _top_half_mean(shares: np.ndarray) -> np.ndarray:
    """Mean over the half of the maps (n, p) with the largest share in each region: (p,)."""
    return -np.sort(-shares, axis=0)[: -(-len(shares) // 2)].mean(0)


def _largest_regions(share: np.ndarray, windows: np.ndarray, min_share: float, max_regions: int) -> list[int]:
    """The non-overlapping regions with the largest shares, at least `min_share`."""
    selected: list[int] = []
    for window in np.argsort(-share, kind="stable").tolist():
        if len(selected) == max_regions or share[window] < min_share:
            break
        if not _overlapping(windows, window)[selected].any():
            selected.append(window)
    return selected


def _overlapping(windows: np.ndarray, window: int) -> np.ndarray:
    overlaps = np.abs(windows[:, :2] - windows[window, :2]) < windows[window, 2:]
    return overlaps[:, 0] & overlaps[:, 1]


def _pasted(
    classifier: Classifier, split: Split, onto: np.ndarray, donor: np.ndarray, windows: np.ndarray
) -> np.ndarray:
    """Predictions for images with their donor's content pasted into their region: (n,)."""
    predictions = []
    with folded(classifier), torch.no_grad():
        for rows in np.array_split(np.arange(len(onto)), -(-len(onto) // 64)):
            (images, _), (donors, _) = split[onto[rows]], split[donor[rows]]
            for image, other, (top, left, height, width) in zip(images, donors, windows[rows], strict=True):
                image[:, top : top + height, left : left + width] = other[:, top : top + height, left : left + width]
            predictions.append(classifier(images.to(classifier.device)).argmax(1).cpu().numpy())
    return np.concatenate(predictions)
