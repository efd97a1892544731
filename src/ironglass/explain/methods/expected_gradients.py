"""Expected gradients: integrated gradients from baselines drawn from a distribution."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import torch
from torch import Tensor

from ironglass.errors import InputError, Notice
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.gradient import weighted_gradient
from ironglass.fields import settings
from ironglass.models.checks import check_images
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels, Maps

NO_REFERENCES = "expected gradients start from images of one random colour: give references, images of the data"


@settings(frozen=True, kw_only=True)
class ExpectedGradients:
    """Integrated gradients, averaged over baselines from the data (Erion et al. 2019, arXiv 1906.10670).

    map = mean over s of (image − x_s) · ∂ logit_target / ∂ image at x_s + a_s · (image − x_s)

    x_s are drawn from the references and a_s from [0, 1], one in each of `samples` equal parts of it in random order,
    which is unbiased and of less variance than independent draws. They are the same for every image of a batch, so that
    no map depends on its neighbours. In expectation a map sums to the image's logit less the references' mean logit.

    references: images (m, c, h, w) in [0, 1] of the data that the network was trained on; a study takes those of the
        split that was learned from. None for images of one colour each, drawn uniformly: not the paper's, and a Notice
        says so.
    samples: gradients an image; the paper has 200.
    seed: of the draws.
    """

    label: ClassVar[str] = "Expected gradients"
    unit: ClassVar[str] = "logit"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = "Gradients gathered on the way from many other images; they sum to what sets this one apart."
    paper: ClassVar[str] = "arXiv 1906.10670"
    purpose: ClassVar[str] = "shares of the score as integrated gradients, without the choice of one baseline"
    limits: ClassVar[str] = "needs images of the data for its baselines; an estimate, as noisy as its samples are few"
    references: Tensor | None = None
    samples: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise InputError(f"expected gradients have {self.samples} samples: give at least 1")

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Signed maps (n, c, h, w), units of the logit.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Raises InputError where the network gives no
        gradient, and for references that do not fit the images.
        """
        images = images.detach()
        generator = torch.Generator().manual_seed(self.seed)  # on the processor: the same draws on every device
        baselines = self._baselines(classifier, images, generator)
        order = torch.randperm(self.samples, generator=generator)
        along = (order + torch.rand(self.samples, generator=generator)) / self.samples

        def points(images_part: slice, samples_part: slice) -> Tensor:
            share = along[samples_part].to(images.device, images.dtype).view(-1, 1, 1, 1, 1)
            return baselines[samples_part, None].lerp(images[images_part], share)

        def factors(images_part: slice, samples_part: slice) -> Tensor:
            return images[images_part] - baselines[samples_part, None]

        weights = torch.full((self.samples,), 1 / self.samples)
        return weighted_gradient(classifier, images, targets, points, weights, factors)

    def _baselines(self, classifier: Classifier, images: Images, generator: torch.Generator) -> Images:
        """One baseline a sample, (samples, c, h, w)."""
        if self.references is None:
            warnings.warn(Notice(NO_REFERENCES), stacklevel=3)
            colours = torch.rand(self.samples, images.shape[1], 1, 1, generator=generator)
            return colours.to(images).expand(-1, *images.shape[1:])
        check_images(self.references, classifier.channels)
        if self.references.shape[1:] != images.shape[1:]:
            raise InputError(
                f"references are {tuple(self.references.shape)} and images {tuple(images.shape)}: give them alike"
            )
        index = torch.randint(len(self.references), (self.samples,), generator=generator)
        return self.references[index.to(self.references.device)].to(images)

    def note(self, *_: Any) -> str:
        """Notice that baselines are no images of the data, where they are none; else ""."""
        return NO_REFERENCES if self.references is None else ""

    def gap(self, classifier: Classifier, images: Images, targets: Labels, maps: Maps) -> Tensor:
        """Distance of `maps`, those of these images, from completeness: float32 (n,), units of the logit.

        gap = Σ map − (logit_target(image) − mean logit_target of the baselines drawn)
        """
        with eval_without_grad(classifier), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", Notice)
            images, targets = images.detach(), targets.to(images.device)
            baselines = self._baselines(classifier, images, torch.Generator().manual_seed(self.seed))
            before = torch.cat([classifier(part) for part in baselines.split(32)]).double().mean(0)[targets]
            change = classifier(images).gather(1, targets[:, None])[:, 0].double() - before
            return (maps.flatten(1).double().sum(1) - change).float()
