"""Expected gradients: a linear network's closed form, the paper's sum by plain autograd, completeness."""

import pytest
import torch

from ironglass.errors import InputError, Notice
from ironglass.explain import ExpectedGradients
from ironglass.explain.parts import gradient


def test_of_a_linear_network_it_is_the_weight_times_the_way_from_the_mean_baseline(linear, weight):
    images, targets = torch.rand(2, 3, 4, 4), torch.tensor([2, 0])
    reference = torch.rand(1, 3, 4, 4)
    maps = ExpectedGradients(references=reference, samples=3)(linear, images, targets)
    torch.testing.assert_close(maps, weight[targets] * (images - reference))


def test_the_published_mean(relu_network, monkeypatch):
    classifier, images, targets = relu_network(), torch.rand(3, 3, 12, 12), torch.tensor([0, 2, 1])
    references = torch.rand(5, 3, 12, 12)
    explainer = ExpectedGradients(references=references, samples=7, seed=4)
    generator = torch.Generator().manual_seed(4)
    index = torch.randint(5, (7,), generator=generator)
    along = (torch.randperm(7, generator=generator) + torch.rand(7, generator=generator)) / 7
    assert sorted((along * 7).long().tolist()) == list(range(7))  # one in each seventh
    expected = torch.zeros_like(images)
    for i, a in zip(index, along, strict=True):
        point = (references[i] + a * (images - references[i])).requires_grad_()
        score = classifier(point).gather(1, targets[:, None]).sum()
        expected += (images - references[i]) * torch.autograd.grad(score, point)[0] / 7
    for room in (gradient.AUTOGRAD_BYTES, 100_000):
        monkeypatch.setattr(gradient, "SMALL_BATCH_VALUES", 0)
        monkeypatch.setattr(gradient, "AUTOGRAD_BYTES", room)
        maps = explainer(classifier, images, targets)
        torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-6)


def test_maps_sum_to_what_sets_the_image_apart(relu_network):
    classifier, images, targets = relu_network(), torch.rand(2, 3, 12, 12), torch.tensor([0, 2])
    references = torch.rand(4, 3, 12, 12)
    explainer = ExpectedGradients(references=references, samples=2000)
    maps = explainer(classifier, images, targets)
    with torch.no_grad():
        change = classifier(images).gather(1, targets[:, None])[:, 0] - classifier(references).mean(0)[targets]
    torch.testing.assert_close(maps.sum((1, 2, 3)), change, atol=float(0.1 * change.abs().max()), rtol=0)
    assert float((explainer.gap(classifier, images, targets, maps) / change).abs().max()) < 0.05


def test_without_references_a_notice_says_what_it_starts_from(linear):
    images, targets = torch.rand(1, 3, 4, 4), torch.tensor([0])
    with pytest.warns(Notice, match="start from images of one random colour: give references"):
        maps = ExpectedGradients(samples=2)(linear, images, targets)
    assert maps.any()
    assert "give references" in ExpectedGradients().note()
    assert not ExpectedGradients(references=images).note()


def test_what_does_not_fit_is_refused(linear):
    images, targets = torch.rand(1, 3, 4, 4), torch.tensor([0])
    with pytest.raises(InputError, match=r"references are \(2, 3, 5, 5\) and images \(1, 3, 4, 4\)"):
        ExpectedGradients(references=torch.rand(2, 3, 5, 5))(linear, images, targets)
    with pytest.raises(InputError, match="range from"):
        ExpectedGradients(references=images * 3)(linear, images, targets)
    with pytest.raises(InputError, match="at least 1"):
        ExpectedGradients(samples=0)
