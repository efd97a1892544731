"""Insertion, deletion, sensitivity and ground truth, by hand."""

import math
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from ironglass.errors import InputError
from ironglass.explain import Saliency, upsample
from ironglass.measure.maps.attribution import (
    deletion,
    image_maps,
    insertion,
    mass_inside,
    pointing_game,
    positions_from_highest,
    sensitivity,
)
from ironglass.models import Classifier


class Weighed(nn.Module):
    """The probability of class 1 is the sum of weight · image, of 4 pixels."""

    weight = torch.tensor([[0.4, 0.3], [0.2, 0.1]])

    def forward(self, images):
        share = (images[:, 0] * self.weight).sum((1, 2)).clamp(1e-9, 1 - 1e-9)
        return torch.stack((torch.log(1 - share), torch.log(share)), 1)


@pytest.fixture
def classifier() -> Classifier:
    return Classifier(Weighed(), mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=2)


IMAGES, ONES = torch.ones(2, 1, 2, 2), torch.ones(2, dtype=torch.int64)


def test_insertion_and_deletion_by_hand(classifier):
    maps = torch.stack((Weighed.weight, -Weighed.weight))  # the right order and its reverse
    # right: 0, .4, .7, .9, 1 by trapezoids; reverse: 0, .1, .3, .6, 1
    found = insertion(classifier, IMAGES, ONES, maps, steps=4, fill="black")
    torch.testing.assert_close(found, torch.tensor([2.5, 1.5]) / 4)
    torch.testing.assert_close(insertion(classifier, IMAGES, ONES, maps, steps=1, fill="black"), torch.full((2,), 0.5))
    # right: 1, .6, .3, .1, 0
    found = deletion(classifier, IMAGES, ONES, maps, steps=4, fill="black")
    torch.testing.assert_close(found, torch.tensor([1.5, 2.5]) / 4)
    # to grey: p = .5 + half of what is left
    found = deletion(classifier, IMAGES, ONES, maps, steps=4)
    torch.testing.assert_close(found, 0.5 + torch.tensor([1.5, 2.5]) / 8)
    # the other class: 1 − p
    found = insertion(classifier, IMAGES, 0 * ONES, maps, steps=4, fill="black")
    torch.testing.assert_close(found, 1 - torch.tensor([2.5, 1.5]) / 4)


def test_many_images_in_chunks_are_as_one_by_one(classifier, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    images, maps = torch.rand(7, 1, 2, 2, generator=generator), torch.rand(7, 2, 2, generator=generator)
    targets = torch.arange(7) % 2
    whole = deletion(classifier, images, targets, maps, steps=3)
    monkeypatch.setattr("ironglass.measure.maps.attribution.pass_size", lambda *_: 3)
    torch.testing.assert_close(deletion(classifier, images, targets, maps, steps=3), whole)
    for i in range(7):
        one = deletion(classifier, images[i : i + 1], targets[i : i + 1], maps[i : i + 1], steps=3)
        torch.testing.assert_close(one, whole[i : i + 1])


def test_equal_pixels_come_scattered_and_always_the_same():
    maps = torch.zeros(2, 8, 8)
    maps[1, 3, 4] = 1
    place = positions_from_highest(maps)
    assert place.sort(1).values.tolist() == [list(range(64))] * 2
    assert place[1, 3 * 8 + 4] == 0
    assert place.equal(positions_from_highest(maps))
    first = place[0].view(8, 8) < 16  # neither the upper rows nor any other quarter
    assert first.any(0).sum() > 5
    assert first.any(1).sum() > 5


def test_maps_of_an_image():
    maps = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(image_maps(maps, (4, 4)), maps.sum(1))
    torch.testing.assert_close(image_maps(maps, (4, 4), absolute=True), maps.abs().sum(1))
    torch.testing.assert_close(image_maps(maps, (8, 6)), upsample(maps.sum(1, keepdim=True), (8, 6))[:, 0])
    layers = {"early": maps[:, :1] * 0, "late": maps[:, :1], "pooled": torch.ones(2, 1, 1, 1)}
    torch.testing.assert_close(image_maps(layers, (4, 4)), maps[:, 0])
    assert image_maps({"pooled": torch.ones(2, 1, 1, 1)}, (4, 4)).equal(torch.ones(2, 4, 4))


@dataclass(frozen=True)
class Multiple:
    """A map that is the image times a number."""

    by: float

    def __call__(self, classifier, images, targets):
        return self.by * images


def test_sensitivity_by_hand(classifier):
    images = torch.full((3, 1, 2, 2), 0.5)
    images[1] = 1  # clipped: noise only lowers it
    images[2] = 0
    targets = torch.zeros(3, dtype=torch.int64)

    def found(explainer, images, **settings):
        return sensitivity(classifier, images, targets[: len(images)], explainer, explainer(0, images, 0), **settings)

    noisy = found(Multiple(3.0), images, draws=200, radius=0.1)
    # within the longest noise there is, and near it after 200 draws of 4 numbers
    assert 0.15 < noisy[0] <= 0.2
    assert 0.07 < noisy[1] <= 0.1
    assert math.isnan(noisy[2])
    torch.testing.assert_close(found(Multiple(7.0), images[:2], draws=200, radius=0.1), noisy[:2])
    assert found(Multiple(1.0), images[:1]).equal(found(Multiple(1.0), images[[0, 1]])[:1])
    assert found(Multiple(1.0), images[:1], seed=1) != found(Multiple(1.0), images[:1])
    shown = image_maps(images, (2, 2))
    assert sensitivity(classifier, images[:1], targets[:1], Multiple(1.0), shown[:1]).equal(
        found(Multiple(1.0), images[:1])
    )


def test_a_linear_network_has_steady_gradients():
    head = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    linear = Classifier(head, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=2)
    maps = Saliency()(linear, IMAGES, ONES)
    assert sensitivity(linear, IMAGES, ONES, Saliency(), maps).tolist() == [0, 0]


def test_pointing_game():
    maps = torch.zeros(4, 3, 3)
    maps[0, 1, 1] = maps[1, 0, 0] = maps[3, 1, 1] = maps[3, 0, 0] = 1
    masks = torch.zeros(4, 3, 3, dtype=torch.bool)
    masks[:, 1, 1] = True
    # inside, outside, constant, one inside and one outside
    assert pointing_game(maps, masks).tolist() == [True, False, False, False]


def test_mass_inside():
    maps = torch.tensor([[[3.0, 1.0], [-4.0, 0.0]], [[0.0, -1.0], [-1.0, 0.0]]])
    masks = torch.tensor([[True, False], [True, False]]).expand(2, 2, 2)
    torch.testing.assert_close(mass_inside(maps, masks), torch.tensor([0.75, 0.5]))  # without any: the area's share
    torch.testing.assert_close(mass_inside(maps, masks, absolute=True), torch.tensor([7 / 8, 0.5]))


def test_bad_input_is_refused(classifier):
    with pytest.raises(InputError, match="image_maps"):
        insertion(classifier, IMAGES, ONES, torch.zeros(2, 1, 2, 2))
    with pytest.raises(InputError, match="0 steps"):
        deletion(classifier, IMAGES, ONES, torch.zeros(2, 2, 2), steps=0)
    with pytest.raises(InputError, match="radius 0"):
        sensitivity(classifier, IMAGES, ONES, Saliency(), IMAGES, radius=0)
    with pytest.raises(InputError, match="masks"):
        mass_inside(torch.zeros(1, 2, 2), torch.zeros(1, 3, 3, dtype=torch.bool))
    with pytest.raises(InputError, match="as bool"):
        pointing_game(torch.zeros(1, 2, 2), torch.zeros(1, 2, 2))
