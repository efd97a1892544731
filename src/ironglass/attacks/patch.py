"""The adversarial patch: a small square that, pasted on any image, changes its class."""

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
from ironglass.fields import former_names, settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels


@former_names(place="position")
@settings(frozen=True, kw_only=True)
class Patch:
    """A square of pixels that climbs the loss of the images it is pasted on (Brown et al. 2017, arXiv 1712.09665).

    p ← clip(p + step_size · sign(∂ Σ cross-entropy(paste(x, p)) / ∂ p))

    The paper also turns and scales its patch, which this one does not: its pixels are the image's.

    threat: size of the patch.
    universal: one patch for all images, trained at positions drawn anew at each step and then pasted at random ones;
        else each image has a patch and a position of its own.
    position: top and left pixel, for all images; None for random positions. Formerly `place`.
    step_size: in units of [0, 1].
    targeted: classes to be reached, int64 (n,).
    """

    threat: Occluder = field(default_factory=lambda: Occluder(8))
    steps: int = 100
    step_size: float = 0.05
    universal: bool = False
    position: tuple[int, int] | None = None
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
        positions = self._positions(images, generator)
        return paste(images, self._learn(classifier, images, labels, positions, generator), positions)

    @attack_call
    def learn(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """The patch alone, to be pasted on other images: (1, c, size, size) if universal, else (n, c, size, size)."""
        generator = generator or torch.Generator().manual_seed(0)
        return self._learn(classifier, images, labels, self._positions(images, generator), generator)

    def _learn(
        self, classifier: Classifier, images: Images, labels: Labels, positions: Tensor, generator: torch.Generator
    ) -> Images:
        shape = (1 if self.universal else len(images), images.shape[1], self.threat.size, self.threat.size)
        patch = torch.rand(shape, generator=generator, device=generator.device).to(images)
        with folded(classifier), torch.inference_mode(False):
            images, positions = images.clone(), positions.clone()  # a clone leaves inference mode
            climbed = loss_of(classifier, labels, towards=self.targeted)

            def loss(patch: Images) -> Tensor:
                current = self._positions(images, generator) if self.universal else positions
                return climbed(paste(images, patch, current))

            # no change of a value is longer than 1, so that only [0, 1] bounds the patch
            return ascend(loss, patch.clone(), Linf(1.0), steps=self.steps, step_size=self.step_size)

    def _positions(self, images: Images, generator: torch.Generator) -> Tensor:
        if self.position is None:
            return self.threat.positions(images, generator)
        bottom, right = (first + self.threat.size for first in self.position)
        height, width = images.shape[2:]
        if min(self.position) < 0 or bottom > height or right > width:
            raise InputError(
                f"a patch of {self.threat.size} pixels at {self.position} leaves an image of {height}×{width}: "
                "give its top and left pixel, counted from 0"
            )
        return torch.tensor(self.position, device=images.device).expand(len(images), 2)


@former_names(places="positions")
def paste(images: Images, patch: Images, positions: Tensor) -> Images:
    """The images with the patch, (1, c, s, s) or one per image, at the top and left pixels `positions`, (n, 2)."""
    size = torch.arange(patch.shape[-1], device=images.device)
    image_index = torch.arange(len(images), device=images.device)[:, None, None]
    rows, columns = positions[:, 0, None, None] + size[:, None], positions[:, 1, None, None] + size
    pasted = images.clone()
    # indices on both sides of the channels' slice bring the channels to the end
    pasted[image_index, :, rows, columns] = patch.to(images.device).expand(len(images), -1, -1, -1).permute(0, 2, 3, 1)
    return pasted
