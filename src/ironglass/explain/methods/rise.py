"""RISE: the mean of random masks, weighted by the score of the image seen through each."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.engine.occlusion.forward import Forward, fused_forward
from ironglass.errors import InputError
from ironglass.explain.methods.occlusion import SCORES
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.masked import pass_size, seen_through
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.models.memory import in_parts
from ironglass.types import Images, Labels, Maps


@settings(frozen=True, kw_only=True)
class RISE:
    """The mean score of the image seen through random masks that show a pixel (Petsiuk et al. 2018, arXiv 1806.07421).

    map at a pixel = Σ_s M_s · score(image seen through M_s) / (budget · share)

    A mask is a coarse grid of cells that are 1 with the probability `share` and 0 otherwise, brought to a size one cell
    larger than the image by bilinear interpolation, and cropped at a random position. The image is seen through it as
    baseline + M · (image − baseline), the baseline being the colour that the network's normalisation brings to 0.
    The masks are the same for every image, so that no map depends on its neighbours.

    budget: masks, each one forward pass an image; the paper has 4,000 and 8,000.
    cells: of the grid along the shorter side.
    share: probability that a cell is shown.
    score: a name in `ironglass.explain.methods.occlusion.SCORES`.
    seed: of the masks.
    """

    label: ClassVar[str] = "RISE"
    unit: ClassVar[str] = "probability"
    signed: ClassVar[bool] = False
    black_box: ClassVar[bool] = True
    words: ClassVar[str] = "The mean probability when random masks leave the place to be seen."
    paper: ClassVar[str] = "arXiv 1806.07421"
    purpose: ClassVar[str] = "regions that keep the score up, of any network, without gradient or layer"
    limits: ClassVar[str] = (
        "noisy unless thousands of masks are paid for; a constant part, the mean score, is in every pixel"
    )
    budget: int = 1000
    cells: int = 7
    share: float = 0.5
    score: str = "probability"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.budget < 1 or self.cells < 1:
            raise InputError(f"RISE has budget {self.budget} and {self.cells} cells: give at least 1 of each")
        if not 0 < self.share < 1:
            raise InputError(f"RISE's share is {self.share}: give above 0 and below 1")
        if self.score not in ("probability", "right"):
            raise InputError(f"RISE's score is {self.score!r}: choose from probability, right, which are at least 0")

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Maps (n, 1, h, w), at least 0, units of the score. images: in [0, 1]. targets: int64 (n,). No gradient."""
        images, targets = images.detach(), targets.to(images.device)
        size = (images.shape[2], images.shape[3])
        total = torch.zeros(len(images), *size, device=images.device, dtype=torch.float64)
        generator = torch.Generator().manual_seed(self.seed)  # on the processor: the same masks on every device
        with fused_forward(classifier, len(images) * self.budget) as forward:
            for begin in range(0, self.budget, MASKS):
                masks = self.masks(min(MASKS, self.budget - begin), size, generator).to(images.device)
                scores = self._scores(classifier, forward, images, targets, masks)
                total += torch.einsum("ns,shw->nhw", scores.double(), masks[:, 0].double())
        return (total / (self.budget * self.share)).float()[:, None]

    def masks(self, n: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        """The next masks, float32 (n, 1, h, w) in [0, 1]."""
        cell = math.ceil(min(size) / self.cells)
        grid = [math.ceil(length / cell) for length in size]
        visible = (torch.rand(n, 1, *grid, generator=generator) < self.share).float()
        large = F.interpolate(
            visible, size=[(cells + 1) * cell for cells in grid], mode="bilinear", align_corners=False
        )
        corners = torch.randint(0, cell, (n, 2), generator=generator)
        rows = corners[:, :1] + torch.arange(size[0])
        columns = corners[:, 1:] + torch.arange(size[1])
        return large[torch.arange(n)[:, None, None], 0, rows[:, :, None], columns[:, None]][:, None]

    def _scores(
        self, classifier: Classifier, forward: Forward, images: Images, targets: Labels, masks: Tensor
    ) -> Tensor:
        """The score of each image seen through each mask: (n, masks)."""
        pairs = len(images) * len(masks)

        def score(part: slice) -> Tensor:
            pair = torch.arange(part.start, part.stop, device=images.device)
            image = pair // len(masks)
            logits = forward(seen_through(classifier, images[image], masks[pair % len(masks)]))
            return SCORES[self.score](classifier.as_logits(logits), targets[image]).float()

        return torch.cat(list(in_parts(score, pairs, at_most=pass_size(images, pairs)))).view(len(images), -1)


MASKS = 250
"""Masks held at a time."""
