"""Quality of methods: the numbers are those of the parts, and better maps have better ones."""

import json

import pytest
import torch
from torch import nn

from ironglass.data.sources.planted import evidence, planted_split
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS, GradCAM, InputXGradient, IntegratedGradients, Occlusion, Saliency
from ironglass.measure.maps.attribution import deletion, image_maps, insertion, mass_inside, pointing_game
from ironglass.measure.maps.quality import quality
from ironglass.models import Classifier


@pytest.fixture
def curved() -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 3))
    return Classifier(network, mean=(0.0,), std=(1.0,), classes=tuple("abc"), input_size=8).eval()


def test_every_number_and_its_absence(curved):
    images, targets = torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 2, 0])
    steps = []
    methods = {"saliency": Saliency(), "ig": IntegratedGradients(steps=40), "cam": GradCAM()}
    found = quality(curved, images, targets, methods, progress=lambda *step: steps.append(step))
    assert json.loads(json.dumps(found)) == found
    assert found["n"] == 4
    assert list(found["methods"]) == list(methods)
    for numbers in found["methods"].values():
        assert set(numbers) == {"insertion", "deletion", "sensitivity", "gap", "seconds"}
        assert 0 <= numbers["insertion"]["low"] <= numbers["insertion"]["high"] <= 1
        assert numbers["sensitivity"]["value"] > 0
        assert numbers["seconds"] > 0
    assert found["methods"]["ig"]["gap"]["value"] < 1e-3
    assert found["methods"]["cam"]["gap"] is None
    assert set(found["controls"]) == {"random", "edges"}
    assert set(found["sanity"]["methods"]) == set(methods)
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]
    # a gradient's size orders the pixels, an attribution's sign does
    absolute = image_maps(Saliency()(curved, images, targets), (8, 8), absolute=True)
    assert found["methods"]["saliency"]["insertion"]["value"] == pytest.approx(
        insertion(curved, images, targets, absolute).mean().item(), abs=1e-6
    )
    signed = image_maps(IntegratedGradients(steps=40)(curved, images, targets), (8, 8))
    assert found["methods"]["ig"]["deletion"]["value"] == pytest.approx(
        deletion(curved, images, targets, signed).mean().item(), abs=1e-6
    )


def test_class_activation_maps_stand_in_both_tables(curved):
    images, targets = torch.rand(12, 1, 8, 8), torch.tensor([0, 1, 2] * 4)
    methods = {name: EXPLAINERS[name] for name in ("layer-cam", "hires-cam", "score-cam")}
    found = quality(curved, images, targets, methods)
    for name, numbers in found["methods"].items():
        maps = image_maps(methods[name](curved, images, targets), (8, 8))
        assert numbers["insertion"]["value"] == pytest.approx(
            insertion(curved, images, targets, maps).mean().item(), abs=1e-6
        )
        assert found["sanity"]["methods"][name]["verdict"] in ("passes", "fails", "unclear")
    assert found["sanity"]["controls"]["random"]["verdict"] == "passes"


def test_one_image_and_a_map_of_zeros(curved):
    class Nothing:
        def __call__(self, classifier, images, targets):
            return torch.zeros_like(images)

    found = quality(curved, torch.rand(1, 1, 8, 8), torch.tensor([1]), {"nothing": Nothing()})
    assert found["sanity"] is None
    assert found["methods"]["nothing"]["sensitivity"] is None
    curved.network[3].bias.data[1] = torch.nan
    curved.network[3].weight.data[1] = torch.nan
    with pytest.raises(InputError, match="not finite"):
        quality(curved, torch.rand(1, 1, 8, 8), torch.tensor([1]), {"saliency": Saliency()})
    with pytest.raises(InputError, match="labels range"):
        quality(curved, torch.rand(1, 1, 8, 8), torch.tensor([3]), {})


def test_maps_of_a_network_that_sees_shapes_beat_the_controls(honest):
    split = planted_split("test", 16)
    images, labels = split[:]
    masks = torch.from_numpy(evidence(split))
    area = masks.float().mean().item()
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(len(split), 32, 32, generator=generator)
    assert mass_inside(noise, masks).mean().item() == pytest.approx(area, abs=0.03)
    for explainer in (InputXGradient(), Occlusion(patch=8, stride=4)):
        maps = image_maps(explainer(honest, images, labels), (32, 32))
        assert mass_inside(maps, masks).mean() > 1.5 * area
        assert pointing_game(maps, masks).float().mean() > 2 * area
        assert (
            deletion(honest, images, labels, maps, steps=10).mean()
            < deletion(honest, images, labels, noise, steps=10).mean()
        )
