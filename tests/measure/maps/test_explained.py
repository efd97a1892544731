"""Public `explain`: a Tensor, or a dict of them by layer, that shows itself."""

import copy
import io
import json

import numpy as np
import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.errors import InputError
from ironglass.explain import GradCAM, Saliency
from ironglass.explain import explain as plain_maps
from ironglass.measure.maps.explained import Explanation, LayerMaps, MapTensor

torch.manual_seed(0)
NETWORK = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=2), nn.Flatten(), nn.Linear(36, 2))
CLASSIFIER = ig.Classifier(NETWORK, mean=(0.5,) * 3, std=(0.5,) * 3, classes=("cat", "dog"), input_size=9)
IMAGES, LABELS = torch.rand(5, 3, 9, 9), torch.tensor([0, 1, 0, 1, 1])


def test_one_map_an_image_is_a_tensor() -> None:
    maps = ig.explain(CLASSIFIER, IMAGES, LABELS, "saliency")
    plain = plain_maps(CLASSIFIER, IMAGES, LABELS, "saliency")
    assert isinstance(maps, MapTensor)
    assert isinstance(maps, Explanation)
    assert type(plain) is torch.Tensor
    assert torch.equal(maps, plain)
    for made in (maps[0], maps.abs(), maps + maps, torch.stack([maps, maps]), maps.clone(), copy.deepcopy(maps)):
        assert type(made) is torch.Tensor
    assert maps.numpy().shape == (5, 3, 9, 9)
    assert torch.equal(maps.images, IMAGES)
    assert torch.equal(maps.targets, LABELS)
    assert (maps.method, maps.classes, maps.layers) == ("saliency", ("cat", "dog"), ())
    same = ig.explain(CLASSIFIER, IMAGES, LABELS, Saliency())
    assert isinstance(same, MapTensor)
    assert torch.equal(same, maps)
    assert same.method == "Saliency"


def test_maps_by_layer_are_a_dict() -> None:
    maps = ig.explain(CLASSIFIER, IMAGES, LABELS)
    plain = plain_maps(CLASSIFIER, IMAGES, LABELS)
    assert isinstance(maps, LayerMaps)
    assert isinstance(plain, dict)
    assert list(maps) == list(plain) == list(maps.layers) == ["0", "2"]
    assert all(torch.equal(maps[name], plain[name]) for name in maps)
    assert type(maps["0"]) is torch.Tensor
    assert list(ig.explain(CLASSIFIER, IMAGES, LABELS, GradCAM(layers=("2",)))) == ["2"]


def test_files_hold_plain_tensors() -> None:
    for method in ("saliency", "grad-cam"):
        maps, file = ig.explain(CLASSIFIER, IMAGES, LABELS, method), io.BytesIO()
        torch.save(maps, file)
        file.seek(0)
        found = torch.load(file, weights_only=True)
        assert not isinstance(found, Explanation)
        pairs = [(found, maps)] if isinstance(maps, MapTensor) else [(found[name], maps[name]) for name in maps]
        assert pairs
        assert all(torch.equal(*pair) for pair in pairs)


def test_maps_are_short_in_words() -> None:
    maps = ig.explain(CLASSIFIER, IMAGES, LABELS, "saliency")
    assert isinstance(maps, MapTensor)
    low, high = (f"{float(one):.3g}" for one in (maps.min(), maps.max()))
    assert repr(maps) == str(maps) == f"MapTensor(saliency, 5 images, (5, 3, 9, 9), {low} to {high})"
    lines = repr(ig.explain(CLASSIFIER, IMAGES, LABELS)).splitlines()
    assert lines[0] == "LayerMaps(grad-cam, 5 images"
    assert [line.split()[0] for line in lines[1:]] == ["0", "2"]


def test_maps_show_themselves() -> None:
    maps = ig.explain(CLASSIFIER, IMAGES, LABELS, "saliency")
    assert isinstance(maps, MapTensor)
    figure = maps.show(2)
    photos = [np.asarray(axes.get_images()[0].get_array()) for axes in figure.axes if axes.get_images()]
    assert len(photos) == 4
    expected = (IMAGES[:2].permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)
    np.testing.assert_array_equal(photos[0], expected[0])
    np.testing.assert_array_equal(photos[2], expected[1])
    added = maps[:2].sum(1)
    assert figure.axes[-1].get_ylim()[1] == pytest.approx(float(added.abs().flatten().quantile(0.99)), rel=1e-5)
    high, low = (np.unravel_index(int(pick(added[0])), (9, 9)) for pick in (torch.argmax, torch.argmin))
    assert photos[1][high][0] > photos[1][high][2], "red for the class"
    assert photos[1][low][2] > photos[1][low][0], "blue against it"
    by_layer = ig.explain(CLASSIFIER, IMAGES, LABELS)
    titles = [axes.get_title("left") for axes in by_layer.show(1, ["2"]).axes]
    assert titles[:2] == ["for cat", "2"]
    assert by_layer.show(1, ["2"]).axes[-1].get_ylim()[0] == 0
    assert 'src="data:image/png;base64,' in by_layer._repr_html_()
    with pytest.raises(InputError, match="there is no layer '9'"):
        by_layer.show(layers=["9"])
    with pytest.raises(InputError, match="layers is '2': give a list"):
        by_layer.show(layers="2")
    with pytest.raises(InputError, match="images is 0"):
        maps.show(0)


def test_maps_become_json() -> None:
    plain = json.loads(json.dumps(ig.explain(CLASSIFIER, IMAGES, LABELS, "saliency").to_dict()))
    assert np.asarray(plain["maps"]).shape == (5, 3, 9, 9)
    assert plain["targets"] == LABELS.tolist()
    assert {*ig.explain(CLASSIFIER, IMAGES, LABELS).to_dict()["maps"]} == {"0", "2"}
