"""L1: its projection against bisection, its attacks against linear programs on networks that are known exactly."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from torch import nn

import ironglass as ig
from ironglass.attacks import APGD, FAB, FGSM, L1, PGD, APGDTargeted, AutoAttack, Square
from ironglass.attacks.parts.eight_bit import round_to_bytes
from ironglass.attacks.parts.geometry.hyperplane import to_hyperplane
from ironglass.attacks.parts.l1_ball import nearest_in_l1
from ironglass.errors import InputError
from ironglass.models import Classifier


def linear(weight: torch.Tensor, bias: torch.Tensor) -> Classifier:
    head = nn.Linear(weight.shape[1], len(weight))
    head.weight.data, head.bias.data = weight.clone(), bias.clone()
    network = nn.Sequential(nn.Flatten(), head)
    return Classifier(network, mean=(0.0,), std=(1.0,), classes=tuple("abcdef"[: len(weight)]), input_size=4)


def fooling_distance(weight: np.ndarray, bias: np.ndarray, image: np.ndarray, label: int) -> float:
    """Least Σ |δ| with 0 ≤ image + δ ≤ 1 and some other logit at least the label's: a linear program a class."""
    least = np.inf
    for rival in range(len(weight)):
        if rival == label:
            continue
        slope, offset = weight[rival] - weight[label], bias[rival] - bias[label]
        # δ = up − down, each within its room
        bounds = [(0, 1 - x) for x in image] + [(0, x) for x in image]
        need = -(slope @ image + offset)
        solved = linprog(np.ones(2 * len(image)), A_ub=-np.r_[slope, -slope][None], b_ub=[-need], bounds=bounds)
        least = min(least, solved.fun if solved.status == 0 else np.inf)
    return least


def bisected(image: np.ndarray, point: np.ndarray, radius: float) -> np.ndarray:
    """The nearest point in the ball and the box, with λ by bisection."""
    change = point - image
    room = np.where(change > 0, 1 - image, image)
    low, high = 0.0, float(np.abs(change).max()) + 1

    def moved(level: float) -> np.ndarray:
        return np.minimum(np.maximum(np.abs(change) - level, 0), room)

    if moved(0).sum() > radius:
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if moved(middle).sum() > radius else (low, middle)
    return image + np.sign(change) * moved(low)


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 2**31),
    values=st.integers(1, 40),
    spread=st.sampled_from([1e-3, 0.1, 1.0, 100.0]),
    share=st.sampled_from([0.0, 1e-6, 0.05, 0.4, 2.0]),
)
def test_the_nearest_point_is_that_of_bisection(seed, values, spread, share):
    random = np.random.default_rng(seed)
    images = random.random((3, values)).astype(np.float32)
    images[0] = images[0].round()  # at the bounds
    points = (images + spread * random.standard_normal(images.shape) * (random.random(images.shape) < 0.7)).astype("f")
    radius = share * values
    tensors = [torch.from_numpy(array).view(3, 1, 1, values) for array in (images, points)]
    found = nearest_in_l1(*tensors, torch.full((3,), radius))
    assert L1(radius).allows(tensors[0], found).all()
    for image, point, near in zip(images.astype(float), points.astype(float), found.view(3, values), strict=True):
        np.testing.assert_allclose(near.numpy(), bisected(image, point, radius), atol=2e-6)


def test_l1_by_hand():
    images = torch.tensor([0.5, 0.9, 0.0, 0.5]).view(1, 1, 2, 2)
    points = torch.tensor([1.1, 1.4, -0.3, 0.4]).view(1, 1, 2, 2)
    # room 0.5, 0.1, 0 and 0.5; 0.5 + 0.1 + 0.1 = 0.7 in all. 0.4: λ = 0.3, of which the last value is left none
    moved = L1(0.4).project(images, points)
    torch.testing.assert_close(moved.flatten(), torch.tensor([0.8, 1.0, 0.0, 0.5]))
    # with 0.7 nothing is shortened but by the box
    torch.testing.assert_close(L1(0.7).project(images, points).flatten(), torch.tensor([1.0, 1.0, 0.0, 0.4]))
    gradient = torch.tensor([-3.0, 0.0, 1e-30, 5.0]).view(1, 1, 2, 2)
    assert L1(0.4).step(gradient).flatten().tolist() == [0, 0, 0, 1]
    assert L1(1.0).step(gradient).flatten().tolist() == [-0.5, 0, 0, 0.5]
    assert L1(0.4).step(torch.zeros(1, 1, 2, 2)).abs().sum() == 0


def test_a_start_is_uniform_in_the_ball():
    images = torch.full((20_000, 1, 1, 3), 0.5)
    size = (L1(0.3).start(images, torch.Generator().manual_seed(0)) - images).abs().flatten(1)
    # within the share s of the radius lies s³ of the volume; each value is as far out as the others
    for share in (0.25, 0.5, 0.75):
        assert (size.sum(1) < 0.3 * share).float().mean().item() == pytest.approx(share**3, abs=0.015)
    torch.testing.assert_close(size.mean(0), torch.full((3,), 0.3 / 4), rtol=0.03, atol=0)


@pytest.mark.parametrize("border", [0.0, 0.5])
def test_the_way_to_a_hyperplane_is_that_of_a_linear_program(border):
    random = np.random.default_rng(3)
    points, normal = random.random((20, 12)), random.standard_normal((20, 12))
    points = np.where(random.random(points.shape) < border, points.round(), points)
    offset = np.abs(normal).sum(1) * np.linspace(-0.3, 0.3, 20)
    tensors = [torch.tensor(array, dtype=torch.float32) for array in (points, normal, offset)]
    found = to_hyperplane(*tensors, L1(1.0)).numpy()
    for way, point, row, wanted in zip(found, points, normal, offset, strict=True):
        bounds = [(0, 1 - x) for x in point] + [(0, x) for x in point]
        solved = linprog(np.ones(24), A_eq=np.r_[row, -row][None], b_eq=[wanted], bounds=bounds)
        if solved.status == 0:
            assert np.abs(way).sum() == pytest.approx(solved.fun, abs=1e-5)
            assert row @ way == pytest.approx(wanted, abs=1e-5)
        else:  # out of reach: as near as the box allows
            furthest = np.where(row * np.sign(wanted) > 0, 1 - point, point) * np.abs(row)
            assert abs(row @ way) == pytest.approx(furthest.sum(), abs=1e-5)


@pytest.fixture(scope="module")
def solved():
    """A linear network of sixteen values, images that it reads right, and how far each is from being misread."""
    generator = torch.Generator().manual_seed(5)
    weight, bias = torch.randn(4, 16, generator=generator), torch.zeros(4)
    weight[:, :4] = 0  # a gradient may point to few values
    classifier = linear(weight, bias)
    images = torch.rand(30, 1, 4, 4, generator=generator)
    with torch.no_grad():
        labels = classifier(images).argmax(1)
    pairs = zip(images.flatten(1).double().numpy(), labels.tolist(), strict=True)
    distances = [fooling_distance(weight.double().numpy(), bias.numpy(), image, label) for image, label in pairs]
    return classifier, images, labels, torch.tensor(distances, dtype=torch.float32)


ATTACKS = {
    "pgd": PGD(steps=50, leave=True),
    "apgd-margin": APGD(loss="margin"),
    "apgd-t": APGDTargeted(),
    "fab": FAB(steps=40),
    "fab-t": FAB(steps=40, targets=3),
    "square": Square(queries=300),
    "ensemble": AutoAttack(steps=40, queries=100),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_is_fooled_that_cannot_be(name, solved):
    classifier, images, labels, distances = solved
    for eps in (0.2, 0.6, 1.2):
        adversarial = replace(ATTACKS[name], threat=L1(eps))(classifier, images, labels)
        with torch.no_grad():
            fooled = classifier(adversarial).argmax(1) != labels
        assert not (fooled & (distances > eps * (1 + 1e-4))).any()


# untargeted FAB goes to the class that is nearest without the box, which need not be the nearest within it
@pytest.mark.parametrize(("name", "slack"), [("apgd-t", 1.15), ("fab-t", 1.02), ("ensemble", 1.02)])
def test_what_can_be_fooled_is(name, slack, solved):
    classifier, images, labels, distances = solved
    for eps in (0.2, 0.6, 1.2):
        within = distances * slack < eps
        assert within.any()
        adversarial = replace(ATTACKS[name], threat=L1(eps))(classifier, images, labels)
        with torch.no_grad():
            stands = classifier(adversarial).argmax(1) == labels
        assert not (within & stands).any()


def test_bytes_stay_within_the_ball():
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (50, 4, 5, 3), dtype=np.uint8)
    images = torch.from_numpy(pixels / np.float32(255))
    for eps in (0.01, 0.3, 2.0, 12.0):
        threat = L1(eps)
        moved = threat.project(images, images + torch.from_numpy(random.normal(0, 0.3, images.shape)).float())
        for before in (pixels, images.numpy() * 0.97):
            near = moved if before is pixels else threat.project(torch.from_numpy(before), moved)
            after = round_to_bytes(before, near.numpy(), threat)
            size = np.abs(after / 255 - (before / 255 if before is pixels else before)).sum((1, 2, 3))
            # an image of floats lies between bytes, each of which is up to half a byte away
            room = 0 if before is pixels else 0.5 / 255 * before[0].size
            assert (size <= eps + room + 1e-5).all()


def test_the_public_call_takes_the_norm(solved):
    classifier, images, labels, distances = solved
    result = ig.attack(classifier, images, labels, "apgd-t", eps=0.6, norm="l1")
    assert "L1, eps 0.6" in repr(result)
    assert not (result.fooled & (distances > 0.6 * (1 + 1e-4))).any()
    assert FGSM(threat=L1(0.6))(classifier, images, labels).shape == images.shape
    assert ig.attack(classifier, images, labels, "fgsm", norm="l1").eps == 12
    assert ig.attack(classifier, images, labels, FGSM(), norm="l1").eps == 12
    assert ig.attack(classifier, images, labels, FGSM(threat=L1(0.6))).eps == 0.6
    with pytest.raises(InputError, match="linf, l2, l1"):
        ig.attack(classifier, images, labels, "apgd-t", norm="l3")
