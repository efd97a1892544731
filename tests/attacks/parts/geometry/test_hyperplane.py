"""The smallest change to a hyperplane, against general solvers and by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from ironglass.attacks import L1, L2, Linf
from ironglass.attacks.parts.geometry.hyperplane import dual_norm, is_linf, length, to_hyperplane, water_level
from ironglass.errors import InputError


def problem(seed, size, border):
    generator = np.random.default_rng(seed)
    points = generator.random(size)
    points[generator.random(size) < border] = generator.integers(2)
    normal = generator.normal(size=size) * (generator.random(size) > 0.2)
    return points, normal, float(generator.normal() * np.abs(normal).sum() / 3)


def solved(points, normal, offset, threat):
    arguments = [torch.tensor(value)[None] for value in (points, normal)]
    return to_hyperplane(*arguments, torch.tensor([offset], dtype=torch.float64), threat)[0].numpy()


def reach(points, normal, offset):
    return np.maximum(np.sign(offset) * normal * np.array([-points, 1 - points]), 0).max(0).sum()


@pytest.mark.parametrize("border", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(15))
def test_linf_is_what_a_linear_program_finds(seed, border):
    points, normal, offset = problem(seed, 12, border)
    change = solved(points, normal, offset, Linf(0.1))
    assert ((points + change >= 0) & (points + change <= 1)).all()
    if reach(points, normal, offset) <= abs(offset):
        assert normal @ change == pytest.approx(np.sign(offset) * reach(points, normal, offset))
        return
    assert normal @ change == pytest.approx(offset)
    eye, one = np.eye(12), np.ones((12, 1))
    best = linprog(  # (δ, t): t as small as can be, −t ≤ δ ≤ t
        np.r_[np.zeros(12), 1],
        A_ub=np.block([[eye, -one], [-eye, -one]]),
        b_ub=np.zeros(24),
        A_eq=np.r_[normal, 0][None],
        b_eq=[offset],
        bounds=[*zip(-points, 1 - points, strict=True), (0, None)],
    )
    assert np.abs(change).max() == pytest.approx(best.fun, abs=1e-9)


@pytest.mark.parametrize("border", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(15))
def test_l2_is_what_a_quadratic_program_finds(seed, border):
    points, normal, offset = problem(seed, 8, border)
    change = solved(points, normal, offset, L2(0.1))
    assert ((points + change >= 0) & (points + change <= 1)).all()
    if reach(points, normal, offset) <= abs(offset):
        assert normal @ change == pytest.approx(np.sign(offset) * reach(points, normal, offset))
        return
    assert normal @ change == pytest.approx(offset)
    best = minimize(
        lambda change: change @ change,
        np.zeros(8),
        jac=lambda change: 2 * change,
        bounds=list(zip(-points, 1 - points, strict=True)),
        constraints=SimpleNamespace(type="eq", fun=lambda d: normal @ d - offset, jac=lambda d: normal).__dict__,
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert best.success
    np.testing.assert_allclose(change, best.x, atol=2e-5)


def test_by_hand():
    points, normal = torch.tensor([[0.5, 0.9, 0.5]]), torch.tensor([[1.0, 1.0, 0.0]])
    # the second value stops after 0.1, the first goes the rest of the way, the third is not asked
    for threat in (Linf(0.1), L2(0.1)):
        change = to_hyperplane(points, normal, torch.tensor([0.4]), threat)
        torch.testing.assert_close(change, torch.tensor([[0.3, 0.1, 0.0]]))
        change = to_hyperplane(points, normal, torch.tensor([-0.2]), threat)
        torch.testing.assert_close(change, torch.tensor([[-0.1, -0.1, 0.0]]))
    steep = torch.tensor([[2.0, 1.0, 0.0]])
    change = to_hyperplane(points, steep, torch.tensor([-0.5]), L2(0.1))  # along the normal: −0.5 / 5 of it
    torch.testing.assert_close(change, torch.tensor([[-0.2, -0.1, 0.0]]))


@pytest.mark.parametrize("threat", [Linf(0.1), L2(0.1)])
def test_tiny_and_zero_normals(threat):
    points = torch.full((3, 4), 0.5)
    normal = torch.tensor([[1.0, 2.0, 3.0, 4.0]]) * torch.tensor([[1.0], [1e-30], [0.0]])
    offset = torch.tensor([1.0, 1e-30, 1.0])
    change = to_hyperplane(points, normal, offset, threat)
    torch.testing.assert_close(change[1], change[0])
    assert torch.equal(change[2], torch.zeros(4))


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**31), size=st.integers(1, 3000))
def test_single_precision_in_an_images_size(seed, size):
    generator = torch.Generator().manual_seed(seed)
    points, normal = torch.rand(2, size, generator=generator), torch.randn(2, size, generator=generator)
    points[1] = points[1].round()
    offset = normal.abs().sum(1) * torch.tensor([0.3, -0.1])
    for threat in (Linf(0.1), L2(0.1)):
        change = to_hyperplane(points, normal, offset, threat)
        found = (normal * change).sum(1).double()
        room = torch.where(normal * offset.sign()[:, None] > 0, 1 - points, points)
        furthest = (normal.abs() * room).sum(1) * offset.sign()
        expected = torch.where(furthest.abs() < offset.abs(), furthest, offset)
        torch.testing.assert_close(found, expected.double(), rtol=1e-4, atol=1e-4)


def test_water_level_by_hand():
    slope, knee = torch.tensor([[1.0, 2.0, 0.0], [1.0, 1.0, 1.0]]), torch.tensor([[1.0, 3.0, 0.5], [0.0, 0.5, 0.5]])
    assert water_level(slope, knee, torch.tensor([5.0, 2.0])).tolist() == [[2.0], [float("inf")]]


def test_norms():
    change = torch.tensor([[0.3, -0.4]])
    assert length(change, Linf(1)).item() == pytest.approx(0.4)
    assert length(change, L2(1)).item() == pytest.approx(0.5)
    assert length(change, L1(1)).item() == pytest.approx(0.7)
    assert dual_norm(change[None], L1(1)).item() == pytest.approx(0.4)
    assert dual_norm(change[None], Linf(1)).item() == pytest.approx(0.7)
    assert dual_norm(change[None], L2(1)).item() == pytest.approx(0.5)
    with pytest.raises(InputError, match="Linf, L2 and L1, not SimpleNamespace"):
        is_linf(SimpleNamespace(eps=1))
