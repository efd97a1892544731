"""Randomised smoothing: certificates in L2 for any network."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from scipy.special import bdtrc, betaincinv, ndtri
from torch import Tensor

from ironglass.certify.grid_noise import GREY_LEVELS, GridNoise, on_grid
from ironglass.certify.proof import Proof
from ironglass.engine.threads import in_threads, is_safe_in_threads
from ironglass.errors import InputError
from ironglass.fields import check_seed, settings
from ironglass.models.batch_dependence import MAX_PROBE_IMAGES, depends_on_batch
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels, Logits, Progress

ABSTAINS = -1


@settings(frozen=True, kw_only=True)
class Smoothing:
    """The smoothed classifier of Cohen et al. (2019, arXiv 1902.02918), and how surely it is certified.

    It answers with the class that the network answers most often for the image under Gaussian noise; noisy images are
    not cut to [0, 1], as published.

    sigma: deviation of the noise, in units of [0, 1]. No radius is above about sigma · 3.8 at 10,000 draws.
    draws: noisy images by which the class's probability is bounded.
    selection: noisy images by which the class is selected, drawn before.
    alpha: probability that a radius is too large, an image.
    seed: of the noise; each image has draws of its own by its position.
    batch_size: noisy images in one pass.
    """

    sigma: float = 0.25
    draws: int = 10_000
    selection: int = 100
    alpha: float = 0.001
    seed: int = 0
    batch_size: int = 500

    def __post_init__(self) -> None:
        if not 1 / GREY_LEVELS <= self.sigma <= 4:
            raise InputError(f"sigma is {self.sigma:g}: give a deviation from 1/255 to 4, in units of [0, 1]")
        if not 0 < self.alpha < 0.5:
            raise InputError(f"alpha is {self.alpha:g}: give a probability above 0 and below 0.5, such as 0.001")
        for name in ("draws", "selection", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}: give at least 1")
        check_seed(self.seed)


def lower_share(successes: int, n: int, alpha: float) -> float:
    """The lower end of the one-sided exact interval of a share (Clopper & Pearson 1934, Biometrika 26:404), which lies
    above the share with a probability of at most alpha."""
    return 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, alpha))


def certified_radius(successes: int, n: int, smoothing: Smoothing, error: float = 0.0) -> float:
    """σ Φ⁻¹(p), p the lower end of the share less `error`; 0 where p is at most 1/2: then the classifier abstains.

    error: total variation between the noise as it is drawn and exact noise.
    """
    share = lower_share(successes, n, smoothing.alpha) - error
    return smoothing.sigma * float(ndtri(share)) * (1 - 1e-9) if share > 0.5 else 0.0


def prove_smoothed(
    classifier: Classifier,
    images: Images,
    labels: Labels,
    smoothing: Smoothing,
    *,
    eps: float,
    progress: Progress | None = None,
) -> tuple[Proof, Labels]:
    """Certificates of the smoothed classifier in L2, and its predictions, -1 where it abstains.

    images: float (n, c, h, w), multiples of 1/255, else InputError is raised, as for a network whose answer depends on
    the batch. Every radius holds for all real perturbations, with probability 1 - alpha over the draws.
    """
    noise, levels = GridNoise(smoothing.sigma), on_grid(images).cpu()
    _check_batches(classifier, levels, noise, smoothing)
    error = noise.error * levels[0].numel()
    radii, classes = [], []

    def prove(position: int, goes_on: Callable[[], bool]) -> tuple[int, float]:
        generator = _generator(smoothing.seed, position)
        first = _votes(scores, levels[position], noise, smoothing.selection, smoothing, generator, goes_on)
        selected = int(first.argmax())
        votes = _votes(scores, levels[position], noise, smoothing.draws, smoothing, generator, goes_on)
        return selected, certified_radius(int(votes[selected]), smoothing.draws, smoothing, error)

    with eval_without_grad(classifier), torch.inference_mode():
        direct = _direct(classifier, images)
        scores = direct or _moved(classifier)
        # each image has draws of its own, so that images side by side are the same as one after the other
        with in_threads(prove, range(len(images)), at_once=direct is not None) as results:
            for position, (selected, radius) in enumerate(results):
                radii.append(radius)
                classes.append(selected if radius > 0 else ABSTAINS)
                if progress:
                    progress(position + 1, len(images))
    predictions = torch.tensor(classes, device=labels.device)
    radius = torch.tensor(radii, dtype=torch.float64, device=labels.device)
    radius = torch.where(predictions == labels, radius, 0.0)
    return smoothed_proof(radius, eps, levels[0].numel()), predictions


def _direct(classifier: Classifier, images: Images) -> Callable[[Images], Logits] | None:
    """The network's own pass, which threads may take at once where the classifier's waits its turn.

    None where it might write to itself, and where its logits are not the classifier's, bit for bit.
    """
    if classifier.device.type != "cpu" or not is_safe_in_threads(classifier.network):
        return None

    def scores(images: Images) -> Logits:
        return classifier.network((images - classifier.mean) / classifier.std)

    sample = images[:2].float()
    return scores if torch.equal(classifier(sample), scores(sample)) else None


def _moved(classifier: Classifier) -> Callable[[Images], Logits]:
    return lambda images: classifier(images.to(classifier.device))


def smoothed_proof(radius: Tensor, eps: float, values: int) -> Proof:
    """The proof at one eps, of radii (n,) and the number of values of an image: what a threat allows an adversarial
    image for rounding is within it."""
    certified = radius > eps * (1 + 1e-6) + 2.0**-24 * math.sqrt(values)
    return Proof(certified, tuple("smoothing" if flag else "" for flag in certified.tolist()), radius)


def smoothed_predictions(classifier: Classifier, images: Images, smoothing: Smoothing) -> Labels:
    """Predictions of the smoothed classifier, int64 (n,), -1 where it abstains: where the two classes with the most
    votes differ by less than chance does with probability alpha.

    images: multiples of 1/255, else InputError is raised, as for a network whose answer depends on the batch.
    """
    noise, levels = GridNoise(smoothing.sigma), on_grid(images).cpu()
    _check_batches(classifier, levels, noise, smoothing)
    classes = []
    for position in range(len(images)):
        generator = _generator(smoothing.seed, position)
        with eval_without_grad(classifier):
            votes = _votes(_moved(classifier), levels[position], noise, smoothing.draws, smoothing, generator)
        (first, second), order = (part.tolist() for part in votes.topk(2))
        # two-sided: each as likely as the other to have the most votes of the two
        chance = 2 * float(bdtrc(first - 1, first + second, 0.5)) if first > 0 else 1.0
        classes.append(order[0] if chance <= smoothing.alpha else ABSTAINS)
    return torch.tensor(classes, device=images.device)


def _votes(
    scores: Callable[[Images], Logits],
    levels: Tensor,
    noise: GridNoise,
    draws: int,
    smoothing: Smoothing,
    generator: torch.Generator,
    goes_on: Callable[[], bool] = lambda: True,
) -> Tensor:
    """Predictions by class, int64 (k,), of an image (c, h, w) of whole 255ths under that many draws of noise.

    scores: logits of images on the CPU; those that are not numbers count for no class. The caller is inside
        `eval_without_grad`.
    """
    votes = torch.zeros(0, dtype=torch.int64)
    with torch.inference_mode():
        for start in range(0, draws, smoothing.batch_size):
            if not goes_on():
                break
            count = min(smoothing.batch_size, draws - start)
            noisy = (levels + noise.draw((count, *levels.shape), generator)).float()
            logits = scores(noisy / GREY_LEVELS)
            counts = logits[logits.isfinite().all(1)].argmax(1).cpu().bincount(minlength=logits.shape[1])
            votes = counts if not len(votes) else votes + counts
    return votes


def _check_batches(classifier: Classifier, levels: Tensor, noise: GridNoise, smoothing: Smoothing) -> None:
    """Raises InputError where answers depend on the batch: then votes are not independent, and radii are too large."""
    if smoothing.batch_size == 1 or len(levels) == 0:
        return
    probes = levels[torch.linspace(0, len(levels) - 1, MAX_PROBE_IMAGES).round().long()]
    noisy = (probes + noise.draw(tuple(probes.shape), _generator(smoothing.seed, 0))).to(classifier.device)
    if depends_on_batch(classifier, noisy.to(torch.float32) / GREY_LEVELS):
        raise InputError(
            "the network's answer to an image depends on the others of its batch (batch statistics in evaluation "
            "mode?), and smoothing counts independent answers: give running statistics, or Smoothing(batch_size=1)"
        )


def _generator(seed: int, position: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 2**31 + position)
