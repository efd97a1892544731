"""Grad-CAM: by hand, against Captum, and on networks that make it hard."""

import copy

import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.models import mobilenet_v2, resnet18

from ironglass.errors import InputError, Notice
from ironglass.explain import GradCAM, GradCAMPlusPlus, upsample
from ironglass.models import Classifier
from ironglass.models.eval_without_grad import eval_without_grad


def classifier_of(network: nn.Module, classes: int = 3, size: int = 8, channels: int = 3) -> Classifier:
    names = [str(i) for i in range(classes)]
    return Classifier(network, mean=(0.4,) * channels, std=(0.3,) * channels, classes=names, input_size=size)


def small_cnn(inplace: bool) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.ReLU(inplace),  # straight after the convolution
        nn.Conv2d(12, 6, 3, groups=3),
        nn.ReLU(inplace),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 3),
    )


def settle(network: nn.Module) -> nn.Module:
    """Batch statistics that are not those of a fresh network."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return network


def test_one_convolution_by_hand():
    # two 1x1 filters, w = (2, -1); logit 0 sums the first map, logit 1 adds 3 times the second, weighted by place
    convolution = nn.Conv2d(1, 2, 1, bias=False)
    convolution.weight.data = torch.tensor([2.0, -1.0]).view(2, 1, 1, 1)
    head = nn.Linear(8, 2, bias=False)
    head.weight.data = torch.tensor([[1.0, 1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 4, 3, 3, 3, 3]])
    classifier = Classifier(
        nn.Sequential(convolution, nn.Flatten(), head), mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=2
    )
    images = torch.tensor([[[[0.1, 0.2], [0.3, 0.4]]]]).expand(2, 1, 2, 2)
    maps = GradCAM().maps(classifier, images, torch.tensor([0, 1]))["0"]
    # class 0: alpha = (1, 0), map = 2x; class 1: alpha = (4/4, 3), map = 2x - 3x = -x: the sign stays
    torch.testing.assert_close(maps, torch.stack((2 * images[0], -images[1])))


@pytest.mark.parametrize(
    ("network", "size"),
    [
        (lambda: small_cnn(inplace=False), 12),
        (lambda: small_cnn(inplace=True), 12),
        (lambda: resnet18(num_classes=3), 32),
        (lambda: mobilenet_v2(num_classes=3), 32),
    ],
    ids=["plain", "in-place", "resnet18", "mobilenet_v2"],
)
def test_equals_captum(network, size):
    torch.manual_seed(0)
    classifier = classifier_of(settle(network()), size=size).eval()
    images, targets = torch.rand(3, 3, size, size), torch.tensor([0, 2, 1])
    maps = GradCAM()(classifier, images, targets)
    assert list(maps) == list(classifier.convolutions())
    for name, layer in list(classifier.convolutions().items())[:: 1 if len(maps) < 10 else 13]:
        # Captum reads the output after an in-place activation has overwritten it, so it is shown a copy
        handle = layer.register_forward_hook(lambda _m, _i, output: output.clone())
        theirs = _captum_maps(classifier, layer, images, targets)
        handle.remove()
        scale = theirs.abs().max()
        torch.testing.assert_close(maps[name], theirs, rtol=1e-4, atol=float(1e-4 * scale) + 1e-9)


def _captum_maps(classifier, layer, images, targets):
    return LayerGradCam(classifier, layer).attribute(images, target=targets, relu_attributions=False).detach()


def test_in_place_activation_changes_nothing():
    torch.manual_seed(1)
    plain = small_cnn(inplace=False)
    images, targets = torch.rand(2, 3, 12, 12), torch.tensor([0, 1])
    first = GradCAM()(classifier_of(plain, size=12), images, targets)
    in_place = small_cnn(inplace=True)
    in_place.load_state_dict(plain.state_dict())
    second = GradCAM()(classifier_of(in_place, size=12), images, targets)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert (first["4"] < 0).any()


class Added(nn.Module):
    """Writes over what its second convolution gives, by no module."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.relu, self.head, self.late = nn.ReLU(inplace=True), nn.Linear(4, 2), False

    def forward(self, images):
        x = self.relu(self.first(images))
        y = self.second(x)
        if self.late:
            y = y.clone()
        y += x
        return self.head(self.relu(y).mean((2, 3)))


class Copies(TorchDispatchMode):
    """Notes the shape of every tensor that is copied."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.clone.default:
            self.shapes.append(tuple(args[0].shape))
        return func(*args, **(kwargs or {}))


def test_outputs_are_copied_only_where_they_are_written_over():
    torch.manual_seed(0)
    network = Added()
    classifier = classifier_of(network, classes=2)
    images, targets = torch.rand(2, 3, 8, 8), torch.tensor([1, 0])
    first = GradCAM()(classifier, images, targets)
    with Copies() as copies:
        second = GradCAM()(classifier, images, targets)
    assert copies.shapes.count((2, 4, 8, 8)) == 2  # the first is a leaf, which nobody may write over
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert network.relu.inplace
    network.relu.inplace = False  # Captum reads what an in-place one leaves
    theirs = _captum_maps(classifier, network.first, images, targets)
    torch.testing.assert_close(first["first"], theirs, rtol=1e-4, atol=1e-6)


class Careless(nn.Module):
    """Reads what an in-place activation leaves, or writes where no version counts it."""

    def __init__(self, how):
        super().__init__()
        self.convolution, self.head, self.how = nn.Conv2d(3, 4, 3), nn.Linear(4, 2), how
        self.relu = nn.ReLU(inplace=how == "read")

    def forward(self, images):
        maps = self.convolution(images)
        if self.how == "data":
            maps.data.clamp_(min=0)
            return self.head((maps * maps).mean((2, 3)))
        rectified = self.relu(maps)
        return self.head((rectified * rectified + (maps if self.how == "read" else rectified)).mean((2, 3)))


@pytest.mark.parametrize(("how", "like"), [("read", "plain"), ("data", "data")])
@pytest.mark.parametrize("method", [GradCAM(), GradCAMPlusPlus()])
def test_careless_networks_are_explained_as_they_are_time_and_again(how, like, method):
    torch.manual_seed(0)
    network, other = Careless(how), Careless(like)
    other.load_state_dict(network.state_dict())
    images, targets = torch.rand(2, 3, 8, 8), torch.tensor([1, 0])
    expected = method(classifier_of(other, classes=2), images, targets)["convolution"]
    classifier = classifier_of(network, classes=2)
    for _ in range(3):
        torch.testing.assert_close(method(classifier, images, targets)["convolution"], expected)


def test_a_network_that_begins_to_write_over_an_output_is_seen():
    torch.manual_seed(0)
    network = Added()
    classifier = classifier_of(network, classes=2)
    images, targets = torch.rand(2, 3, 8, 8), torch.tensor([1, 0])
    expected = GradCAM()(classifier, images, targets)
    fresh = Added()
    fresh.load_state_dict(network.state_dict())
    fresh.late = True
    other = classifier_of(fresh, classes=2)
    for late in (True, False, True):
        fresh.late = late
        found = GradCAM()(other, images, targets)
        assert all(torch.equal(found[name], expected[name]) for name in expected)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, padding=1)
        self.head = nn.Linear(3, 2)

    def forward(self, images):
        return self.head(self.convolution(self.convolution(images).relu_()).relu_().mean((2, 3)))


def test_a_module_that_runs_twice_is_explained_at_its_last_run():
    torch.manual_seed(0)
    network = Twice()
    classifier = classifier_of(network, classes=2)
    images, targets = torch.rand(2, 3, 8, 8), torch.tensor([1, 0])
    found = GradCAM()(classifier, images, targets)["convolution"]
    with torch.no_grad():
        last = network.convolution(network.convolution((images - 0.4) / 0.3).relu())
        weights = network.head.weight[targets][:, :, None, None] * (last > 0) / 64
    torch.testing.assert_close(found, (weights.mean((2, 3), keepdim=True) * last).sum(1, keepdim=True))


def test_neither_mode_gradients_nor_context_matter():
    torch.manual_seed(0)
    classifier = classifier_of(small_cnn(inplace=True), size=12).train()
    images, targets = torch.rand(2, 3, 12, 12), torch.tensor([0, 1])
    classifier.network[0].weight.requires_grad_(False)
    flags = [parameter.requires_grad for parameter in classifier.parameters()]
    state = {name: value.clone() for name, value in classifier.state_dict().items()}
    plain = GradCAM()(classifier, images, targets)
    with torch.no_grad():
        without = GradCAM()(classifier, images, targets)
    with torch.inference_mode():
        inference = GradCAM()(classifier, images.clone(), targets.clone())
    for name in plain:
        assert torch.equal(plain[name], without[name])
        assert torch.equal(plain[name], inference[name])
        assert not plain[name].requires_grad
    assert classifier.training
    assert all(module.training for module in classifier.modules())
    assert [parameter.requires_grad for parameter in classifier.parameters()] == flags
    assert all(parameter.grad is None for parameter in classifier.parameters())
    assert all(torch.equal(value, state[name]) for name, value in classifier.state_dict().items())


def test_no_hook_is_left_behind_even_after_an_exception():
    classifier = classifier_of(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 3)))
    with pytest.raises(RuntimeError):
        GradCAM(layers=("0",))(classifier, torch.rand(1, 3, 9, 9), torch.tensor([0]))
    assert not any(module._forward_hooks for module in classifier.modules())


def test_chosen_layers_may_be_blocks():
    torch.manual_seed(0)
    classifier = classifier_of(small_cnn(inplace=True), size=12)
    maps = GradCAM(layers=("3", "4"))(classifier, torch.rand(2, 3, 12, 12), torch.tensor([0, 1]))
    assert {name: tuple(layer.shape) for name, layer in maps.items()} == {"3": (2, 1, 6, 6), "4": (2, 1, 6, 6)}


class Detached(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3)
        self.unused = nn.Conv2d(3, 3, 3)
        self.never = nn.Conv2d(3, 3, 3)
        self.detach = False

    def forward(self, images):
        self.unused(images)
        logits = self.convolution(images).mean((2, 3))
        return logits.detach() if self.detach else logits


def test_a_layer_that_does_not_matter_has_a_zero_map():
    with pytest.warns(Notice, match="no gradient of the logits reaches unused"):
        maps = GradCAM()(classifier_of(Detached()), torch.rand(1, 3, 8, 8), torch.tensor([0]))
    assert set(maps) == {"convolution", "unused"}
    assert not maps["unused"].any()
    assert maps["convolution"].any()


@pytest.mark.parametrize(
    ("layers", "says"), [(("nowhere",), "convolution"), (("never",), "does not run"), (("",), "needs maps")]
)
def test_bad_layers_are_refused(layers, says):
    with pytest.raises(InputError, match=says):
        GradCAM(layers=layers)(classifier_of(Detached()), torch.rand(1, 3, 8, 8), torch.tensor([0]))


def test_networks_without_gradient_or_convolution_are_refused():
    network = Detached()
    network.detach = True
    with pytest.raises(InputError, match="no gradient"):
        GradCAM()(classifier_of(network), torch.rand(1, 3, 8, 8), torch.tensor([0]))
    linear = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
    with pytest.raises(InputError, match="no convolutional layer"):
        GradCAM()(classifier_of(linear), torch.rand(1, 3, 8, 8), torch.tensor([0]))


def test_upsample_by_hand():
    maps = torch.tensor([[[[0.0, 4.0]]]])
    torch.testing.assert_close(upsample(maps, (2, 4)), torch.tensor([[[[0.0, 1, 3, 4], [0, 1, 3, 4]]]]))


def test_a_vision_transformer_is_explained_on_its_patches():
    import timm

    torch.manual_seed(0)
    network = timm.create_model("vit_tiny_patch16_224", num_classes=3, img_size=32, depth=2).eval()
    classifier = classifier_of(network, size=32)
    images, targets = torch.rand(2, 3, 32, 32), torch.tensor([0, 2])
    found = GradCAM()(classifier, images, targets)
    assert list(found) == ["patch_embed.proj", "blocks.0.norm1", "blocks.1.norm1"]
    assert all(maps.shape == (2, 1, 2, 2) for maps in found.values())
    # by hand: the gradient at the tokens that go into the last block's attention
    block = network.blocks[1]
    before = network.blocks[0](network.norm_pre(network._pos_embed(network.patch_embed((images - 0.4) / 0.3)))).detach()
    tokens = block.norm1(before).detach().requires_grad_()
    after = before + block.attn(tokens)
    after = after + block.mlp(block.norm2(after))
    score = network.forward_head(network.norm(after)).gather(1, targets[:, None]).sum()
    gradient = torch.autograd.grad(score, tokens)[0][:, 1:]
    expected = (gradient.mean(1, keepdim=True) * tokens[:, 1:]).sum(2).detach().reshape(2, 1, 2, 2)
    assert expected.any()
    torch.testing.assert_close(found["blocks.1.norm1"], expected, rtol=1e-4, atol=float(1e-5 * expected.abs().max()))


def test_a_folded_batch_norm_is_not_part_of_the_output_even_where_its_factor_is_0():
    torch.manual_seed(0)
    network = small_cnn(inplace=True)
    settle(network)[1].weight.data[::2] = 0  # of such a channel the output cannot be told from what is behind
    network[1].bias.data.normal_()
    classifier = classifier_of(network, size=12)
    images, targets = torch.rand(3, 3, 12, 12), torch.tensor([0, 2, 1])
    with eval_without_grad(classifier):
        output = network[0]((images - 0.4) / 0.3).detach().requires_grad_()
        score = network[2:](network[1](output)).gather(1, targets[:, None]).sum()
    weights = torch.autograd.grad(score, output)[0].mean((2, 3), keepdim=True)
    assert not weights[:, ::2].any()
    expected = (weights * output).sum(1, keepdim=True).detach()
    found = GradCAM(layers=("0", "1"))(classifier, images, targets)
    torch.testing.assert_close(found["0"], expected, rtol=1e-4, atol=float(1e-4 * expected.abs().max()))
    assert not torch.allclose(found["1"], found["0"])


def test_a_layer_that_is_asked_for_later_is_copied_first():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), Through(), nn.Flatten(), nn.Linear(64, 2))
    classifier = classifier_of(network, classes=2)
    images, targets = torch.rand(2, 3, 8, 8), torch.tensor([1, 0])
    expected = GradCAM()(classifier_of(copy.deepcopy(network), classes=2), images, targets)
    for names in (("0",), ("0", "1"), ("1",)):
        found = GradCAM(layers=names)(classifier, images, targets)
        assert all(torch.equal(found[name], expected[name]) for name in names)


class Through(nn.Module):
    """Writes where no version counts it."""

    def forward(self, maps):
        maps.data.clamp_(min=0)
        return maps
