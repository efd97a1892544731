"""Occlusion: how much the score of a class drops when a patch of the image is covered."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.explain.cut import plan_occlusion
from ironglass.explain.fill import Fill, fill_images
from ironglass.explain.incremental import agrees, occluded_logits
from ironglass.models.classifier import Classifier, frozen
from ironglass.types import Images, Labels, Logits, Maps

SCORES = {
    "probability": lambda logits, targets: _at(logits.softmax(1), targets),
    "logit": lambda logits, targets: _at(logits, targets),
    "right": lambda logits, targets: (logits.argmax(1) == targets).float(),
}
"""What is watched while the patch moves; "right" is 1 where the target is the top class."""

# Occluded images below which taking the network apart takes longer than it saves.
WORTHWHILE = 32

# Elements of one batch of occluded images: 64 MiB of float32.
ELEMENTS = 2**24


@dataclass(frozen=True, kw_only=True)
class Occlusion:
    """Drop of the target's score under a sliding patch (Zeiler and Fergus 2013, arXiv 1311.2901).

    map at a pixel = mean over the patches that cover it of score(image) − score(image with the patch filled)

    Places as in Captum: see `positions`. A pixel that no patch covers (stride > patch) has 0.

    patch, stride: pixels. fill: see `fill_images`. mean: the data's mean colour, for fill "mean". score: a name in
    SCORES. incremental: see `occluded_scores`.
    """

    patch: int = 16
    stride: int = 8
    fill: Fill = "grey"
    mean: tuple[float, ...] | None = None
    score: str = "probability"
    incremental: bool = True

    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Signed maps (n, 1, h, w); positive where hiding the pixel lowers the score. Raises InputError."""
        height, width = images.shape[2:]
        scores = occluded_scores(
            classifier,
            images,
            targets,
            patch=self.patch,
            stride=self.stride,
            fill=self.fill,
            mean=self.mean,
            score=self.score,
            incremental=self.incremental,
        )
        with frozen(classifier), torch.no_grad():
            clean = SCORES[self.score](classifier(images), targets.to(images.device)).float()
        rows = _spans(height, self.patch, self.stride).to(images.device)
        columns = _spans(width, self.patch, self.stride).to(images.device)
        # a place is covered by the outer product of a row span and a column span, so the sum over places factors
        over_rows, over_columns = _inside(rows, height).float(), _inside(columns, width).float()
        drops = (clean[:, None] - scores).unflatten(1, (len(rows), len(columns)))
        total = torch.einsum("nij,ih,jw->nhw", drops, over_rows, over_columns)
        covering = over_rows.sum(0)[:, None] * over_columns.sum(0)
        return (total / covering.clamp_min(1))[:, None]


def positions(size: tuple[int, int], patch: int, stride: int) -> Tensor:
    """The places of a patch in an image of `size` (h, w): int64 (p, 4) as top, left, bottom, right, row by row.

    Tops and lefts are multiples of the stride, ceil((size − patch) / stride) + 1 of them; the last patch is clipped
    at the border. Raises InputError for a patch that does not fit and a stride below 1.
    """
    rows, columns = (_spans(length, patch, stride) for length in size)
    tops, bottoms = rows.repeat_interleave(len(columns), 0).unbind(1)
    lefts, rights = columns.repeat(len(rows), 1).unbind(1)
    return torch.stack((tops, lefts, bottoms, rights), 1)


def occluded_scores(
    classifier: Classifier,
    images: Images,
    targets: Labels,
    *,
    patch: int,
    stride: int,
    fill: Fill = "grey",
    mean: Tensor | tuple[float, ...] | None = None,
    score: str = "probability",
    chunk: int = 512,
    incremental: bool = True,
) -> Tensor:
    """The score of each image at each place of the patch: float32 (n, p), places in the order of `positions`.

    At most `chunk` occluded images are held at a time, fewer where they are large. incremental: compute only what the
    patch changes, as Krypton does (Nakandala et al., SIGMOD 2019), where the network can be taken apart and agrees
    with itself afterwards; else, and where there is too little to win, every occluded image passes through the whole
    network. Raises InputError.
    """
    if score not in SCORES:
        raise InputError(f"there is no score {score!r}: choose from {', '.join(SCORES)}")
    height, width = images.shape[2:]
    rows, columns = (_spans(length, patch, stride).to(images.device) for length in (height, width))
    places = torch.cartesian_prod(*(torch.arange(len(spans), device=images.device) for spans in (rows, columns)))
    filling = fill_images(fill, images, mean)
    targets = targets.to(images.device)
    scores = torch.empty(len(images), len(places), device=images.device)
    watch = SCORES[score]
    with frozen(classifier), torch.no_grad():
        plan = None
        if incremental and scores.numel() >= WORTHWHILE:
            plan = plan_occlusion(classifier, images[:1], rows, columns)
        if plan is not None and agrees(classifier, plan, images[:1], filling[:1], places):
            for i, part, logits in occluded_logits(plan, classifier, images, filling, places, chunk):
                scores[i, part] = watch(logits, targets[i].expand(len(logits))).float()
        else:
            for image, place, logits in _dense_logits(classifier, images, filling, rows, columns, places, chunk):
                scores[image, place] = watch(logits, targets[image]).float()
    return scores


def _dense_logits(
    classifier: Classifier, images: Images, filling: Images, rows: Tensor, columns: Tensor, places: Tensor, chunk: int
) -> Iterator[tuple[Tensor, Tensor, Logits]]:
    """The logits of every occluded image by a pass of its own: (images, places, logits), chunk by chunk."""
    channels, height, width = images.shape[1:]
    chunk = max(1, min(chunk, ELEMENTS // (channels * height * width)))
    across, down = _inside(rows, height), _inside(columns, width)
    for pair in torch.arange(len(images) * len(places), device=images.device).split(chunk):
        image, place = pair // len(places), pair % len(places)
        hidden = across[places[place, 0], :, None] & down[places[place, 1], None]
        occluded = torch.where(hidden[:, None], filling[image], images[image])
        yield image, place, classifier(occluded)


def _at(logits: Logits, targets: Labels) -> Tensor:
    return logits.gather(1, targets[:, None])[:, 0]


def _spans(length: int, patch: int, stride: int) -> Tensor:
    """First and last-plus-one pixel of each patch along one side: int64 (p, 2)."""
    if stride < 1:
        raise InputError(f"the stride is {stride}: give at least 1 pixel")
    if not 1 <= patch <= length:
        raise InputError(f"the patch is {patch} pixels in an image of {length}: give 1 to {length}")
    first = torch.arange(math.ceil((length - patch) / stride) + 1) * stride
    first = first[first < length]  # with gaps between the patches the last one may lie outside
    return torch.stack((first, (first + patch).clamp(max=length)), 1)


def _inside(spans: Tensor, length: int) -> Tensor:
    """Which of `length` pixels lie in each span: bool (p, length)."""
    pixel = torch.arange(length, device=spans.device)
    return (spans[:, :1] <= pixel) & (pixel < spans[:, 1:])
