"""Activation maximisation: the image that maximises the score of a class, or of a channel of a layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.errors import InputError
from ironglass.explain.parts.gradient import score_of
from ironglass.explain.parts.layers import check_ran, copied, recorded_outputs
from ironglass.explain.parts.layout import layers_with_layouts
from ironglass.fields import settings
from ironglass.models.backward import differentiate
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels


@settings(frozen=True, kw_only=True)
class ActivationMaximisation:
    """Gradient ascent on an image from noise about grey (Erhan et al. 2009; Olah et al. 2017,
    doi 10.23915/distill.00007).

    image = argmax over [0, 1] of score(image) − total_variation · mean |difference of neighbours|

    score: the target's logit; with a layer, the mean of its channel `target` over space. Each step of Adam (Kingma and
    Ba 2014, arXiv 1412.6980) is taken with the image moved by a few pixels, then clipped to [0, 1] and blurred. Olah
    et al. optimise Fourier coefficients; here these are pixels.

    layer: a name as Grad-CAM's; None for the logits.
    steps, step_size: of Adam, in units of [0, 1].
    jitter: largest shift of the image, in pixels.
    blur: weight of the mean of the 3×3 neighbourhood after a step. Jitter and blur fall to 0 with the steps, so that
        the last ones maximise the score itself.
    total_variation: in units of the score.
    seed: for start and jitter, the same for every target.
    """

    layer: str | None = None
    steps: int = 256
    step_size: float = 0.02
    jitter: int = 2
    blur: float = 0.2
    total_variation: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.jitter < 0 or not self.step_size > 0:
            raise InputError(
                f"{self.steps} steps of {self.step_size} with a jitter of {self.jitter}: give at least 1 step, a step "
                "size above 0 and a jitter of at least 0"
            )
        if not (0 <= self.blur <= 1 and 0 <= self.total_variation < math.inf):
            raise InputError(
                f"blur is {self.blur} and total variation {self.total_variation}: give a blur in [0, 1] and a total "
                "variation of at least 0"
            )

    def __call__(self, classifier: Classifier, targets: Labels, size: tuple[int, int] | None = None) -> Images:
        """Images (n, c, h, w) in [0, 1], one a target, independent of each other.

        targets: int64 (n,): classes, or channels of the layer. size: height and width, the classifier's own by
        default. Raises InputError for a layer or a target that does not exist, and where there is no gradient.
        """
        generator = torch.Generator().manual_seed(self.seed)  # on the processor: the same start on every device
        shape = (classifier.channels, *(size or classifier.input_size))
        with eval_without_grad(classifier), torch.inference_mode(False), torch.enable_grad():
            targets = targets.to(classifier.device).clone()
            start = 0.5 + 0.01 * torch.randn(1, *shape, generator=generator)
            images = start.to(classifier.device).repeat(len(targets), 1, 1, 1).requires_grad_()
            adam = torch.optim.Adam([images], lr=self.step_size)
            for step in range(self.steps):
                remaining = 1 - (step + 1) / self.steps
                jitter = round(remaining * self.jitter)
                down, right = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()
                score = self._score(classifier, images.roll((down, right), (2, 3)), targets)
                loss = self.total_variation * _variation(images) - score
                images.grad = differentiate(loss, images)[0]
                adam.step()
                with torch.no_grad():
                    smoothed = F.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
                    images.copy_(images.lerp(smoothed, remaining * self.blur).clamp(0, 1))
        return images.detach()

    def _score(self, classifier: Classifier, images: Images, targets: Labels) -> Tensor:
        if self.layer is None:
            check_labels(targets, len(targets), len(classifier.classes))
            return score_of(classifier(images), targets)
        layers, layouts = layers_with_layouts(classifier, (self.layer,), images)
        with recorded_outputs(layers, copied) as outputs:
            classifier(images)
        check_ran((self.layer,), outputs)
        layouts[self.layer].check(self.layer, outputs[self.layer], len(images))
        means = layouts[self.layer](outputs[self.layer]).mean((2, 3))
        check_labels(targets, len(targets), means.shape[1])
        return score_of(means, targets)


def _variation(images: Images) -> Tensor:
    down, right = images.diff(dim=2), images.diff(dim=3)
    return sum((part.abs().mean((1, 2, 3)).sum() for part in (down, right) if part.numel()), images.new_zeros(()))
