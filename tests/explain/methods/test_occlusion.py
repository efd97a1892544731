"""Occlusion: by hand on a linear classifier, and against Captum."""

import pytest
import torch
from captum.attr import Occlusion as CaptumOcclusion
from torch import nn

from ironglass.errors import InputError
from ironglass.explain import Occlusion, occluded_scores, positions
from ironglass.explain.methods.occlusion import occluded_scores_by_fill
from ironglass.models import Classifier


@pytest.fixture
def linear() -> Classifier:
    """Logit 1 is the sum of the pixels, logit 0 is zero."""
    head = nn.Linear(16, 2)
    head.weight.data = torch.stack((torch.zeros(16), torch.ones(16)))
    head.bias.data.zero_()
    network = nn.Sequential(nn.Flatten(), head)
    return Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=4)


@pytest.fixture
def network() -> Classifier:
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 4)
    )
    return Classifier(layers, mean=(0.5,) * 3, std=(0.2,) * 3, classes=tuple("abcd"), input_size=14).eval()


def test_positions_by_hand():
    # height 5: 0..2, 2..4 and the clipped 4..5; width 4: 0..2 and 2..4
    assert positions((5, 4), patch=2, stride=2).tolist() == [
        [0, 0, 2, 2],
        [0, 2, 2, 4],
        [2, 0, 4, 2],
        [2, 2, 4, 4],
        [4, 0, 5, 2],
        [4, 2, 5, 4],
    ]
    assert positions((6, 6), patch=6, stride=3).tolist() == [[0, 0, 6, 6]]
    assert positions((4, 4), patch=1, stride=1).shape == (16, 4)
    assert positions((4, 1), patch=1, stride=5).tolist() == [[0, 0, 1, 1]]  # the next one would lie outside


@pytest.mark.parametrize(("patch", "stride"), [(0, 1), (5, 1), (2, 0), (2, -1)])
def test_a_patch_that_does_not_fit_is_refused(linear, patch, stride):
    with pytest.raises(InputError):
        Occlusion(patch=patch, stride=stride)(linear, torch.rand(1, 1, 4, 4), torch.tensor([0]))


def test_linear_classifier_by_hand(linear):
    # without overlap the drop under a black patch is the sum of the pixels beneath it
    images = torch.arange(16.0).view(1, 1, 4, 4) / 16
    maps = Occlusion(patch=2, stride=2, fill="black", score="logit")(linear, images, torch.tensor([1]))
    sums = nn.functional.avg_pool2d(images, 2) * 4
    torch.testing.assert_close(maps, sums.repeat_interleave(2, 2).repeat_interleave(2, 3))
    # with patches of 2 at every pixel a middle pixel is the mean over four places: rows 0-1 and 1-2, columns alike
    maps = Occlusion(patch=2, stride=1, fill="black", score="logit")(linear, images, torch.tensor([1]))
    every = nn.functional.avg_pool2d(images, 2, 1)[0, 0] * 4
    torch.testing.assert_close(maps[0, 0, 1, 2], every[0:2, 1:3].mean())
    torch.testing.assert_close(maps[0, 0, 0, 0], every[0, 0])


def test_scores_by_hand(linear):
    images = torch.full((2, 1, 4, 4), 0.25)
    logits = occluded_scores(linear, images, torch.tensor([1, 0]), patch=2, stride=2, fill=1.0, score="logit")
    torch.testing.assert_close(logits, torch.tensor([[4 + 3.0] * 4, [0.0] * 4]))
    right = occluded_scores(linear, images, torch.tensor([1, 0]), patch=2, stride=2, score="right")
    assert right.tolist() == [[1] * 4, [0] * 4]
    probability = occluded_scores(linear, images, torch.tensor([1, 0]), patch=4, stride=1, fill="black")
    torch.testing.assert_close(probability, torch.full((2, 1), 0.5))


def test_gaps_between_the_patches_are_zero(linear):
    maps = Occlusion(patch=1, stride=3, fill="black", score="logit")(linear, torch.ones(1, 1, 4, 4), torch.tensor([1]))
    expected = torch.zeros(4, 4)
    expected[::3, ::3] = 1
    torch.testing.assert_close(maps[0, 0], expected)


@pytest.mark.parametrize("score", ["probability", "logit"])
@pytest.mark.parametrize(
    ("size", "patch", "stride"), [((14, 14), 4, 4), ((14, 11), 5, 3), ((13, 14), 3, 1), ((9, 16), 9, 2)]
)
@pytest.mark.parametrize("fill", ["grey", "tensor"])
def test_equals_captum(network, size, patch, stride, score, fill):
    torch.manual_seed(1)
    images, targets = torch.rand(3, 3, *size), torch.tensor([0, 3, 2])
    baseline = torch.full_like(images, 0.5) if fill == "grey" else torch.rand_like(images)
    ours = Occlusion(patch=patch, stride=stride, fill="grey" if fill == "grey" else baseline, score=score)
    maps = ours(network, images, targets)
    watched = (lambda images: network(images).softmax(1)) if score == "probability" else network
    theirs = CaptumOcclusion(watched).attribute(
        images, (3, patch, patch), strides=(3, stride, stride), baselines=baseline, target=targets
    )
    for channel in theirs.unbind(1):  # Captum's windows cover every channel at once, so all are alike
        torch.testing.assert_close(maps[:, 0], channel, rtol=1e-4, atol=float(1e-4 * channel.abs().max()))


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_chunks_do_not_matter(network, chunk):
    images, targets = torch.rand(3, 3, 14, 14), torch.tensor([0, 1, 2])
    whole = occluded_scores(network, images, targets, patch=4, stride=3, fill="blur")
    parts = occluded_scores(network, images, targets, patch=4, stride=3, fill="blur", chunk=chunk)
    torch.testing.assert_close(parts, whole)


def test_the_classifier_is_as_before_and_the_maps_are_ordinary(network):
    network.train()
    network.network[0].weight.requires_grad_(False)
    maps = Occlusion(patch=4, stride=4)(network, torch.rand(2, 3, 14, 14), torch.tensor([0, 1]))
    assert network.training
    assert all(module.training for module in network.modules())
    assert not network.network[0].weight.requires_grad
    assert network.network[0].bias.requires_grad
    maps.add_(1)
    assert not maps.requires_grad


def test_an_unknown_score_is_refused(network):
    with pytest.raises(InputError, match="probability, logit, right"):
        Occlusion(score="loss", patch=4)(network, torch.rand(1, 3, 14, 14), torch.tensor([0]))


@pytest.mark.parametrize("incremental", [True, False])
def test_several_fills_at_once_are_those_one_by_one_bit_for_bit(network, incremental):
    images, targets, fills = torch.rand(5, 3, 14, 14), torch.tensor([0, 1, 2, 0, 1]), ("blur", "grey", "black")
    options = {"patch": 4, "stride": 3, "incremental": incremental}
    done = []
    scores = occluded_scores_by_fill(network, images, targets, fills=fills, finished=done.append, **options)
    assert sum(done) == 15
    for fill, under in zip(fills, scores, strict=True):
        assert under.equal(occluded_scores(network, images, targets, fill=fill, **options))
