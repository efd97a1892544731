"""Feature maps, and how they are tiled."""

import math

import pytest
import torch
from torch import nn

from ironglass.errors import InputError
from ironglass.explain import feature_maps, tile
from ironglass.models import Classifier


def test_a_layers_own_output_also_before_an_in_place_activation(relu_network):
    images = torch.rand(2, 3, 12, 12)
    classifier = relu_network(lambda: nn.ReLU(inplace=True)).train()
    found = feature_maps(classifier, images)
    assert list(found) == ["0", "4", "6"]
    assert classifier.training
    classifier.eval()
    first = classifier.network[0]((images - 0.4) / 0.3).detach()
    torch.testing.assert_close(found["0"], first)
    activated = feature_maps(classifier, images, ["2"])["2"]
    torch.testing.assert_close(activated, classifier.network[1](first).relu().detach())
    assert not activated.requires_grad


def test_without_convolutions_there_is_nothing_to_show(linear):
    with pytest.raises(InputError, match="no convolutional layer"):
        feature_maps(linear, torch.rand(1, 3, 4, 4))
    with pytest.raises(InputError, match="needs maps"):
        feature_maps(linear, torch.rand(1, 3, 4, 4), ["1"])


@pytest.fixture(scope="module")
def transformers():
    import timm

    torch.manual_seed(0)

    def classifier_of(name, size, **options):
        network = timm.create_model(name, num_classes=2, **options)
        return Classifier(network, mean=(0.5,) * 3, std=(0.5,) * 3, classes=("a", "b"), input_size=size)

    return {
        "vit": classifier_of("vit_tiny_patch16_224", 32, img_size=32, depth=2),
        "any size": classifier_of("vit_tiny_patch16_224", 32, img_size=32, depth=2, dynamic_img_size=True),
        "swin": classifier_of("swin_tiny_patch4_window7_224", 56, img_size=56, depths=(2, 1)),
        "registers": classifier_of("vit_tiny_patch16_224", 32, img_size=32, depth=1, reg_tokens=4),
    }


@pytest.mark.parametrize(("name", "extra"), [("vit", 1), ("registers", 5)])
def test_tokens_lie_on_their_grid_without_the_class_token(transformers, name, extra):
    classifier, images = transformers[name], torch.rand(2, 3, 32, 32)
    maps = feature_maps(classifier, images, ["blocks.0"])["blocks.0"]
    network = classifier.eval().network
    kept = []
    handle = network.blocks[0].register_forward_hook(lambda _m, _i, output: kept.append(output.detach()))
    classifier(images)
    handle.remove()
    assert maps.shape == (2, 192, 2, 2)
    assert torch.equal(maps[1, :, 0, 1], kept[0][1, extra + 1])
    assert torch.equal(maps[1, :, 1, 0], kept[0][1, extra + 2])


def test_grids_follow_the_image(transformers):
    maps = feature_maps(transformers["any size"], torch.rand(1, 3, 32, 64), ["patch_embed", "blocks.1"])
    assert maps["patch_embed"].shape == maps["blocks.1"].shape == (1, 192, 2, 4)


def test_channels_that_come_last_are_put_first(transformers):
    maps = feature_maps(transformers["swin"], torch.rand(1, 3, 56, 56), ["patch_embed.proj", "layers.0", "layers.1"])
    assert [tuple(found.shape[1:]) for found in maps.values()] == [(96, 14, 14), (96, 14, 14), (192, 7, 7)]
    convnext = nn.Sequential(nn.Conv2d(3, 5, 2, stride=2), nn.Identity())

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.norm = convnext, nn.LayerNorm(5)

        def forward(self, images):
            return self.norm(self.stem(images).permute(0, 2, 3, 1)).mean((1, 2))[:, :2]

    classifier = Classifier(Last(), mean=(0.5,) * 3, std=(0.5,) * 3, classes=("a", "b"), input_size=8)
    assert feature_maps(classifier, torch.rand(1, 3, 8, 12), ["norm"])["norm"].shape == (1, 5, 4, 6)


def test_what_is_no_map_is_refused(transformers):
    images = torch.rand(2, 3, 56, 56)
    with pytest.raises(InputError, match="needs maps"):
        feature_maps(transformers["vit"], images[..., :32, :32], ["fc_norm"])
    with pytest.raises(InputError, match="needs maps"):  # tokens by window, not by image
        feature_maps(transformers["swin"], images, ["layers.0.blocks.1.attn.qkv"])

    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, 2, 4, stride=4)
            self.norm = nn.LayerNorm(2)

        def forward(self, images):
            return self.norm(self.patches(images).flatten(2).mT).mean(1)

    classifier = Classifier(Tokens(), mean=(0.5,) * 3, std=(0.5,) * 3, classes=("a", "b"), input_size=8)
    # what the network does not say is seen
    assert feature_maps(classifier, images[..., :24], ["norm"])["norm"].shape == (2, 2, 14, 6)


def test_tiles_by_hand():
    maps = torch.arange(1.0, 13).reshape(3, 2, 2)
    tiling = tile(maps, columns=2)
    nan = math.nan
    expected = torch.tensor(
        [
            [1, 2, nan, 5, 6],
            [3, 4, nan, 7, 8],
            [nan, nan, nan, nan, nan],
            [9, 10, nan, nan, nan],
            [11, 12, nan, nan, nan],
        ]
    )
    assert torch.equal(tiling.picture.nan_to_num(-1), expected.nan_to_num(-1))
    assert (tiling.low, tiling.high, tiling.signed) == (0, 12, False)
    signed = tile(torch.tensor([[[-3.0, 2.0]]]))
    assert (signed.low, signed.high, signed.signed) == (-3, 3, True)
    assert tile(torch.rand(16, 4, 4), gap=0).picture.shape == (16, 16)
    assert tile(torch.rand(2, 4, 5), columns=9, gap=2).picture.shape == (4, 12)


@pytest.mark.parametrize(("shape", "settings"), [((2, 2), {}), ((0, 2, 2), {}), ((1, 2, 2), {"columns": 0})])
def test_bad_tiles_are_refused(shape, settings):
    with pytest.raises(InputError, match="give"):
        tile(torch.rand(*shape), **settings)
