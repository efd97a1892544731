"""A clamp in place is `hardtanh_` bit for bit, and so are its gradients, at the bounds and beyond."""

import pytest
import torch
from torch.nn import functional as F

from ironglass.engine.kernels.clamp import clamp_in_place


@pytest.mark.parametrize(("low", "high"), [(0.0, 6.0), (-1.0, 1.0)])
def test_it_is_hardtanh_and_so_are_its_gradients(low, high):
    torch.manual_seed(0)
    values = 4 * torch.randn(2, 3, 5, 5)
    values[0, 0, 0] = torch.tensor([low, high, torch.nan, torch.inf, -torch.inf])
    weights = torch.randn(2, 3, 5, 5)
    results = []
    for act in (lambda x: F.hardtanh(x, low, high, inplace=True), lambda x: clamp_in_place(x, low, high)):
        x = values.clone().requires_grad_()
        inner = x * 1
        out = act(inner)
        assert out.data_ptr() == inner.data_ptr()
        (gradient,) = torch.autograd.grad((out * weights).sum(), x)
        results.append((out.detach(), gradient))
    for plain, ours in zip(*results, strict=True):
        assert torch.equal(plain.nan_to_num(7), ours.nan_to_num(7))


def test_without_a_graph_it_works_in_place_too():
    x = torch.tensor([-1.0, 3.0, 9.0])
    assert clamp_in_place(x, 0.0, 6.0) is x
    assert x.tolist() == [0, 3, 6]


def test_the_gradient_can_be_differentiated_again():
    x = torch.randn(4, requires_grad=True)

    def squared(x):
        return clamp_in_place((x * x) * 1, 0.0, 6.0)

    assert torch.autograd.gradgradcheck(squared, x.detach().double().requires_grad_())


def test_its_step_of_the_graph_has_the_name_and_the_bounds_of_torchs():
    x = torch.randn(4, requires_grad=True)
    plain, ours = F.hardtanh(x * 1, 0, 6, inplace=True).grad_fn, clamp_in_place(x * 1, 0.0, 6.0).grad_fn
    assert ours.name() == plain.name().rstrip("0")
    assert (ours._saved_min_val, ours._saved_max_val) == (plain._saved_min_val, plain._saved_max_val)
