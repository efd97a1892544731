"""Free training, against its algorithm written out with the parameters' own `.grad`."""

import copy

import torch
from torch.nn import functional as F

from ironglass.harden import Free


def descend(classifier):
    with torch.no_grad():
        for parameter in classifier.parameters():
            parameter -= 0.05 * parameter.grad
            parameter.grad = None


def test_replays_are_those_of_the_paper(classifier, batch):
    images, labels = batch
    eps, replays = 0.1, 3
    other = copy.deepcopy(classifier)
    change = torch.zeros_like(images)
    delta = torch.zeros_like(images)
    for _ in range(2 * replays):  # two batches, the change handed on as in the paper
        loss, logits, change = Free(eps=eps).replay(classifier, images, labels, change)
        loss.backward()
        descend(classifier)

        delta.requires_grad_()
        answer = other((images + delta).clamp(0, 1))
        expected = F.cross_entropy(answer, labels)
        expected.backward()
        descend(other)
        delta = (delta.detach() + eps * delta.grad.sign()).clamp(-eps, eps)

        torch.testing.assert_close(loss.detach(), expected.detach(), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(logits, answer.detach(), rtol=1e-4, atol=1e-4)
        assert (change != delta).float().mean() < 0.01  # a sign at 0 can fall either way
    for one, another in zip(classifier.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, another, rtol=1e-3, atol=1e-4)


def test_a_replay_does_not_write_to_what_it_is_handed(classifier, batch):
    change = torch.full_like(batch[0], 0.02)
    Free(eps=0.1).replay(classifier, *batch, change)
    assert torch.equal(change, torch.full_like(change, 0.02))
    assert not change.requires_grad


def test_the_replays_of_a_batch_share_a_change_and_those_of_its_parts_do_not(classifier, batch):
    images, labels = batch
    given = []
    classifier.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0].detach().clone()))
    objective = Free(eps=0.1).replayed()
    first, second = images[:2].clone(), images[2:4].clone()
    for part, theirs in ((first, labels[:2]), (second, labels[2:4])) * 2:
        loss, _ = objective(classifier, part, theirs)
        loss.backward()
    before, _, after, _ = given
    change = Free(eps=0.1).replay(classifier, first, labels[:2], before - first)[2]
    inside = (before > 0) & (before < 1)  # elsewhere clipping hides how far the change went
    torch.testing.assert_close(after[inside], (first + change).clamp(0, 1)[inside])
    assert (after - first).abs().max() <= 0.1 + 1e-6
