"""DeepFool: repeated steps to the nearest boundary of the network's linear approximation."""

from __future__ import annotations

import math
from typing import ClassVar

import torch

from ironglass.attacks.parts.nearest import MinimumNorm
from ironglass.attacks.parts.scores import attack_call
from ironglass.attacks.parts.threat import USUAL, Threat
from ironglass.attacks.parts.worst_case import runners_up
from ironglass.engine.folding.fold import folded
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.backward import differentiate
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Logits

# As in the authors' code: added to every step, so that a tie of two classes is crossed, too.
NUDGE = 1e-4


@settings(frozen=True, kw_only=True)
class DeepFool(MinimumNorm):
    """A small change that is misread, by the threat's norm (Moosavi-Dezfooli et al. 2015, arXiv 1511.04599).

    For each rival class r, f = logit of r − logit of the label has its boundary at a distance |f| / ‖∇f‖ (dual norm);
    each step goes to the nearest. The sum of steps is lengthened by `overshoot` to end just beyond the boundary.

    steps: at most; an image that is misread leaves at once.
    overshoot: a share of the change.
    candidates: number of classes considered: the label, and those with the highest logits on the clean image.
    """

    label: ClassVar[str] = "DeepFool"
    family: ClassVar[str] = "iterative"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    threat: Threat = USUAL
    steps: int = 50
    overshoot: float = 0.02
    candidates: int = 10

    def __post_init__(self) -> None:
        if self.steps < 1 or self.candidates < 2:
            raise InputError(f"DeepFool has {self.steps} steps and {self.candidates} candidates: give at least 1 and 2")
        if not 0 <= self.overshoot < math.inf:
            raise InputError(f"DeepFool's overshoot is {self.overshoot}: give a number of at least 0, such as 0.02")

    @attack_call
    def minimal(self, classifier: Classifier, images: Images, labels: Labels) -> Images:
        """The nearest adversarial images found, in [0, 1], however far; those misread from the start as they are.

        Near by the threat's norm; its eps is not used. Where `steps` do not suffice, the image that they led to.
        """
        with folded(classifier), torch.inference_mode(False):
            adversarial = images.clone()
            labels = labels.to(images.device, copy=True)
            rivals = torch.empty(0)
            index, change = torch.arange(len(adversarial), device=adversarial.device), torch.zeros_like(adversarial)
            for step in range(self.steps):
                current = adversarial[index].requires_grad_()
                with torch.enable_grad():
                    logits = classifier(current).float()
                if step == 0:
                    rivals = runners_up(logits.detach(), labels, self.candidates - 1)
                unfooled = logits.argmax(1) == labels[index]
                if not unfooled.all():
                    index, change = index[unfooled], change[unfooled]
                    if not len(index):
                        break
                    # one pass more is cheaper than a gradient a rival for images that have left
                    current = adversarial[index].requires_grad_()
                    with torch.enable_grad():
                        logits = classifier(current).float()
                change = change + self._nearest(current, logits, labels[index], rivals[index])
                adversarial[index] = (images[index] + (1 + self.overshoot) * change).clamp_(0, 1)
        return adversarial

    def _nearest(self, images: Images, logits: Logits, labels: Labels, rivals: Labels) -> Images:
        """The step to the nearest of the rivals' boundaries, (n, c, h, w); 0 where no gradient leads to any."""
        with torch.enable_grad():
            margins = logits.gather(1, rivals) - logits.gather(1, labels[:, None])
        nearest = torch.full_like(margins[:, 0], torch.inf, requires_grad=False)
        step = torch.zeros_like(images, requires_grad=False)
        for r in range(margins.shape[1]) if margins.requires_grad else ():
            last = r + 1 == margins.shape[1]
            (gradient,) = differentiate(margins[:, r].sum(), images, retain_graph=not last)
            if gradient is None:
                continue
            gradient = torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
            direction = self.threat.step(gradient)
            # the steepest direction of length 1 meets the gradient at its dual norm
            distance = margins[:, r].detach().abs() / (gradient * direction).sum((1, 2, 3))
            closer = distance < nearest
            nearest = torch.where(closer, distance, nearest)
            step = torch.where(closer[:, None, None, None], (distance + NUDGE)[:, None, None, None] * direction, step)
        return step
