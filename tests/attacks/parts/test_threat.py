"""What a threat allows, and that what it gives it allows."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ironglass.attacks import L2, THREATS, Linf
from ironglass.errors import InputError


@pytest.mark.parametrize("norm", THREATS)
@pytest.mark.parametrize("eps", [-0.1, math.nan, math.inf, "8/255", None])
def test_bad_eps_is_refused(norm, eps):
    with pytest.raises(InputError, match="eps is"):
        THREATS[norm](eps)


def test_bytes_are_refused_under_linf():
    with pytest.raises(InputError, match="8/255"):
        Linf(8)
    assert L2(8).eps == 8


def test_linf_by_hand():
    images = torch.tensor([0.0, 0.5, 1.0, 0.5]).view(1, 1, 2, 2)
    threat = Linf(0.25)
    moved = threat.project(images, torch.tensor([-1.0, 1.0, 0.5, 0.6]).view(1, 1, 2, 2))
    assert moved.flatten().tolist() == pytest.approx([0, 0.75, 0.75, 0.6])
    gradient = torch.tensor([-3.0, 0.0, 1e-30, 5.0]).view(1, 1, 2, 2)
    assert threat.step(gradient).flatten().tolist() == [-1, 0, 1, 1]
    assert threat.allows(images, moved).tolist() == [True]
    assert threat.allows(images, images + torch.tensor([0.25 + 1e-6, 0, 0, 0]).view(1, 1, 2, 2)).tolist() == [False]
    assert threat.allows(images, images + torch.tensor([-1e-6, 0, 0, 0]).view(1, 1, 2, 2)).tolist() == [False]


def test_l2_by_hand():
    images = torch.full((2, 1, 1, 2), 0.5)
    threat = L2(0.25)
    far = images + torch.tensor([[0.3, -0.4], [0.03, 0.04]]).view(2, 1, 1, 2)
    moved = threat.project(images, far)  # the first is 0.5 long and halved; the second is short and stays
    torch.testing.assert_close(moved - images, torch.tensor([[0.15, -0.2], [0.03, 0.04]]).view(2, 1, 1, 2))
    assert threat.allows(images, far).tolist() == [False, True]
    gradient = torch.tensor([[3e-30, 4e-30], [0.0, 0.0]]).view(2, 1, 1, 2)
    torch.testing.assert_close(threat.step(gradient).flatten(1), torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


@settings(deadline=None, max_examples=60)
@given(
    norm=st.sampled_from(list(THREATS)),
    eps=st.one_of(st.sampled_from([0.0, 1e-8, 8 / 255, 1.0]), st.floats(0, 1)),
    seed=st.integers(0, 2**31),
    spread=st.sampled_from([1e-6, 0.1, 3.0]),
)
def test_what_it_gives_it_allows(norm, eps, seed, spread):
    generator = torch.Generator().manual_seed(seed)
    threat, images = THREATS[norm](eps), torch.rand(5, 3, 7, 6, generator=generator)
    images[0], images[1] = 0, 1
    far = images + spread * torch.randn(images.shape, generator=generator)
    projected = threat.project(images, far)
    assert threat.allows(images, projected).all()
    torch.testing.assert_close(threat.project(images, projected), projected, rtol=0, atol=1e-6)
    assert threat.allows(images, threat.start(images, generator)).all()
    assert threat.allows(images, threat.project(images, images + eps * threat.step(far))).all()


def test_starts_are_uniform():
    generator = torch.Generator().manual_seed(0)
    images = torch.full((4000, 1, 1, 2), 0.5)
    linf = Linf(0.2).start(images, generator) - images
    assert linf.min() < -0.199
    assert linf.max() > 0.199
    assert abs(linf.mean()) < 0.01
    assert linf.var() == pytest.approx(0.4**2 / 12, rel=0.05)
    radius = torch.linalg.vector_norm((L2(0.2).start(images, generator) - images).flatten(1), dim=1)
    assert (radius**2).mean() == pytest.approx(0.2**2 / 2, rel=0.05)  # a uniform disc
