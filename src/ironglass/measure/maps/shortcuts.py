"""Shortcuts: fixed places of the image that decide the prediction, whatever else it shows."""

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
from ironglass.measure.statistics import mcnemar, wilson
from ironglass.models.classifier import Classifier
from ironglass.models.predict import logits_of
from ironglass.types import Progress

SIDES = 4
"""A place is a quarter of the image wide and high, a sixteenth of it, half overlapping the next. What decides from so
little, and always there, is seldom the object: an object takes more room, and moves."""
STANDS_OUT = 2.0
"""Mean share of the map, in units of what an even map has there, from which a place is tried: it costs little."""
DECIDES = 0.5
"""Share of other images that must turn into the class, its interval's lower end: more often than not, for sure, a
sixteenth of the image overrules the rest. A small object that a donor happens to hold in the place turns some."""
SURE = 0.01
"""Chance, over all places tried, that the comparison with elsewhere came out so by luck."""


def find_shortcuts(
    classifier: Classifier,
    split: Split,
    maps: Tensor,
    *,
    places: int = 3,
    images: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """The places that decide: those of `try_regions` with `shortcut` true, the most deciding first."""
    tried = try_regions(classifier, split, maps, places=places, images=images, seed=seed, progress=progress)
    return sorted((one for one in tried if one["shortcut"]), key=lambda one: -one["rate"]["value"])


def try_regions(
    classifier: Classifier,
    split: Split,
    maps: Tensor,
    *,
    places: int = 3,
    images: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Finds image regions that the maps of a class concentrate on, and tests them on images of other classes.

    As SpRAy (Lapuschkin et al. 2019, arXiv 1902.10178) this looks for what many maps of a class have in common. SpRAy
    clusters whole maps and leaves the judgement to who looks at them; here only fixed places are looked for, and each
    is tried: its content, from images of the class, is pasted over images of other classes, and the predictions that
    become the class are counted. The control is any other place, tried in the same way with its own best donors: an
    object that moves about is as good there. Shortcuts that move, and those that fill the image, are not found.

    maps: (n, h, w), signed, of the predicted class of each image of `split` (h and w those of the images). Take a
    method that shows pixels, such as integrated gradients or occlusion: the cells of a last layer's Grad-CAM may see
    the whole image, and place the evidence anywhere. An image counts as of the class that it is predicted as, right or
    wrong: the labels play no part. For each class and place the half of its images counts whose maps hold most there,
    so that a mark need not be on all of them (on fewer than half it may turn too few to be called a shortcut: look at
    `rate` beside `control`). Up to `places` places that do not overlap are tried, those with the largest mean share
    of the positive map, from STANDS_OUT up; that half are the donors, and up to `images` images of other classes are
    pasted over. seed: of the draws.

    An entry a place: `class`, `place` [top, left, bottom, right], `share` and `share_elsewhere` (mean share of the
    positive map there, of the class and of the other classes), `rate` and `control` (rates of predictions that become
    the class, pasted there and elsewhere), `p` (McNemar's), `shortcut`: whether `rate` is above DECIDES for sure, and
    above `control` by more than luck (p below SURE / places tried). Whether such a place is the mark of a scanner or
    a thing's own nose is for people to say. Raises InputError for maps that do not fit, and images below SIDES pixels.
    """
    _check(split, maps)
    drawn = _drawn(classifier, split, maps)
    candidates = drawn.standing_out(places)
    generator = np.random.default_rng(seed)
    found = []
    for number, (label, window) in enumerate(candidates, start=1):
        others = generator.permutation(np.flatnonzero(drawn.predicted != label))[:images]
        if len(others):
            found.append(_tried(classifier, split, drawn, label, window, others, generator))
        if progress:
            progress(number, len(candidates))
    for one in found:
        beyond_luck = one["p"] < SURE / len(found) and one["rate"]["value"] > one["control"]["value"]
        one["shortcut"] = beyond_luck and one["rate"]["low"] > DECIDES
    return found


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
class _Drawn:
    """Regions that the maps of each predicted class concentrate on."""

    predicted: np.ndarray
    """(n,)."""
    windows: np.ndarray
    """Top, left, height and width of each place: (p, 4)."""
    shares: np.ndarray
    """The share of each map's positive mass in each place: (n, p)."""
    even: float
    """The share of an even map."""

    def standing_out(self, places: int) -> list[tuple[int, int]]:
        """Class and place of all that are to be tried."""
        return [
            (label, window)
            for label in np.unique(self.predicted).tolist()
            for window in _standing_out(
                _most_drawn(self.shares[self.predicted == label]), self.windows, STANDS_OUT * self.even, places
            )
        ]

    def donors(self, label: int) -> np.ndarray:
        """Row i: the class's images in the order in which their maps are drawn to place i, the half most drawn."""
        own = self.predicted == label
        order = np.argsort(-self.shares[own], axis=0, kind="stable")
        return np.flatnonzero(own)[order][: -(-int(own.sum()) // 2)].T


def _drawn(classifier: Classifier, split: Split, maps: Tensor) -> _Drawn:
    height, width = split.pixels.shape[1:3]
    predicted = logits_of(classifier, split).argmax(1).numpy()
    windows = _windows(height, width)
    shares = np.concatenate([_shares(some, windows) for some in maps.split(64)])
    return _Drawn(predicted, windows, shares, windows[0, 2] * windows[0, 3] / (height * width))


def _tried(
    classifier: Classifier,
    split: Split,
    drawn: _Drawn,
    label: int,
    window: int,
    others: np.ndarray,
    generator: np.random.Generator,
) -> dict[str, Any]:
    """Effect of the region's content from images of the class on `others`, there and elsewhere."""
    own, windows, shares = drawn.predicted == label, drawn.windows, drawn.shares
    away = np.flatnonzero(~_overlapping(windows, window))
    there, elsewhere = np.full(len(others), window), generator.choice(away, len(others))
    donors = drawn.donors(label)
    chosen = generator.integers(donors.shape[1], size=len(others))
    here, control = (
        _pasted(classifier, split, others, donors[place, chosen], windows[place]) == label
        for place in (there, elsewhere)
    )
    top, left, high, wide = windows[window].tolist()
    return {
        "class": classifier.classes[label],
        "place": [top, left, top + high, left + wide],
        "share": float(shares[own, window].mean()),
        "share_elsewhere": float(shares[~own, window].mean()),
        "rate": wilson(int(here.sum()), len(others)),
        "control": wilson(int(control.sum()), len(others)),
        "p": mcnemar(here, control)["p"],
    }


def _windows(height: int, width: int) -> np.ndarray:
    """Top, left, height and width of each place: int64 (p, 4), the last ones flush with the border."""
    high, wide = height // SIDES, width // SIDES
    tops, lefts = (
        np.unique([*range(0, length - side, max(1, side // 2)), length - side])
        for length, side in ((height, high), (width, wide))
    )
    return np.array([(top, left, high, wide) for top in tops for left in lefts])


def _shares(maps: Tensor, windows: np.ndarray) -> np.ndarray:
    """The share of each map's positive mass in each place: (n, p); of a map without any, the place's of the area."""
    mass = maps.detach().cpu().clamp_min(0).double()
    total = mass.sum((1, 2), keepdim=True)
    mass = torch.where(total > 0, mass / total, 1 / mass[0].numel())
    summed = F.pad(mass, (1, 0, 1, 0)).cumsum(1).cumsum(2).numpy()
    top, left, high, wide = windows.T
    bottom, right = top + high, left + wide
    return summed[:, bottom, right] - summed[:, top, right] - summed[:, bottom, left] + summed[:, top, left]


def _most_drawn(shares: np.ndarray) -> np.ndarray:
    """Each place's mean share of the half of the maps (n, p) that hold most there: (p,)."""
    return -np.sort(-shares, axis=0)[: -(-len(shares) // 2)].mean(0)


def _standing_out(share: np.ndarray, windows: np.ndarray, least: float, places: int) -> list[int]:
    """The places with the largest shares, from `least` up, of which no two overlap."""
    chosen: list[int] = []
    for window in np.argsort(-share, kind="stable").tolist():
        if len(chosen) == places or share[window] < least:
            break
        if not _overlapping(windows, window)[chosen].any():
            chosen.append(window)
    return chosen


def _overlapping(windows: np.ndarray, window: int) -> np.ndarray:
    near = np.abs(windows[:, :2] - windows[window, :2]) < windows[window, 2:]
    return near[:, 0] & near[:, 1]


def _pasted(
    classifier: Classifier, split: Split, onto: np.ndarray, donor: np.ndarray, windows: np.ndarray
) -> np.ndarray:
    """The predictions for images over which their donor's content of their place was pasted: (n,)."""
    predictions = []
    with folded(classifier), torch.no_grad():
        for rows in np.array_split(np.arange(len(onto)), -(-len(onto) // 64)):
            (images, _), (donors, _) = split[onto[rows]], split[donor[rows]]
            for image, other, (top, left, high, wide) in zip(images, donors, windows[rows], strict=True):
                image[:, top : top + high, left : left + wide] = other[:, top : top + high, left : left + wide]
            predictions.append(classifier(images.to(classifier.device)).argmax(1).cpu().numpy())
    return np.concatenate(predictions)
