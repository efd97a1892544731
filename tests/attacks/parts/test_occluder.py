"""The square of any pixels."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ironglass.attacks import PGD, Occluder
from ironglass.attacks.parts.occluder import covered
from ironglass.errors import InputError
from ironglass.models import Classifier


@pytest.mark.parametrize("size", [0, -3, 2.5, None])
def test_bad_sizes_are_refused(size):
    with pytest.raises(InputError, match="size is"):
        Occluder(size)


def test_a_square_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match="9 pixels does not fit into 8×12"):
        Occluder(9).start(torch.rand(1, 3, 8, 12), torch.Generator())


def test_covered_by_hand():
    mask = covered(torch.tensor([[0, 1], [1, 0]]), 2, torch.zeros(2, 3, 3, 3))
    assert mask.int().tolist() == [[[[0, 1, 1], [0, 1, 1], [0, 0, 0]]], [[[0, 0, 0], [1, 1, 0], [1, 1, 0]]]]


def test_allows_by_hand():
    images = torch.full((5, 1, 4, 4), 0.5)
    changed = images.clone()
    changed[1, 0, 1:3, 2:4] = torch.tensor([[0.0, 1.0], [0.3, 0.6]])
    changed[2, 0, 0, 0] = changed[2, 0, 1, 2] = 0.0  # three columns wide
    changed[3, 0, 0, 3] = changed[3, 0, 2, 3] = 0.0  # three rows high
    changed[4, 0, 0, 0] = 1.1
    assert Occluder(2).allows(images, changed).tolist() == [True, True, False, False, False]
    assert Occluder(3).allows(images, changed).tolist() == [True, True, True, True, False]


def test_project_keeps_the_square_of_most_change():
    images = torch.full((1, 1, 3, 4), 0.5)
    changed = images.clone()
    changed[0, 0, 0, 0], changed[0, 0, 2, 2], changed[0, 0, 1, 3] = 0.9, 0.8, 3.0  # clipped to 1, it is 0.5 of change
    kept = Occluder(2).project(images, changed)
    expected = images.clone()
    expected[0, 0, 2, 2], expected[0, 0, 1, 3] = 0.8, 1.0
    assert torch.equal(kept, expected)


@settings(deadline=None, max_examples=40)
@given(size=st.integers(1, 6), seed=st.integers(0, 2**31), spread=st.sampled_from([1e-6, 0.1, 3.0]))
def test_what_it_gives_it_allows(size, seed, spread):
    generator = torch.Generator().manual_seed(seed)
    threat, images = Occluder(size), torch.rand(5, 3, 7, 6, generator=generator)
    images[0], images[1] = 0, 1
    far = images + spread * torch.randn(images.shape, generator=generator)
    projected = threat.project(images, far)
    assert threat.allows(images, projected).all()
    assert torch.equal(threat.project(images, projected), projected)
    assert threat.allows(images, threat.start(images, generator)).all()


def test_starts_are_anywhere():
    images = torch.full((4000, 1, 4, 5), 2.0)  # a value that no noise has
    started = Occluder(3).start(images, torch.Generator().manual_seed(0)) < 2
    assert (started.flatten(1).sum(1) == 9).all()
    places = started.flatten(1).int().argmax(1).bincount(minlength=10)
    assert places[[0, 1, 2, 5, 6, 7]].tolist() == pytest.approx([4000 / 6] * 6, rel=0.15)


def test_projected_ascent_stays_in_its_square_and_climbs():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4))
    classifier = Classifier(network, mean=(0.5,) * 3, std=(0.2,) * 3, classes=tuple("abcd"), input_size=8)
    images, labels = torch.rand(10, 3, 8, 8), torch.randint(4, (10,))
    threat = Occluder(3)
    adversarial = PGD(threat=threat, steps=20)(classifier, images, labels)
    started = PGD(threat=threat, steps=1, step_size=1e-9)(classifier, images, labels)
    assert threat.allows(images, adversarial).all()

    def loss(images):
        with torch.no_grad():
            return torch.nn.functional.cross_entropy(classifier.eval()(images), labels, reduction="none")

    assert (loss(adversarial) > loss(started)).all()
