"""Adversarial weight perturbation, by hand and against the same step written into the weights."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ironglass.errors import InputError
from ironglass.harden import AWP, MART, NFGSM, TRADES, FGSMTraining, PGDTraining
from ironglass.models import Classifier
from ironglass.train.objective import CrossEntropy

OBJECTIVES = [NFGSM(), PGDTraining(), TRADES(), MART(), FGSMTraining()]


def test_by_hand():
    # one linear layer without bias, and eps 0: w = (2, 0), x = (0.5, 0)
    head = nn.Linear(2, 2, bias=False)
    head.weight.data = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    classifier = Classifier(
        nn.Sequential(nn.Flatten(), head), mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=(1, 2)
    )
    image, label = torch.tensor([0.5, 0.0]).view(1, 1, 1, 2), torch.tensor([0])
    loss, _ = AWP(objective=NFGSM(eps=0.0), gamma=0.1)(classifier.train(), image, label)
    # g = (p − 1, p')ᵀ xᵀ with p − 1 = −p': rows −s x and s x, of length s √2 ‖x‖; ‖w‖ = 2
    step = 0.1 * 2 / 2**0.5
    logits = torch.tensor([[0.5 * (2 - step), 0.5 * step]])
    torch.testing.assert_close(loss.detach(), F.cross_entropy(logits, label))


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda one: type(one).__name__)
def test_as_if_the_weights_had_been_written_to(objective, classifier, batch):
    gamma = 0.05
    before = copy.deepcopy(classifier.state_dict())
    torch.manual_seed(5)
    loss, logits = AWP(objective=objective, gamma=gamma)(classifier, *batch)
    loss.backward()
    after = classifier.state_dict()
    for name in before:
        assert torch.equal(before[name], after[name]) == ("running" not in name and "tracked" not in name)

    other = copy.deepcopy(classifier)
    other.load_state_dict(before)
    torch.manual_seed(5)
    adversarial = objective.perturb(other, *batch)
    other.zero_grad()
    twin = copy.deepcopy(other)
    first, _ = objective.loss(twin, batch[0], adversarial, batch[1])
    first.backward()
    with torch.no_grad():
        for weight, same in zip(other.parameters(), twin.parameters(), strict=True):
            if weight.ndim > 1:
                weight += gamma * weight.norm() * same.grad / same.grad.norm()
    expected, answers = objective.loss(other, batch[0], adversarial, batch[1])
    expected.backward()
    torch.testing.assert_close(loss.detach(), expected.detach())
    torch.testing.assert_close(logits, answers)
    for one, another in zip(classifier.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one.grad, another.grad, rtol=1e-3, atol=1e-5)
    for one, another in zip(classifier.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(one, another)
    assert expected > first  # the weights were made worse


def test_only_what_learns_is_moved(classifier, batch, watch):
    given = watch(classifier)
    classifier.network[0].weight.requires_grad_(False)
    classifier.network[4].weight.requires_grad_(False)
    torch.manual_seed(1)
    loss, _ = AWP(objective=NFGSM())(classifier, *batch)
    torch.manual_seed(1)
    plain, _ = NFGSM()(classifier, *batch)
    torch.testing.assert_close(loss, plain)
    assert given.forward == 4


def test_no_gamma_moves_nothing(classifier, batch):
    torch.manual_seed(1)
    loss, _ = AWP(objective=NFGSM(), gamma=0)(classifier, *batch)
    torch.manual_seed(1)
    torch.testing.assert_close(loss, NFGSM()(classifier, *batch)[0])


def test_an_objective_without_an_attack_is_refused():
    with pytest.raises(InputError, match="cannot go around CrossEntropy"):
        AWP(objective=CrossEntropy())
    with pytest.raises(InputError, match="gamma is nan"):
        AWP(objective=NFGSM(), gamma=float("nan"))
