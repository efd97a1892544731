"""RISE: the paper's sum written out, and what its masks are."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ironglass.errors import InputError
from ironglass.explain import RISE
from ironglass.explain.methods import rise
from ironglass.explain.parts import masked
from ironglass.models import Classifier


def test_the_published_sum(relu_network, monkeypatch):
    classifier, images, targets = relu_network(), torch.rand(3, 3, 12, 12), torch.tensor([0, 2, 1])
    explainer = RISE(budget=70, cells=3, share=0.4, seed=5)
    masks = explainer.masks(70, (12, 12), torch.Generator().manual_seed(5))
    normalised = (images - 0.4) / 0.3
    expected = torch.zeros(3, 1, 12, 12)
    with torch.no_grad():
        for mask in masks:
            probabilities = classifier.network(normalised * mask).softmax(1)
            expected += probabilities.gather(1, targets[:, None])[:, :, None, None] * mask / 70 / 0.4
    torch.testing.assert_close(explainer(classifier, images, targets), expected)
    monkeypatch.setattr(masked, "VALUES", 7 * 432)  # seven at a time
    torch.testing.assert_close(explainer(classifier, images, targets), expected)


def test_masks_are_cropped_grids(monkeypatch):
    explainer = RISE(cells=3, share=0.25)
    masks = explainer.masks(600, (12, 18), torch.Generator().manual_seed(0))
    assert masks.shape == (600, 1, 12, 18)
    assert masks.min() == 0
    assert masks.max() == 1
    assert abs(float(masks.mean()) - 0.25) < 0.02  # every pixel is shown as often
    assert float((masks.mean(0) - 0.25).abs().max()) < 0.06
    # by the authors' steps: a grid of 3 × 5 cells of 4 pixels, 4 × 6 cells large, cropped within the first cell
    generator = torch.Generator().manual_seed(3)
    grid = (torch.rand(1, 1, 3, 5, generator=generator) < 0.25).float()
    large = F.interpolate(grid, size=(16, 24), mode="bilinear")
    top, left = torch.randint(0, 4, (1, 2), generator=generator)[0]
    found = explainer.masks(1, (12, 18), torch.Generator().manual_seed(3))
    torch.testing.assert_close(found, large[:, :, top : top + 12, left : left + 18])


def test_it_finds_the_place_that_counts():
    # the probability is σ(4 (x − ½)) of the middle pixel
    head = nn.Linear(81, 2)
    head.weight.data.zero_()
    head.bias.data = torch.tensor([-2.0, 0.0])
    head.weight.data[0, 40] = 4
    network = nn.Sequential(nn.Flatten(), head)
    classifier = Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=9)
    maps = RISE(budget=400, cells=3)(classifier, torch.ones(1, 1, 9, 9), torch.tensor([0]))
    assert int(maps.argmax()) == 40


def test_masks_are_made_a_part_at_a_time(relu_network, monkeypatch):
    classifier, images, targets = relu_network(), torch.rand(1, 3, 12, 12), torch.tensor([1])
    monkeypatch.setattr(rise, "MASKS", 30)
    generator = torch.Generator().manual_seed(0)
    masks = torch.cat([RISE().masks(n, (12, 12), generator) for n in (30, 30, 10)])
    with torch.no_grad():
        scores = classifier(0.4 + masks * (images - 0.4)).softmax(1)[:, 1]
    expected = (scores[:, None, None, None] * masks).mean(0, keepdim=True) / 0.5
    torch.testing.assert_close(RISE(budget=70)(classifier, images, targets), expected)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"budget": 0}, "at least 1"),
        ({"share": 1.0}, "above 0 and below 1"),
        ({"score": "logit"}, "choose from probability, right"),
    ],
)
def test_wrong_settings_are_refused(fields, said):
    with pytest.raises(InputError, match=said):
        RISE(**fields)
