"""Randomised smoothing: exact intervals, sound draws, radii that are true."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binom, binomtest, norm
from torch import Tensor, nn

import ironglass as ig
from ironglass.certify import Smoothing, smoothed_classifier, smoothed_predictions
from ironglass.certify.grid_noise import GridNoise
from ironglass.certify.smoothing import certified_radius, lower_share, prove_smoothed


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (7, 10), (10, 10), (9_990, 10_000), (5_100, 10_000)])
def test_the_exact_interval_as_scipys(successes: int, n: int) -> None:
    low = binomtest(successes, n, alternative="greater").proportion_ci(0.999, method="exact").low
    assert lower_share(successes, n, 0.001) == pytest.approx(low, abs=1e-12)


def test_the_lower_end_lies_above_the_share_as_rarely_as_it_says() -> None:
    # exactly: over all counts that n draws can give
    n, alpha = 200, 0.05
    ends = np.array([lower_share(count, n, alpha) for count in range(n + 1)])
    for share in (0.5, 0.51, 0.77, 0.9, 0.95):
        wrong = binom.pmf(np.arange(n + 1), n, share)[ends > share].sum()
        assert 0.2 * alpha < wrong <= alpha


def test_the_published_radius() -> None:
    # Cohen et al.: 100,000 draws that all agree, alpha 0.001: p = 0.001 ** (1 / 100,000), radius 3.8 σ
    settings = Smoothing(sigma=1.0, draws=100_000)
    assert certified_radius(100_000, 100_000, settings) == pytest.approx(norm.ppf(0.001 ** (1 / 100_000)), rel=1e-6)
    assert certified_radius(50_100, 100_000, settings) == 0.0


def test_noise_has_the_distribution_of_the_rounded_gaussian() -> None:
    noise = GridNoise(0.05)
    n = 2_000_000
    draws = noise.draw((n,), torch.Generator().manual_seed(0)).long()
    spread, deviation = noise.spread, 0.05 * 255
    expected = np.diff(norm.cdf((np.arange(-spread - 1, spread + 1) + 0.5) / deviation)) * n
    counts = torch.bincount(draws + spread, minlength=2 * spread + 1).numpy()
    frequent = expected > 50
    chi2 = float(((counts - expected)[frequent] ** 2 / expected[frequent]).sum())
    freedom = int(frequent.sum())
    assert abs(chi2 - freedom) < 4 * math.sqrt(2 * freedom)
    # the search of the open prefixes and the table agree with inversion itself
    uniform = torch.rand(50_000, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    inverse = np.rint(norm.ppf(uniform.numpy()) * deviation)
    again = noise.draw((50_000,), torch.Generator().manual_seed(3)).numpy()
    assert (inverse == again).mean() > 0.99999
    assert noise.error < 1e-12


def test_a_draw_says_nothing_of_the_image_but_its_place_on_the_grid() -> None:
    # Voráček and Hein's attack reads the image out of the rounding of the sum: here every sum is a whole number
    seen: list[Tensor] = []

    class Watching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 2)

        def forward(self, images: Tensor) -> Tensor:
            seen.append(images.detach().clone())
            return self.linear(images.flatten(1))

    classifier = ig.Classifier(Watching().eval(), mean=[0.0], std=[1.0], classes=["a", "b"], input_size=2)
    images = torch.tensor([3.0, 100.0, 254.0, 255.0]).view(1, 1, 2, 2) / 255
    settings = Smoothing(sigma=0.1, draws=50, selection=10)
    ig.certify(classifier, images, torch.tensor([0]), eps=0.0, norm="l2", method=settings)
    noisy = torch.cat(seen[-2:])
    assert torch.equal(noisy, (255 * noisy).round() / 255)
    assert float(noisy.min()) < 0 < 1 < float(noisy.max())


def linear_classifier(weight: list[float], bias: float) -> ig.Classifier:
    """Class "a" where weight · image + bias > 0."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([weight, [0.0] * 4]))
        network[1].bias.copy_(torch.tensor([bias, 0.0]))
    return ig.Classifier(network.eval(), mean=[0.0], std=[1.0], classes=["a", "b"], input_size=2)


def test_radii_of_a_linear_network_are_below_the_distance_to_its_boundary() -> None:
    # the smoothed classifier of a linear one is the linear one itself (but for the grid, which is fine against σ), and
    # the radius of infinitely many draws is the distance, here (0.5 - 0.4) / 1 = 0.1 in one pixel
    classifier = linear_classifier([1.0, 0.0, 0.0, 0.0], -102.5 / 255)
    images = torch.full((300, 1, 2, 2), 128 / 255)
    labels = torch.zeros(300, dtype=torch.int64)
    settings = Smoothing(sigma=0.1, draws=1_000, alpha=0.05)
    result = ig.certify(classifier, images, labels, eps=0.05, norm="l2", method=settings)
    assert result.radius is not None
    distance = 25.5 / 255
    wrong = int((result.radius > distance).sum())
    # each too large with a probability of at most 0.05: 300 draws of them, five deviations at most
    assert wrong <= binom.ppf(1 - 1e-6, 300, 0.05)
    assert wrong > 0
    assert float(result.radius.mean()) == pytest.approx(0.93 * distance, rel=0.05)
    assert result.certified.all()
    assert result.accuracy_at(0.05)["value"] == 1.0
    assert result.accuracy_at(0.12)["value"] == 0.0
    assert "σ 0.1" in repr(result)


def test_an_image_on_the_boundary_abstains_and_a_misread_one_has_no_radius() -> None:
    classifier = linear_classifier([1.0, 0.0, 0.0, 0.0], -128 / 255)
    images = torch.full((2, 1, 2, 2), 128 / 255)
    images[1] = 0.0
    labels, settings = torch.zeros(2, dtype=torch.int64), Smoothing(sigma=0.1, draws=500)
    result = ig.certify(classifier, images, labels, eps=0.0, norm="l2", method=settings)
    assert result.radius is not None
    assert result.predictions.tolist() == [-1, 1]
    assert result.radius.tolist() == [0.0, 0.0]
    assert not result.certified.any()
    assert smoothed_predictions(classifier, images, settings).tolist() == [-1, 1]


def test_an_image_keeps_its_draws_in_any_batch() -> None:
    classifier = linear_classifier([1.0, -1.0, 0.5, 0.0], -0.2)
    images = (torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0)) * 255).round() / 255
    labels = torch.tensor([0, 0, 0])
    settings = Smoothing(sigma=0.25, draws=700, batch_size=300)
    whole = ig.certify(classifier, images, labels, eps=0.0, norm="l2", method=settings)
    first = ig.certify(classifier, images[:2], labels[:2], eps=0.0, norm="l2", method=settings)
    assert whole.radius is not None
    assert first.radius is not None
    assert torch.equal(whole.radius[:2], first.radius)


def test_the_smoothed_classifier_can_be_evaluated_and_attacked() -> None:
    classifier = linear_classifier([4.0, -3.0, 2.0, 1.0], -1.0)
    smoothed = smoothed_classifier(classifier, sigma=0.25, draws=200)
    images = (torch.rand(12, 1, 2, 2, generator=torch.Generator().manual_seed(0)) * 255).round() / 255
    with torch.no_grad():
        labels = smoothed(images).argmax(1)
        probabilities = smoothed(images).softmax(1)
    noisy = images[:, None] + smoothed.network.noise  # type: ignore[operator]
    expected = torch.stack([classifier.network(one).softmax(1).mean(0) for one in noisy])
    torch.testing.assert_close(probabilities, expected)
    assert torch.equal(smoothed(images), smoothed(images))
    settings = Smoothing(sigma=0.25, draws=2_000)
    certificate = ig.certify(classifier, images, labels, eps=0.05, norm="l2", method=settings)
    result = ig.attack(smoothed, images, labels, "pgd-20", eps=0.4, norm="l2")
    assert result.fooled.any()
    assert "random" not in " ".join(result.verdict.reasons)
    near = ig.attack(smoothed, images, labels, "pgd-20", eps=0.05, norm="l2")
    grid = (near.adversarial * 255).round() / 255
    judged = smoothed_predictions(classifier, grid, settings)
    wrong = (judged != labels) & (judged >= 0)
    assert certificate.certified.any()
    assert not (wrong & certificate.certified & ((grid - images).flatten(1).norm(dim=1) <= 0.05)).any()


def test_wrong_input() -> None:
    classifier, images = linear_classifier([1.0] * 4, 0.0), torch.full((1, 1, 2, 2), 0.5)
    label = torch.tensor([0])
    with pytest.raises(ig.InputError, match="off the grid of 255ths"):
        ig.certify(classifier, images, label, eps=0.1, norm="l2", method="smoothing")
    with pytest.raises(ig.InputError, match='give norm="l2"'):
        ig.certify(classifier, images, label, eps=0.1, method="smoothing")
    with pytest.raises(ig.InputError, match="sigma is 64"):
        Smoothing(sigma=64.0)
    with pytest.raises(ig.InputError, match="alpha"):
        Smoothing(alpha=0.7)
    with pytest.raises(ig.InputError, match="no setting 'sigm'"):
        Smoothing(sigm=0.5)  # type: ignore[call-arg]


class Centred(nn.Module):
    """Says whether the mean of its batch is above 1/2."""

    def forward(self, images: Tensor) -> Tensor:
        margin = 100 * (images.mean() - 0.5 + 0 * images.flatten(1).sum(1))
        return torch.stack((margin, -margin), 1)


def test_a_network_that_depends_on_its_batch_is_refused_unless_images_pass_alone() -> None:
    # the mean of 500 noisy copies votes as one: with 1,000 draws eps 0.5 was certified, and 0.05 is enough to fool
    classifier = ig.Classifier(Centred(), mean=[0.0], std=[1.0], classes=["bright", "dark"], input_size=4)
    images, labels = torch.full((1, 1, 4, 4), 131 / 255), torch.tensor([0])
    with pytest.raises(ig.InputError, match="depends on the others of its batch"):
        ig.certify(classifier, images, labels, eps=0.5, norm="l2", method=Smoothing(draws=1_000))
    with pytest.raises(ig.InputError, match="depends on the others of its batch"):
        smoothed_predictions(classifier, images, Smoothing(draws=1_000))
    alone = Smoothing(draws=200, selection=20, batch_size=1)
    assert not ig.certify(classifier, images, labels, eps=0.5, norm="l2", method=alone).certified.any()


def test_a_radius_is_asked_for_in_sizes_that_there_are() -> None:
    classifier, images = linear_classifier([1.0] * 4, -2.0), torch.ones(1, 1, 2, 2)
    result = ig.certify(classifier, images, torch.tensor([0]), eps=0.1, norm="l2", method=Smoothing(draws=500))
    assert result.accuracy_at("8/255") == result.accuracy_at(8 / 255)
    with pytest.raises(ig.InputError, match="eps -1"):
        result.accuracy_at(-1)


def test_images_side_by_side_are_as_one_after_the_other(monkeypatch):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 3)
    )
    classifier = ig.Classifier(network, mean=(0.5,), std=(0.25,), classes=("a", "b", "c"), input_size=8)
    images = (torch.rand(5, 1, 8, 8) * 255).round() / 255
    with torch.no_grad():
        labels = classifier.eval()(images).argmax(1)
    smoothing = Smoothing(sigma=0.1, draws=700, batch_size=300)
    threads = torch.get_num_threads()
    try:
        found = []
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(prove_smoothed(classifier, images, labels, smoothing, eps=0.05))
        torch.set_num_threads(2)
        monkeypatch.setattr("ironglass.certify.smoothing._direct", lambda *_: None)
        found.append(prove_smoothed(classifier, images, labels, smoothing, eps=0.05))
    finally:
        torch.set_num_threads(threads)
    for proof, classes in found[1:]:
        assert torch.equal(proof.radius, found[0][0].radius)
        assert torch.equal(classes, found[0][1])
    assert (found[0][0].radius > 0).any()
