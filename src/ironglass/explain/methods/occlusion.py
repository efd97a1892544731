"""Occlusion: drop of a class's score when a patch of the image is covered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.fill import Fill, fill_images
from ironglass.explain.parts.patch_grid import inside, occluded, spans_of
from ironglass.explain.parts.patched_windows import fill_in_windows
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels, Logits, Maps

SCORES = {
    "probability": lambda logits, targets: _target_score(logits.softmax(1), targets),
    "logit": lambda logits, targets: _target_score(logits, targets),
    "right": lambda logits, targets: (logits.argmax(1) == targets).float(),
}
"""Scores of the target by name; "right" is 1 where the target is the predicted class."""

# Occluded images at a time, at most.
CHUNK = 512

# Occluded images below which tracing the network takes longer than it saves.
WORTHWHILE = 32

# Unoccluded images per batch.
CHECK_BATCH = 16

# Elements of one batch of occluded images: 64 MiB of float32.
ELEMENTS = 2**24


@settings(frozen=True, kw_only=True)
class Occlusion:
    """Drop of the target's score under a sliding patch (Zeiler and Fergus 2013, arXiv 1311.2901).

    map at a pixel = mean over the patches that cover it of score(image) − score(image with the patch filled)

    Positions as in Captum: see `positions`. A pixel that no patch covers (stride > patch) has 0.

    patch, stride: pixels.
    fill: see `fill_images`.
    mean: the data's mean colour, for fill "mean".
    score: a name in SCORES.
    incremental: see `occluded_scores`.
    """

    label: ClassVar[str] = "Occlusion"
    unit: ClassVar[str] = "probability"
    signed: ClassVar[bool] = True
    black_box: ClassVar[bool] = True
    words: ClassVar[str] = "How much the probability drops when a patch covers the place."
    paper: ClassVar[str] = "arXiv 1311.2901"
    purpose: ClassVar[str] = "what the score loses when a place is hidden: no gradient, no layer, any network"
    limits: ClassVar[str] = "as coarse as the patch; hidden patches look like nothing the network has seen"
    patch: int = 16
    stride: int = 8
    fill: Fill = "grey"
    mean: tuple[float, ...] | None = None
    score: str = "probability"
    incremental: bool = True

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Signed maps (n, 1, h, w); positive where hiding the pixel lowers the score. Raises InputError."""
        height, width = images.shape[2:]
        clean, scores = _clean_and_occluded_scores(
            classifier,
            images,
            targets,
            patch=self.patch,
            stride=self.stride,
            fills=(self.fill,),
            mean=self.mean,
            score=self.score,
            chunk=CHUNK,
            incremental=self.incremental,
        )
        rows = spans_of(height, self.patch, self.stride).to(images.device)
        columns = spans_of(width, self.patch, self.stride).to(images.device)
        # a patch's mask is the outer product of a row span and a column span, so the sum over positions factors
        over_rows, over_columns = inside(rows, height).float(), inside(columns, width).float()
        drops = (clean[:, None] - scores[0]).unflatten(1, (len(rows), len(columns)))
        total = torch.einsum("nij,ih,jw->nhw", drops, over_rows, over_columns)
        covering = over_rows.sum(0)[:, None] * over_columns.sum(0)
        return (total / covering.clamp_min(1))[:, None]


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
    chunk: int = CHUNK,
    incremental: bool = True,
) -> Tensor:
    """The score of each image at each position of the patch: float32 (n, p), in the order of `positions`.

    At most `chunk` occluded images are held at a time, fewer where they are large.

    incremental: recompute only what the patch changes, as Krypton does (Nakandala et al., SIGMOD 2019), if the network
        can be traced and the graph gives the network's own logits; else, and where it would save too little, every
        occluded image passes through the whole network.

    Raises InputError.
    """
    options = {"patch": patch, "stride": stride, "mean": mean, "score": score, "chunk": chunk}
    return occluded_scores_by_fill(classifier, images, targets, fills=(fill,), incremental=incremental, **options)[0]


def occluded_scores_by_fill(
    classifier: Classifier, images: Images, targets: Labels, *, fills: Sequence[Fill], **options: Any
) -> Tensor:
    """`occluded_scores` under each of several fills, float32 (fills, n, p): the network is traced, and the surroundings
    of the patches are computed, once for all.

    options: those of `occluded_scores`, and `finished`, called with every number of images times fills that is done.
    Raises InputError.
    """
    defaults = {"mean": None, "score": "probability", "chunk": CHUNK, "incremental": True}
    return _clean_and_occluded_scores(classifier, images, targets, fills=fills, **(defaults | options))[1]


def _clean_and_occluded_scores(
    classifier: Classifier,
    images: Images,
    targets: Labels,
    *,
    patch: int,
    stride: int,
    fills: Sequence[Fill],
    mean: Tensor | tuple[float, ...] | None,
    score: str,
    chunk: int,
    incremental: bool,
    finished: Callable[[int], None] = lambda _count: None,
) -> tuple[Tensor, Tensor]:
    """The score of each image without a patch, float32 (n,), and under each fill at each position, (fills, n, p)."""
    if score not in SCORES:
        raise InputError(f"there is no score {score!r}: choose from {', '.join(SCORES)}")
    height, width = images.shape[2:]
    rows, columns = (spans_of(length, patch, stride).to(images.device) for length in (height, width))
    fillings = [fill_images(fill, images, mean) for fill in fills]
    targets = targets.to(images.device)
    scores = torch.empty(len(fillings), len(images), len(rows) * len(columns), device=images.device)

    def score_of(logits: Logits, image: Tensor) -> Tensor:
        values = classifier.as_logits(logits) if score == "probability" else logits
        return SCORES[score](values, targets[image]).float()

    reported = 0

    def report(done: int) -> None:  # where windows are given up half-way, the plain passes begin anew
        nonlocal reported
        finished(max(0, done - reported))
        reported = max(done, reported)

    with eval_without_grad(classifier), torch.no_grad():
        clean_logits = torch.cat([classifier(part) for part in images.split(CHECK_BATCH)])
        clean = score_of(clean_logits, torch.arange(len(images), device=images.device))
        worthwhile = incremental and scores[:1].numel() >= WORTHWHILE
        grid = (rows, columns)
        if worthwhile and fill_in_windows(
            classifier, images, fillings, grid, chunk, score_of, clean_logits, scores, report
        ):
            return clean, scores
        for number, (filling, under) in enumerate(zip(fillings, scores, strict=True), 1):
            for pair in torch.arange(under.numel(), device=images.device).split(_at_once(chunk, images)):
                image, position = pair // under.shape[1], pair % under.shape[1]
                covered = occluded(images, filling, rows, columns, image, position)
                under[image, position] = score_of(classifier(covered), image)
            report(number * len(images))
    return clean, scores


def _at_once(chunk: int, images: Images) -> int:
    """Occluded images of one batch."""
    return max(1, min(chunk, ELEMENTS // images.shape[1:].numel()))


def _target_score(logits: Logits, targets: Labels) -> Tensor:
    return logits.gather(1, targets[:, None])[:, 0]
