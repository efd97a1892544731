"""NASNet-A Mobile: its size, and that it is timm's Large with four cells a group."""

import pytest
import torch
from timm.models.nasnet import NASNetALarge

from ironglass.errors import InputError
from ironglass.explain import explain
from ironglass.models.loading.load import load_classifier
from ironglass.models.zoo.nasnet_mobile import NASNetMobile

SMALL = 96  # features; the published network has 1056


def test_it_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        network = NASNetMobile(classes=1000)
    assert sum(parameter.numel() for parameter in network.parameters()) == 5_289_978


def test_it_computes_what_timms_large_computes_with_as_many_cells() -> None:
    torch.manual_seed(0)
    ours, theirs = NASNetMobile(classes=5, features=SMALL), NASNetALarge(5, stem_size=32, num_features=SMALL)
    left_out = {"cell_4", "cell_5", "cell_10", "cell_11", "cell_16", "cell_17"}
    theirs.layer_names = [name for name in theirs.layer_names if name not in left_out]
    theirs.feature_ends = [0, 1, 6, 11, 16]  # where it taps its features: the last of each group
    for name in ("conv0", "cell_stem_0", "cell_stem_1", "last_linear"):
        getattr(theirs, name).load_state_dict(getattr(ours, name).state_dict())
    cells = [name for name in theirs.layer_names if name.removeprefix("reduction_").startswith("cell_")]
    of_theirs = [getattr(theirs, name) for name in cells if "stem" not in name]
    for cell, theirs_cell in zip(ours.cells.values(), of_theirs, strict=True):
        theirs_cell.load_state_dict(cell.state_dict())
    images = torch.rand(2, 3, 40, 40)
    with torch.no_grad():
        maps, _ = theirs.eval().forward_intermediates(images)
        expected = theirs.last_linear(theirs.global_pool(maps))
        torch.testing.assert_close(ours.eval()(images), expected)


def test_every_parameter_learns_and_every_layer_can_be_looked_at() -> None:
    classifier = load_classifier("nasnet-mobile", classes=("a", "b", "c"), size=32, features=SMALL)
    classifier.train()(torch.rand(2, 3, 32, 32)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in classifier.parameters())
    classifier.eval()
    assert next(iter(classifier.layers())) == "conv0.conv"
    assert list(classifier.layers())[-1] == "last_linear"
    maps = explain(classifier, torch.rand(1, 3, 32, 32), torch.tensor([1]), method="grad-cam")
    assert list(maps) == list(classifier.convolutions())
    assert maps["conv0.conv"].shape == (1, 1, 15, 15)
    assert all(one.isfinite().all() for one in maps.values())
    assert (classifier.mean.unique(), classifier.std.unique()) == (torch.tensor([0.5]), torch.tensor([0.5]))


def test_it_has_no_published_weights() -> None:
    with pytest.raises(InputError, match="nasnet-mobile has no published weights"):
        load_classifier("nasnet-mobile", classes=("a", "b"), pretrained=True)
