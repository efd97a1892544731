"""The adversarial patch: a small picture that, held before anything, decides what is seen."""

from __future__ import annotations

from dataclasses import field

import torch
from torch import Tensor

from ironglass.attacks.parts.ascent import ascend, loss_of
from ironglass.attacks.parts.occluder import Occluder
from ironglass.attacks.parts.scores import attack_call
from ironglass.attacks.parts.threat import Linf
from ironglass.engine.folding.fold import folded
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels


@settings(frozen=True, kw_only=True)
class Patch:
    """A square of pixels that climbs the loss of the images it is pasted on (Brown et al. 2017, arXiv 1712.09665).

    p ← clip(p + step_size · sign(∂ Σ cross-entropy(paste(x, p)) / ∂ p))

    The paper also turns and scales its patch, which this one does not: its pixels are the image's.

    threat: the patch's size.
    universal: one patch for all images, learnt over places drawn anew at each step, and then pasted at a random one;
        else each image has its own patch at its own place.
    place: top and left pixel, for all images; None for random ones.
    step_size: in units of [0, 1].
    targeted: classes to be reached, int64 (n,).
    """

    threat: Occluder = field(default_factory=lambda: Occluder(8))
    steps: int = 100
    step_size: float = 0.05
    universal: bool = False
    place: tuple[int, int] | None = None
    targeted: Labels | None = None

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.step_size > 0:
            raise InputError(
                f"the patch has {self.steps} steps of {self.step_size}: give at least 1, of a size above 0 in [0, 1]"
            )

    @attack_call
    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Images with the patch, in [0, 1], within the threat. Without a generator the draws are those of seed 0."""
        generator = generator or torch.Generator().manual_seed(0)
        places = self._places(images, generator)
        return paste(images, self._learn(classifier, images, labels, places, generator), places)

    @attack_call
    def learn(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """The patch alone, to be pasted on other images: (1, c, size, size) if universal, else (n, c, size, size)."""
        generator = generator or torch.Generator().manual_seed(0)
        return self._learn(classifier, images, labels, self._places(images, generator), generator)

    def _learn(
        self, classifier: Classifier, images: Images, labels: Labels, places: Tensor, generator: torch.Generator
    ) -> Images:
        shape = (1 if self.universal else len(images), images.shape[1], self.threat.size, self.threat.size)
        patch = torch.rand(shape, generator=generator, device=generator.device).to(images)
        with folded(classifier), torch.inference_mode(False):
            images, places = images.clone(), places.clone()  # a clone leaves inference mode
            climbed = loss_of(classifier, labels, towards=self.targeted)

            def loss(patch: Images) -> Tensor:
                where = self._places(images, generator) if self.universal else places
                return climbed(paste(images, patch, where))

            # no change of a value is longer than 1, so that only [0, 1] bounds the patch
            return ascend(loss, patch.clone(), Linf(1.0), steps=self.steps, step_size=self.step_size)

    def _places(self, images: Images, generator: torch.Generator) -> Tensor:
        if self.place is None:
            return self.threat.places(images, generator)
        bottom, right = (first + self.threat.size for first in self.place)
        height, width = images.shape[2:]
        if min(self.place) < 0 or bottom > height or right > width:
            raise InputError(
                f"a patch of {self.threat.size} pixels at {self.place} leaves an image of {height}×{width}: "
                "give its top and left pixel, counted from 0"
            )
        return torch.tensor(self.place, device=images.device).expand(len(images), 2)


def paste(images: Images, patch: Images, places: Tensor) -> Images:
    """The images, covered by the patch, (1, c, s, s) or one an image, at the top and left pixels `places`, (n, 2)."""
    size = torch.arange(patch.shape[-1], device=images.device)
    which = torch.arange(len(images), device=images.device)[:, None, None]
    rows, columns = places[:, 0, None, None] + size[:, None], places[:, 1, None, None] + size
    pasted = images.clone()
    # indices on both sides of the channels' slice bring the channels to the end
    pasted[which, :, rows, columns] = patch.to(images.device).expand(len(images), -1, -1, -1).permute(0, 2, 3, 1)
    return pasted
