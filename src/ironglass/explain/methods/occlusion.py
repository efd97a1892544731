"""Occlusion: how much the score of a class drops when a patch of the image is covered."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from ironglass.engine.occlusion.execute import occluded_logits, plans_of
from ironglass.engine.occlusion.graph_network import read_graph
from ironglass.errors import InputError
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.fill import Fill, fill_images
from ironglass.explain.parts.patch_grid import inside, occluded, spans_of
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
from ironglass.types import Images, Labels, Logits, Maps

SCORES = {
    "probability": lambda logits, targets: _at(logits.softmax(1), targets),
    "logit": lambda logits, targets: _at(logits, targets),
    "right": lambda logits, targets: (logits.argmax(1) == targets).float(),
}
"""What is watched while the patch moves; "right" is 1 where the target is the top class."""

# Occluded images at a time, at most.
CHUNK = 512

# Occluded images below which tracing the network takes longer than it saves.
WORTHWHILE = 32

# Images at a time whose own logits are computed.
CHECK_BATCH = 16

# How far the graph may be from the network, relative to the largest logit.
TOLERANCE = 1e-4

# Elements of one batch of occluded images: 64 MiB of float32.
ELEMENTS = 2**24


@settings(frozen=True, kw_only=True)
class Occlusion:
    """Drop of the target's score under a sliding patch (Zeiler and Fergus 2013, arXiv 1311.2901).

    map at a pixel = mean over the patches that cover it of score(image) − score(image with the patch filled)

    Places as in Captum: see `positions`. A pixel that no patch covers (stride > patch) has 0.

    patch, stride: pixels.
    fill: see `fill_images`.
    mean: the data's mean colour, for fill "mean".
    score: a name in SCORES.
    incremental: see `occluded_scores`.
    """

    label: ClassVar[str] = "Occlusion"
    unit: ClassVar[str] = "probability"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = "How much the probability drops when a patch covers the place."
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
        clean, scores = _watched(
            classifier,
            images,
            targets,
            patch=self.patch,
            stride=self.stride,
            fill=self.fill,
            mean=self.mean,
            score=self.score,
            chunk=CHUNK,
            incremental=self.incremental,
        )
        rows = spans_of(height, self.patch, self.stride).to(images.device)
        columns = spans_of(width, self.patch, self.stride).to(images.device)
        # a place is covered by the outer product of a row span and a column span, so the sum over places factors
        over_rows, over_columns = inside(rows, height).float(), inside(columns, width).float()
        drops = (clean[:, None] - scores).unflatten(1, (len(rows), len(columns)))
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
    """The score of each image at each place of the patch: float32 (n, p), places in the order of `positions`.

    At most `chunk` occluded images are held at a time, fewer where they are large.

    incremental: compute only what the patch changes, as Krypton does (Nakandala et al., SIGMOD 2019), where the network
        can be traced and agrees with itself afterwards; else, and where there is too little to win, every occluded
        image passes through the whole network.

    Raises InputError.
    """
    return _watched(
        classifier,
        images,
        targets,
        patch=patch,
        stride=stride,
        fill=fill,
        mean=mean,
        score=score,
        chunk=chunk,
        incremental=incremental,
    )[1]


def _watched(
    classifier: Classifier,
    images: Images,
    targets: Labels,
    *,
    patch: int,
    stride: int,
    fill: Fill,
    mean: Tensor | tuple[float, ...] | None,
    score: str,
    chunk: int,
    incremental: bool,
) -> tuple[Tensor, Tensor]:
    """The score of each image itself, float32 (n,), and at each place, (n, p)."""
    if score not in SCORES:
        raise InputError(f"there is no score {score!r}: choose from {', '.join(SCORES)}")
    height, width = images.shape[2:]
    rows, columns = (spans_of(length, patch, stride).to(images.device) for length in (height, width))
    filling = fill_images(fill, images, mean)
    targets = targets.to(images.device)
    scores = torch.empty(len(images), len(rows) * len(columns), device=images.device)

    def watch(logits: Logits, image: Tensor) -> Tensor:
        told = classifier.as_logits(logits) if score == "probability" else logits
        return SCORES[score](told, targets[image]).float()

    with frozen(classifier), torch.no_grad():
        own = torch.cat([classifier(some) for some in images.split(CHECK_BATCH)])
        clean = watch(own, torch.arange(len(images), device=images.device))
        worthwhile = incremental and scores.numel() >= WORTHWHILE
        if worthwhile and _in_windows(classifier, images, filling, rows, columns, chunk, watch, own, scores):
            return clean, scores
        for pair in torch.arange(scores.numel(), device=images.device).split(_at_once(chunk, images)):
            image, place = pair // scores.shape[1], pair % scores.shape[1]
            scores[image, place] = watch(classifier(occluded(images, filling, rows, columns, image, place)), image)
    return clean, scores


def _in_windows(
    classifier: Classifier,
    images: Images,
    filling: Images,
    rows: Tensor,
    columns: Tensor,
    chunk: int,
    watch: Callable[[Logits, Tensor], Tensor],
    own: Logits,
    scores: Tensor,
) -> bool:
    """Fills in the scores, computing only what the patch changes. False where the network cannot be traced, or its
    graph does not give the network's own logits of every image, and at three places of the first: then they are worth
    nothing.
    """
    network = read_graph(classifier, images[:1])
    if network is None:
        return False
    middle = len(rows) // 2 * len(columns) + len(columns) // 2
    checked = torch.tensor([0, middle, scores.shape[1] - 1], device=images.device)
    expected = classifier(occluded(images, filling, rows, columns, torch.zeros_like(checked), checked))
    (plans, together), runs = plans_of(network, rows, columns, len(images)), False
    for some in torch.arange(len(images), device=images.device).split(together):
        try:
            logits, chunks = occluded_logits(network, plans, classifier, images[some], filling[some], chunk)
            if not _same(logits, own[some]):
                return False
            for image, place, logits in chunks:
                image = some[image]
                if not _agree(logits[image == 0], place[image == 0], expected, checked):
                    return False
                scores[image, place] = watch(logits, image)
                runs = True
        except RuntimeError:  # a size that the trace took for fixed
            if runs:
                raise
            return False
    return True


def _agree(logits: Logits, places: Tensor, expected: Logits, checked: Tensor) -> bool:
    """Returns whether those of the logits that have been computed twice are the same."""
    which, again = torch.nonzero(checked[:, None] == places, as_tuple=True)
    return logits.shape[1:] == expected.shape[1:] and _same(logits[again], expected[which])


def _same(logits: Logits, expected: Logits) -> bool:
    """Returns whether they are, up to float noise. Not so for NaN."""
    if logits.shape != expected.shape:
        return False
    largest = expected.abs().amax() if expected.numel() else 0.0
    return bool(((logits - expected).abs() <= TOLERANCE * largest).all())


def _at_once(chunk: int, images: Images) -> int:
    """Occluded images of one batch."""
    return max(1, min(chunk, ELEMENTS // images.shape[1:].numel()))


def _at(logits: Logits, targets: Labels) -> Tensor:
    return logits.gather(1, targets[:, None])[:, 0]
