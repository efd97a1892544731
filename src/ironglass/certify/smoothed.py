"""The smoothed classifier as a classifier of its own, with a gradient, to be evaluated and attacked."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ironglass.certify.grid_noise import GREY_LEVELS, GridNoise
from ironglass.errors import InputError
from ironglass.models.checks import check_classifier
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Logits


class SmoothedNetwork(nn.Module):
    """Logarithms of a classifier's mean probabilities over fixed draws of noise, the same for every image and pass."""

    noise: Tensor

    def __init__(self, classifier: Classifier, sigma: float, draws: int, seed: int) -> None:
        super().__init__()
        self.classifier = classifier
        shape = (draws, classifier.channels, *classifier.input_size)
        levels = GridNoise(sigma).draw(shape, torch.Generator().manual_seed(seed))
        self.register_buffer("noise", levels.to(classifier.device, torch.float32) / GREY_LEVELS, persistent=False)

    def forward(self, images: Images) -> Logits:
        """Logits (n, k) whose softmax is the mean of the probabilities; the gradient is the mean over the draws, as in
        Salman et al. 2019, arXiv 1906.04584."""
        draws = len(self.noise)
        noisy = images[:, None] + self.noise
        with eval_without_grad(self.classifier):
            logits = self.classifier(noisy.flatten(0, 1))
            logits = self.classifier.as_logits(logits)
        return torch.log_softmax(logits, 1).view(len(images), draws, -1).logsumexp(1) - torch.tensor(draws).log()


def smoothed_classifier(classifier: Classifier, *, sigma: float = 0.25, draws: int = 32, seed: int = 0) -> Classifier:
    """The classifier smoothed by Gaussian noise, of a few fixed draws, as a `Classifier` that can be attacked.

    Its logits are the logarithms of the mean probabilities over the draws. It stands for the smoothed classifier that
    `ironglass.certify(..., method="smoothing")` certifies, whose own prediction takes many fresh draws: judge images
    made on it by `ironglass.certify.smoothed_predictions`.

    Args:
        classifier: the network that is smoothed.
        sigma: deviation of the noise, in units of [0, 1].
        draws: noisy copies of each image; a pass costs as many.
        seed: of the draws.

    Returns:
        A `Classifier` on images of the same size, whose normalisation is inside.

    Example:
        >>> import torch, ironglass as ig
        >>> classifier = ig.load_classifier("logistic", classes=("dark", "bright"), size=4, channels=1)
        >>> smoothed = ig.certify.smoothed_classifier(classifier, sigma=0.1)
        >>> smoothed(torch.rand(2, 1, 4, 4)).shape
        torch.Size([2, 2])
    """
    check_classifier(classifier)
    if not 1 / GREY_LEVELS <= sigma <= 4 or draws < 1:
        raise InputError(f"sigma is {sigma:g} and draws {draws}: give 1/255 to 4 and at least 1")
    channels = classifier.channels
    return Classifier(
        SmoothedNetwork(classifier, sigma, draws, seed), mean=[0.0] * channels, std=[1.0] * channels,
        classes=classifier.classes, input_size=classifier.input_size,
    ).eval()  # fmt: skip
