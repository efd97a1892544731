"""Carlini and Wagner's attack: the smallest L2 change that is misread, by descent."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from ironglass.attacks.parts.losses import margin
from ironglass.attacks.parts.nearest import MinimumNorm
from ironglass.attacks.parts.scores import attack_call
from ironglass.attacks.parts.threat import USUAL_L2, Threat
from ironglass.engine.folding.fold import folded
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.backward import differentiate
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Mask

# As in the authors' code: maps 0 and 1 to finite values of w.
INSIDE = 0.999999
# An image leaves a descent when its lowest loss in a tenth of the steps is not below the last tenth's by this share.
PROGRESS = 1e-4


@settings(frozen=True, kw_only=True)
class CarliniWagner(MinimumNorm):
    """A small L2 change that is misread, found by Adam in tanh space (Carlini & Wagner 2016, arXiv 1608.04644).

    x' = (tanh(w) + 1) / 2;  w minimises ‖x' − x‖₂² + c · max(0, confidence + label's logit − best other logit)

    c, one an image, is searched: times 10 until the image is misread, then by halving the interval. Each image keeps
    the nearest x' that was misread on the way, and none depends on the others of its batch.

    threat: bounds what is returned; the change is small by L2 whatever its norm.
    steps: gradients at most for each of the `search_steps` values of c.
    step_size: Adam's, in units of w.
    confidence: by how much the best other logit must lead.
    first: the first c.
    abort_early: an image leaves a descent that no longer progresses.
    """

    label: ClassVar[str] = "Carlini-Wagner"
    family: ClassVar[str] = "iterative"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    threat: Threat = USUAL_L2
    steps: int = 1000
    search_steps: int = 9
    step_size: float = 0.01
    confidence: float = 0.0
    first: float = 1e-3
    abort_early: bool = True

    def __post_init__(self) -> None:
        if self.steps < 1 or self.search_steps < 1:
            raise InputError(
                f"Carlini-Wagner has {self.steps} steps and {self.search_steps} search_steps: give at least 1 of each"
            )
        for name, bound in (("step_size", "above 0"), ("first", "above 0"), ("confidence", "of at least 0")):
            value = getattr(self, name)
            if not (0 <= value < math.inf) or (value == 0 and bound == "above 0"):
                raise InputError(f"Carlini-Wagner's {name} is {value}: give a number {bound}")

    @attack_call
    def minimal(self, classifier: Classifier, images: Images, labels: Labels) -> Images:
        """The nearest adversarial images found, in [0, 1], however far; the threat's eps is not used.

        The image itself where none was found, and where it was misread from the start.
        """
        with folded(classifier), torch.inference_mode(False):
            images, labels = images.clone(), labels.to(images.device, copy=True)
            with torch.no_grad():
                todo = ~(margin(classifier(images), labels) > self.confidence)
            if todo.any():
                images[todo] = self._search(classifier, images[todo], labels[todo])
        return images

    def _search(self, classifier: Classifier, images: Images, labels: Labels) -> Images:
        nearest, distance = images.clone(), images.new_full((len(images),), torch.inf)
        weight, low, high = torch.full_like(distance, self.first), torch.zeros_like(distance), distance.clone()
        for _ in range(self.search_steps):
            misread = self._descend(classifier, images, labels, weight, nearest, distance)
            low, high = torch.where(misread, low, weight), torch.where(misread, weight, high)
            weight = torch.where(high.isinf(), 10 * weight, (low + high) / 2)
        return nearest

    def _descend(
        self, classifier: Classifier, images: Images, labels: Labels, weight: Tensor, nearest: Images, distance: Tensor
    ) -> Mask:
        """One descent at the given weights: updates `nearest` and `distance` in place, and returns the mask of images
        that were misread at any step."""
        misread = torch.zeros_like(labels, dtype=torch.bool)
        centre = ((2 * images - 1) * INSIDE).atanh()
        state = (
            torch.arange(len(images), device=images.device),
            (centre.tanh() + 1) / 2,  # where the descent starts: the image but for `INSIDE`
            centre,
            labels,
            weight,
            torch.full_like(weight, torch.inf),
            torch.full_like(weight, torch.inf),
            torch.zeros_like(images),
            torch.zeros_like(images),
        )
        for step in range(self.steps):
            index, start, point, label, weights, lowest, last_lowest, mean, square = state
            with torch.enable_grad():
                point = point.detach().requires_grad_()
                candidates = (point.tanh() + 1) / 2
                margins = margin(classifier(candidates).float(), label)
                loss = (candidates - start).square().sum((1, 2, 3)) + weights * (self.confidence - margins).clamp_min(0)
            gradient = differentiate(loss.sum(), point)[0]
            assert gradient is not None  # of the distance, whatever the network does
            candidates, loss, point = candidates.detach(), loss.detach(), point.detach()

            lengths = torch.linalg.vector_norm((candidates - images[index]).flatten(1), dim=1)
            fooled = margins.detach() > self.confidence
            misread[index] |= fooled
            better = fooled & (lengths < distance[index])
            nearest[index[better]], distance[index[better]] = candidates[better], lengths[better]

            mean, square = mean.lerp_(gradient, 0.1), square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            scale = (square / (1 - 0.999 ** (step + 1))).sqrt_().add_(1e-8)
            point = point.addcdiv(mean, scale, value=-self.step_size / (1 - 0.9 ** (step + 1)))
            lowest = torch.minimum(lowest, loss)
            state = (index, start, point, label, weights, lowest, last_lowest, mean, square)
            if self.abort_early and step % math.ceil(self.steps / 10) == 0:
                improving = lowest <= (1 - PROGRESS) * last_lowest
                # Adam's first step overshoots a near boundary: what it started from is no measure
                last_lowest, lowest = lowest if step else last_lowest, torch.full_like(lowest, torch.inf)
                state = (index, start, point, label, weights, lowest, last_lowest, mean, square)
                if not improving.all():
                    state = tuple(part[improving] for part in state)
                    if not len(state[0]):
                        break
        return misread
