"""Rows, columns and channels are seen in what a layer holds: Grad-CAM against plain autograd on the stated axes."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ironglass.errors import InputError, Notice
from ironglass.explain import GradCAM, feature_maps
from ironglass.explain.parts.layout import layouts_of
from ironglass.models import Classifier

SIZE = (24, 32)
GRID = (6, 8)  # of patches of 4 × 4


def classifier_of(network: nn.Module, size: tuple[int, int] = SIZE) -> Classifier:
    network(torch.rand(1, 3, *size))  # makes what is lazy
    return Classifier(network, mean=(0.5,) * 3, std=(0.3,) * 3, classes=tuple("ab"), input_size=size).eval()


class Kind(nn.Module):
    """Maps (n, 8, h, w) of patches of 4 × 4, brought into a form by `turn`, through `layer`, to logits."""

    def __init__(self, turn, layer, channels=8):
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.turn, self.layer = nn.Conv2d(3, channels, 4, stride=4), turn, layer
        self.head = nn.LazyLinear(2)

    def forward(self, x):
        found = self.layer(self.turn(self.stem(x)))
        return self.head(torch.sin(found).transpose(0, self.batch).flatten(1) if self.batch else found.sin().flatten(1))

    batch = 0


class Extra(nn.Module):
    """`count` tokens of their own at the front, in the middle or at the end of (n, t, c)."""

    def __init__(self, count, where):
        super().__init__()
        self.tokens, self.where = nn.Parameter(torch.randn(1, count, 8)), where

    def forward(self, x):
        own = self.tokens.expand(len(x), -1, -1)
        at = {"front": 0, "middle": x.shape[1] // 2, "end": x.shape[1]}[self.where]
        return torch.cat((x[:, :at], own, x[:, at:]), 1)


class Mix(nn.Module):
    """Global attention: every place sees all of the image, and more of itself only by the residual."""

    def __init__(self):
        super().__init__()
        self.q, self.out = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        return x + self.out((self.q(x) @ x.mT).softmax(-1) @ x)


def tokens(x):
    return x.flatten(2).mT


h, w = GRID
# name: how maps (n, 8, h, w) are turned, the layer, and how its output becomes maps again
KINDS = {
    "maps": (lambda x: x, nn.Identity(), lambda o: o),
    "LayerNorm of channels, rows and columns": (lambda x: x, nn.LayerNorm((8, h, w)), lambda o: o),
    "LayerNorm of the width": (lambda x: x, nn.LayerNorm(w), lambda o: o),
    "LayerNorm of rows and columns": (lambda x: x, nn.LayerNorm((h, w)), lambda o: o),
    "GroupNorm": (lambda x: x, nn.GroupNorm(2, 8), lambda o: o),
    "Linear along the width": (lambda x: x, nn.Linear(w, w), lambda o: o),
    "Linear along the width, added": (
        lambda x: x,
        type("Added", (nn.Linear,), {"forward": lambda s, x: x + F.linear(x, s.weight, s.bias)})(w, w),
        lambda o: o,
    ),
    "channels last": (lambda x: x.permute(0, 2, 3, 1), nn.LayerNorm(8), lambda o: o.permute(0, 3, 1, 2)),
    "channels last, LayerNorm of all": (
        lambda x: x.permute(0, 2, 3, 1),
        nn.LayerNorm((h, w, 8)),
        lambda o: o.permute(0, 3, 1, 2),
    ),
    "channels last, other channels": (
        lambda x: x.permute(0, 2, 3, 1),
        nn.Linear(8, 5),
        lambda o: o.permute(0, 3, 1, 2),
    ),
    "channels between": (lambda x: x.permute(0, 2, 1, 3), nn.Identity(), lambda o: o.permute(0, 2, 1, 3)),
    "columns before rows": (lambda x: x.transpose(2, 3), nn.Identity(), lambda o: o.transpose(2, 3)),
    "columns before rows, channels last": (lambda x: x.permute(0, 3, 2, 1), nn.GELU(), lambda o: o.permute(0, 3, 2, 1)),
    "tokens": (tokens, nn.Linear(8, 8), lambda o: o.mT.unflatten(2, GRID)),
    "tokens last": (lambda x: x.flatten(2), nn.Identity(), lambda o: o.unflatten(2, GRID)),
    "tokens of heads": (
        lambda x: tokens(x).unflatten(2, (2, 4)).transpose(1, 2),
        nn.LayerNorm(4),
        lambda o: o.transpose(2, 3).flatten(1, 2).unflatten(2, GRID),
    ),
    "a class token": (tokens, Extra(1, "front"), lambda o: o[:, 1:].mT.unflatten(2, GRID)),
    "two tokens more": (tokens, Extra(2, "front"), lambda o: o[:, 2:].mT.unflatten(2, GRID)),
    "five tokens more": (tokens, Extra(5, "front"), lambda o: o[:, 5:].mT.unflatten(2, GRID)),
    "three tokens at the end": (tokens, Extra(3, "end"), lambda o: o[:, :-3].mT.unflatten(2, GRID)),
    "a class token in the middle": (
        tokens,
        Extra(1, "middle"),
        lambda o: torch.cat((o[:, :24], o[:, 25:]), 1).mT.unflatten(2, GRID),
    ),
    "attention": (tokens, Mix(), lambda o: o.mT.unflatten(2, GRID)),
    "one channel": (lambda x: x.sum(1), nn.Identity(), lambda o: o[:, None]),
    "channels in groups": (lambda x: x.unflatten(1, (2, 4)), nn.Identity(), lambda o: o.flatten(1, 2)),
    "channels on both sides": (
        lambda x: x.unflatten(1, (2, 4)).permute(0, 1, 3, 4, 2),
        nn.Identity(),
        lambda o: o.permute(0, 1, 4, 2, 3).flatten(1, 2),
    ),
}


def by_hand(classifier, images, targets, form, layer="layer"):
    """Grad-CAM of one layer by plain autograd, whose output `form` turns into maps."""
    kept = {}
    network = classifier.network
    handle = network.get_submodule(layer).register_forward_hook(lambda _m, _i, output: kept.update(own=output))
    logits = network((images.requires_grad_() - classifier.mean) / classifier.std)
    handle.remove()
    (gradient,) = torch.autograd.grad(logits.gather(1, targets[:, None]).sum(), kept["own"])
    output = form(kept["own"])
    return (form(gradient).mean((2, 3), keepdim=True) * output).sum(1, keepdim=True).detach()


@pytest.mark.parametrize("kind", KINDS)
def test_the_map_is_that_of_the_axes_that_are_space(kind):
    turn, layer, form = KINDS[kind]
    network = Kind(turn, layer)
    classifier = classifier_of(network)
    images, targets = torch.rand(3, 3, *SIZE), torch.tensor([0, 1, 1])
    found = GradCAM(layers=("layer",))(classifier, images, targets)["layer"]
    expected = by_hand(classifier, images.clone(), targets, form)
    assert found.shape == (3, 1, *GRID)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=float(1e-5 * expected.abs().max()))
    maps = feature_maps(classifier, images, ["layer"])["layer"]
    torch.testing.assert_close(maps, form(layer(turn(network.stem((images - 0.5) / 0.3)))))


@pytest.mark.parametrize("last", [False, True])
def test_sides_of_one_length_are_told_apart(last):
    network = Kind((lambda x: x.permute(0, 2, 3, 1)) if last else (lambda x: x), nn.LayerNorm(8))
    classifier = classifier_of(network, (32, 32))
    images, targets = torch.rand(2, 3, 32, 32), torch.tensor([0, 1])
    found = GradCAM(layers=("layer",))(classifier, images, targets)["layer"]
    form = (lambda o: o.permute(0, 3, 1, 2)) if last else (lambda o: o)
    expected = by_hand(classifier, images.clone(), targets, form)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=float(1e-5 * expected.abs().max()))


def test_images_may_lie_along_the_second_axis():
    network = Kind(lambda x: tokens(x).transpose(0, 1), nn.Linear(8, 8))
    network.batch = 1
    classifier = classifier_of(network)
    images, targets = torch.rand(3, 3, *SIZE), torch.tensor([0, 1, 1])
    found = GradCAM(layers=("layer",))(classifier, images, targets)["layer"]
    expected = by_hand(classifier, images.clone(), targets, lambda o: o.permute(1, 2, 0).unflatten(2, GRID))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=float(1e-5 * expected.abs().max()))


def windows(x):
    parts = x.unflatten(2, (3, 2)).unflatten(4, (4, 2)).permute(0, 2, 4, 3, 5, 1)
    return parts.flatten(0, 2).flatten(1, 2)


class Windowed(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(windows(x)).unflatten(0, (-1, 12)).flatten(2)


class Table(nn.Module):
    """Adds a position embedding, made by a convolution over no image."""

    def __init__(self):
        super().__init__()
        self.register_buffer("places", torch.rand(1, 3, *GRID))
        self.embed = nn.Conv2d(3, 8, 1)

    def forward(self, x):
        return x + self.embed(self.places)


class Unfolded(nn.Module):
    """A 1 × 1 convolution over (place in a patch, patch), as in MobileViT 2."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)

    def forward(self, x):
        parts = x.unflatten(2, (3, 2)).unflatten(4, (4, 2)).permute(0, 1, 3, 5, 2, 4).flatten(4, 5).flatten(2, 3)
        return self.second(self.first(parts).relu())


@pytest.mark.parametrize(
    ("turn", "layer", "name", "says"),
    [
        (lambda x: x, Windowed(nn.Linear(8, 8)), "layer.layer", "windows"),
        (lambda x: x, Table(), "layer.embed", "does not lie over the image"),
        (lambda x: x.mean((2, 3)), nn.Linear(8, 8), "layer", "without rows and columns"),
        (lambda x: x.flatten(1), nn.Linear(8 * 48, 7), "layer", "without rows and columns"),
        (
            tokens,
            nn.Sequential(Mix(), nn.Flatten(), nn.Linear(8 * 48, 8 * 48), nn.Unflatten(1, (48, 8))),
            "layer.3",
            "no axes of which follow",
        ),
        (lambda x: tokens(x) @ tokens(x).mT, nn.Softmax(-1), "layer", "needs maps"),
        (lambda x: x.flatten(2), nn.Linear(48, 30), "layer", "needs maps"),  # tokens mixed into others
        (lambda x: x, nn.Linear(8, 5), "layer", "an axis mixes positions"),  # along the width, into another
        (torch.ones_like, nn.GELU(), "layer", "same for any image"),
    ],
    ids=["windows", "embedding", "pooled", "flat", "through a vector", "attention", "mixer", "width", "nothing"],
)
def test_what_cannot_be_laid_out_is_refused_by_name(turn, layer, name, says):
    classifier = classifier_of(Kind(turn, layer))
    images, targets = torch.rand(2, 3, *SIZE), torch.tensor([0, 1])
    with pytest.raises(InputError, match=f"layer '{name}' gives .*{says}"):
        GradCAM(layers=(name,))(classifier, images, targets)


def test_all_layers_leave_out_those_over_no_image_without_a_word():
    classifier = classifier_of(Kind(lambda x: x, Table()))
    images = torch.rand(2, 3, *SIZE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(GradCAM()(classifier, images, torch.tensor([0, 1]))) == ["stem"]


def test_a_convolution_over_unfolded_patches_is_laid_out_by_patch():
    network = Kind(lambda x: x, Unfolded())
    classifier = classifier_of(network)
    images, targets = torch.rand(2, 3, *SIZE), torch.tensor([0, 1])
    found = GradCAM()(classifier, images, targets)
    assert {name: tuple(maps.shape[2:]) for name, maps in found.items()} == {
        "stem": GRID, "layer.first": (3, 4), "layer.second": (3, 4)}  # fmt: skip
    expected = by_hand(
        classifier, images.clone(), targets, lambda o: o.flatten(1, 2).unflatten(2, (3, 4)), "layer.second"
    )
    torch.testing.assert_close(found["layer.second"], expected, rtol=1e-4, atol=float(1e-5 * expected.abs().max()))


class Shuffled(nn.Module):
    """A convolution over places in an order of chance."""

    def __init__(self):
        super().__init__()
        self.register_buffer("order", torch.randperm(48, generator=torch.Generator().manual_seed(1)))
        self.convolution = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        return self.convolution(x.flatten(2)[:, :, self.order].unflatten(2, GRID))


def test_a_convolution_over_places_in_no_order_is_named_and_left_out():
    classifier = classifier_of(Kind(lambda x: x, Shuffled()))
    images, targets = torch.rand(2, 3, *SIZE), torch.tensor([0, 1])
    with pytest.warns(Notice, match=r"layer\.convolution"):
        assert list(GradCAM()(classifier, images, targets)) == ["stem"]
    with pytest.raises(InputError, match=r"layer\.convolution"):
        GradCAM(layers=("layer.convolution",))(classifier, images, targets)


def test_a_probe_leaves_the_random_state_and_the_network_as_they_were():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 36, 2))
    classifier = classifier_of(network, (8, 8)).train()
    before, state = torch.get_rng_state(), {k: v.clone() for k, v in classifier.state_dict().items()}
    feature_maps(classifier, torch.rand(1, 3, 8, 8, generator=torch.Generator()), ["2"])
    assert torch.equal(torch.get_rng_state(), before)
    assert all(module.training for module in classifier.modules())
    assert all(torch.equal(value, state[name]) for name, value in classifier.state_dict().items())
    assert not any(module._forward_hooks for module in classifier.modules())


def test_probing_is_done_once_for_each_size():
    network = Kind(lambda x: x, nn.Identity())
    network.head = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 2))
    network.forward = lambda x: network.head(network.layer(network.stem(x)))
    classifier, calls = classifier_of(network), []
    network.stem.register_forward_hook(lambda *_: calls.append(1))
    for size, first in (((24, 32), True), ((24, 32), False), ((32, 24), True), ((24, 32), False)):
        calls.clear()
        maps = feature_maps(classifier, torch.rand(2, 3, *size), ["layer"])["layer"]
        assert maps.shape[2:] == (size[0] // 4, size[1] // 4)
        assert (len(calls) > 1) == first


class Aliased(nn.Module):
    """A residual block whose first module gives back its very input."""

    def __init__(self):
        super().__init__()
        self.stem, self.same, self.block = nn.Conv2d(3, 8, 4, stride=4), nn.Dropout(0.5), nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        x = self.stem(x)
        return self.head((x + self.block(self.same(x)).relu()).sin().mean((2, 3)))


def test_a_module_that_gives_back_its_input_is_explained_by_what_follows_it_alone():
    torch.manual_seed(0)
    network = Aliased()
    classifier = classifier_of(network)
    images, targets = torch.rand(2, 3, *SIZE), torch.tensor([0, 1])
    maps = network.stem((images - 0.5) / 0.3).detach()
    own = maps.clone().requires_grad_()
    logits = network.head((maps + network.block(own).relu()).sin().mean((2, 3)))
    (gradient,) = torch.autograd.grad(logits.gather(1, targets[:, None]).sum(), own)
    expected = (gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True)
    for _ in range(2):  # the first pass copies more than the next
        found = GradCAM(layers=("same", "stem"))(classifier, images, targets)
        torch.testing.assert_close(found["same"], expected, rtol=1e-4, atol=float(1e-5 * expected.abs().max()))
        assert not torch.allclose(found["stem"], found["same"])


class Sums(nn.Module):
    """A convolution over the attention between places, a square that is no image."""

    def __init__(self):
        super().__init__()
        self.heads = nn.Conv2d(1, 2, 1)

    def forward(self, x):
        places = x.flatten(2)
        return self.heads((places.mT @ places).softmax(-1)[:, None])


@pytest.mark.parametrize("size", [SIZE, (32, 32)])
def test_a_convolution_over_attention_is_no_map(size):
    classifier = classifier_of(Kind(lambda x: x, Sums()), size)
    with pytest.raises(InputError, match=r"layer\.heads"):
        GradCAM(layers=("layer.heads",))(classifier, torch.rand(2, 3, *size), torch.tensor([0, 1]))


class Joined(nn.Module):
    """Channels split, turned to the end and back, and put together, as DenseNet, GhostNet and MambaOut do."""

    def __init__(self):
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(8), nn.Linear(3, 3)
        self.wide, self.last = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(16, 4, 1)

    def forward(self, x):
        last = self.norm(x.permute(0, 2, 3, 1))
        first, rest = last.split((3, 5), -1)
        back = torch.cat((self.linear(first), rest[..., :5]), 3).movedim(3, 1)
        return self.last(torch.cat((self.wide(back) * 0, back), 1)[:, :16])


def test_the_images_own_axes_come_through_turns_splits_and_joins():
    # nothing can be seen of a layer that gives 0
    classifier = classifier_of(Kind(lambda x: x, Joined()))
    images, targets = torch.rand(2, 3, *SIZE), torch.tensor([0, 1])
    shapes = {"layer.norm": 8, "layer.linear": 3, "layer.wide": 8, "layer.last": 4}
    maps = feature_maps(classifier, images, list(shapes))
    assert {name: tuple(found.shape[1:]) for name, found in maps.items()} == {
        name: (channels, *GRID) for name, channels in shapes.items()
    }
    module = classifier.network
    own = module.stem((images - 0.5) / 0.3).permute(0, 2, 3, 1)
    torch.testing.assert_close(maps["layer.norm"], module.layer.norm(own).permute(0, 3, 1, 2).detach())
    assert GradCAM()(classifier, images, targets)["layer.wide"].shape == (2, 1, *GRID)


class Crossed(nn.Module):
    """Rows under columns in one map, as coordinate attention has them."""

    def __init__(self):
        super().__init__()
        self.both = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        rows, columns = x.mean(3, keepdim=True), x.mean(2, keepdim=True).transpose(2, 3)
        return self.both(torch.cat((rows, columns), 2))


class CrossedByPooling(Crossed):
    def forward(self, x):
        rows = F.adaptive_avg_pool2d(x, (None, 1))
        columns = F.adaptive_avg_pool2d(x, (1, None)).transpose(2, 3)
        return self.both(torch.cat((rows, columns), 2))


@pytest.mark.parametrize("kind", [Crossed, CrossedByPooling])
def test_rows_under_columns_are_no_map(kind):
    classifier = classifier_of(Kind(lambda x: x, kind()))
    with pytest.raises(InputError, match=r"layer\.both"):
        GradCAM(layers=("layer.both",))(classifier, torch.rand(2, 3, *SIZE), torch.tensor([0, 1]))


def test_hundreds_of_layers_are_followed():
    deep = nn.Sequential(*(nn.Identity() if i % 2 else nn.Tanh() for i in range(3000)), nn.Conv2d(8, 8, 1))
    classifier = classifier_of(Kind(lambda x: x, deep))
    assert feature_maps(classifier, torch.rand(1, 3, *SIZE), ["layer.3000"])["layer.3000"].shape == (1, 8, *GRID)


def test_only_the_first_layers_of_a_kind_are_looked_at():
    network = Kind(tokens, nn.Sequential(*(Mix() for _ in range(8))))
    classifier, passed = classifier_of(network), []
    handles = [
        layer.register_forward_hook(lambda _m, given, _o: passed.append(len(given[0]))) for layer in network.layer
    ]
    found = layouts_of(
        classifier, {f"layer.{i}": layer for i, layer in enumerate(network.layer)}, torch.rand(2, 3, *SIZE)
    )
    for handle in handles:
        handle.remove()
    assert passed.count(2) == 8
    assert passed.count(8) <= 3
    assert {layout.grid for layout in found.values()} == {GRID}
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in classifier.modules())
    classifier(torch.rand(1, 3, *SIZE))  # and it goes on as before


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_torchscript_is_refused_by_its_name():
    network = nn.Sequential(nn.Conv2d(3, 4, 4, stride=4), nn.Flatten(), nn.Linear(4 * 48, 2))
    scripted = torch.jit.trace(network, torch.rand(1, 3, *SIZE))
    for layers in (None, ("0",)):
        with pytest.raises(InputError, match="TorchScript"):
            GradCAM(layers=layers)(classifier_of(scripted), torch.rand(1, 3, *SIZE), torch.tensor([0]))
