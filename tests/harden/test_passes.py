"""Under DistributedDataParallel every objective gives the gradients that it gives without."""

import copy
from collections.abc import Iterator

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ironglass.harden import OBJECTIVES
from ironglass.harden.passes import descended, keeping_buffers


@pytest.fixture(scope="module")
def one_process() -> Iterator[None]:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("name", [*OBJECTIVES, "awp"])
def test_wrapped_for_several_processes(name, one_process, classifier, batch, call, sized):
    alone = copy.deepcopy(classifier)
    wrapped = DistributedDataParallel(classifier)
    for model in (alone, wrapped):
        for _ in range(2):  # a second step finds a reducer that the first has left
            torch.manual_seed(2)
            model.zero_grad()
            loss, _ = call(sized(name, 0.1), model, *batch)
            loss.backward()
    for one, another in zip(alone.parameters(), classifier.parameters(), strict=True):
        torch.testing.assert_close(one.grad, another.grad)
    for one, another in zip(alone.buffers(), classifier.buffers(), strict=True):
        torch.testing.assert_close(one, another)


def test_a_descended_loss_hands_out_known_gradients():
    layer, other = nn.Linear(3, 1), nn.Linear(1, 1)
    other.bias.requires_grad_(False)
    x = torch.randn(4, 3, requires_grad=True)
    parameters = [*layer.parameters(), *other.parameters()]
    expected = torch.autograd.grad(layer(x).square().mean(), [x, layer.weight, layer.bias])
    loss, gradient = descended(layer(x).square().mean(), x, parameters)
    assert torch.equal(gradient, expected[0])
    assert all(parameter.grad is None for parameter in parameters)
    (2 * loss).backward()
    assert torch.equal(layer.weight.grad, 2 * expected[1])
    assert torch.equal(layer.bias.grad, 2 * expected[2])
    assert other.weight.grad is None  # it played no part
    assert x.grad is None


def test_buffers_are_kept_after_an_exception(classifier):
    before = [buffer.clone() for buffer in classifier.buffers()]
    with pytest.raises(KeyError), keeping_buffers(classifier):
        classifier(torch.rand(2, 3, 8, 8))
        assert not torch.equal(classifier.network[1].running_mean, before[2])
        raise KeyError
    for now, expected in zip(classifier.buffers(), before, strict=True):
        assert torch.equal(now, expected)
