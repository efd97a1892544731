"""KernelSHAP: Shapley values of superpixels."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ironglass.engine.folding.fold import folded
from ironglass.errors import InputError
from ironglass.explain.methods.occlusion import SCORES
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.coalitions import coalitions, shapley_values
from ironglass.explain.parts.fill import Fill, fill_images
from ironglass.explain.parts.masked import pass_size
from ironglass.explain.parts.superpixels import superpixels
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.models.memory import in_parts
from ironglass.types import Images, Labels, Maps


@settings(frozen=True, kw_only=True)
class KernelSHAP:
    """Shapley values of superpixels by weighted least squares (Lundberg and Lee 2017, arXiv 1705.07874).

    map = each pixel an equal part of its superpixel's φ,  Σ φ = score(image) − score(fill)

    φ fits score(image with the superpixels of a coalition, the rest filled) best by an additive game, coalitions
    weighted by the Shapley kernel: the Shapley values themselves where the budget holds all 2^k − 2 coalitions, else an
    estimate from pairs of a coalition and its complement. They are the same for every image of as many superpixels.

    budget: coalitions, each one forward pass an image; at least twice the superpixels.
    segments: superpixels an image, at most: see `superpixels`.
    compactness: weight of a superpixel's width, as a difference of colour in [0, 1]; large for a regular grid.
    fill: of what is left out: see `fill_images`.
    mean: the data's mean colour, for fill "mean".
    score: a name in `ironglass.explain.methods.occlusion.SCORES`.
    seed: of the coalitions.
    """

    label: ClassVar[str] = "KernelSHAP"
    unit: ClassVar[str] = "probability"
    signed: ClassVar[bool] = True
    black_box: ClassVar[bool] = True
    words: ClassVar[str] = (
        "What each superpixel adds to the probability, on average over all that may be there already."
    )
    paper: ClassVar[str] = "arXiv 1705.07874"
    purpose: ClassVar[str] = "shares of regions that add up to the score, of any network, without gradient or layer"
    limits: ClassVar[str] = (
        "as coarse as the superpixels; an estimate, noisy unless the budget is large; fills look unreal"
    )
    budget: int = 1000
    segments: int = 49
    compactness: float = 0.5
    fill: Fill = "grey"
    mean: tuple[float, ...] | None = None
    score: str = "probability"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.segments < 2:
            raise InputError(f"KernelSHAP has {self.segments} segments: give at least 2")
        if self.budget < 2 * self.segments:
            raise InputError(
                f"KernelSHAP's budget of {self.budget} is too small for {self.segments} segments: give at least "
                f"{2 * self.segments}, or fewer segments"
            )
        if not 0 < self.compactness < float("inf"):
            raise InputError(f"KernelSHAP's compactness is {self.compactness}: give a number above 0")
        if self.score not in SCORES:
            raise InputError(f"there is no score {self.score!r}: choose from {', '.join(SCORES)}")

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Signed maps (n, 1, h, w), units of the score a pixel. images: in [0, 1]. targets: int64 (n,). No gradient.

        Raises InputError for images of one pixel, and for a fill that does not fit.
        """
        images, targets = images.detach(), targets.to(images.device)
        filling = fill_images(self.fill, images, self.mean)
        labels = superpixels(images, self.segments, self.compactness)
        maps = torch.zeros(len(images), 1, *images.shape[2:], device=images.device)
        with folded(classifier), torch.no_grad():
            for i in range(len(images)):
                one = slice(i, i + 1)
                names, index = labels[i].unique(return_inverse=True)
                sizes = index.flatten().bincount(minlength=len(names))
                values = self._values(classifier, images[one], filling[one], targets[one], index, len(names))
                maps[i, 0] = (values / sizes).float()[index]
        return maps

    def _values(
        self, classifier: Classifier, image: Images, filling: Images, target: Labels, index: Tensor, players: int
    ) -> Tensor:
        """The value of each superpixel of one image, float64 (players,)."""
        generator = torch.Generator().manual_seed(self.seed)  # on the processor: the same on every device
        members = torch.zeros(0, players, dtype=torch.bool)
        weights = torch.zeros(0, dtype=torch.float64)
        if players > 1:
            members, weights = coalitions(players, self.budget, generator)
        ends = torch.tensor([[False], [True]]).expand(2, players)
        visible = torch.cat((ends, members)).to(image.device)

        def score(part: slice) -> Tensor:
            pixels = visible[part][:, index][:, None]
            logits = classifier(torch.where(pixels, image, filling))
            values = classifier.as_logits(logits) if self.score == "probability" else logits
            return SCORES[self.score](values, target.expand(len(logits))).float()

        scores = torch.cat(list(in_parts(score, len(visible), at_most=pass_size(image, len(visible))))).cpu()
        empty, full = scores[:1], scores[1:2]
        if players == 1:
            return (full - empty).double().to(image.device)
        return shapley_values(members, weights, scores[None, 2:], empty, full)[0].to(image.device)

    def gap(self, classifier: Classifier, images: Images, targets: Labels, maps: Maps) -> Tensor:
        """Distance of `maps`, those of these images, from completeness: float32 (n,), units of the score; rounding.

        gap = Σ map − (score(image) − score(fill))
        """
        with folded(classifier), torch.no_grad():
            images, targets = images.detach(), targets.to(images.device)
            ends = [classifier(part) for part in (images, fill_images(self.fill, images, self.mean))]
            full, empty = (
                SCORES[self.score](classifier.as_logits(part) if self.score == "probability" else part, targets)
                for part in ends
            )
            return (maps.flatten(1).double().sum(1) - (full - empty).double()).float()
