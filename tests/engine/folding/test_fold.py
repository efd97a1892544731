"""Folding changes no logit and no gradient beyond float noise, gives up where it would, and leaves no trace."""

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from ironglass.attacks import climbed_gradient
from ironglass.engine.folding.fold import _cached_of, folded
from ironglass.engine.kernels.dense_matrix import MIN_BATCH
from ironglass.models import Classifier
from ironglass.models.eval_without_grad import eval_without_grad

N = MIN_BATCH + 1


def classifier_of(network: nn.Module, size: int = 16, classes: int = 5) -> Classifier:
    """With statistics and scales of its own in every batch-norm, so that leaving one out shows."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.running_mean, -0.5, 0.5),
                (module.bias, -0.5, 0.5),
                (module.running_var, 0.5, 2),
                (module.weight, 0.5, 2),
            ):
                if tensor is not None:
                    tensor.data.uniform_(low, high, generator=generator)
    names = [str(i) for i in range(classes)]
    return Classifier(network, mean=(0.4,) * 3, std=(0.3,) * 3, classes=names, input_size=size)


def block(*, bias: bool = False) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=bias), nn.BatchNorm2d(8), nn.ReLU(inplace=True))


def head(network: nn.Module, channels: int = 8) -> nn.Sequential:
    return nn.Sequential(network, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5))


class Skip(nn.Module):
    """The convolution's output is read twice: by the batch-norm and by what stands beside it."""

    def __init__(self, read):
        super().__init__()
        self.conv, self.norm, self.read = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), read

    def forward(self, x):
        x = self.conv(x)
        return self.read(self.norm(x), x)


class Twice(nn.Module):
    """One convolution, two batch-norms."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 1)
        self.conv, self.one, self.two = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.BatchNorm2d(8)

    def forward(self, x):
        return self.two(self.conv(F.relu(self.one(self.conv(self.first(x))))))


class Standardised(nn.Conv2d):
    """Does something of its own to its weights in each pass."""

    def forward(self, input):
        weight = self.weight / self.weight.flatten(1).norm(dim=1)[:, None, None, None]
        return self._conv_forward(input, weight, self.bias)


class Viewed(nn.Module):
    def forward(self, x):
        return x.view(len(x), -1)  # not for channels-last maps


class ReadAfter(nn.Module):
    """Reads again what an in-place activation has written over."""

    def __init__(self, activation: nn.Module):
        super().__init__()
        self.conv, self.activation = nn.Conv2d(3, 8, 3), activation

    def forward(self, x):
        maps = self.conv(x)
        return self.activation(maps) ** 2 + maps


def timm_network(name: str) -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model(name, num_classes=5)


NETWORKS = {
    "conv, norm": (lambda: head(block()), 1),
    "conv with bias": (lambda: head(block(bias=True)), 1),
    "grouped, strided, dilated": (
        lambda: head(nn.Sequential(block(), nn.Conv2d(8, 8, 3, 2, 2, 2, groups=4), nn.BatchNorm2d(8))),
        2,
    ),
    "norm without scale": (lambda: head(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, affine=False))), 1),
    "read twice": (lambda: head(Skip(lambda a, b: a + b)), 0),
    "read as a view": (lambda: head(Skip(lambda a, b: a + b.flatten(2).mean(2)[:, :, None, None])), 0),
    "one convolution, two norms": (lambda: head(Twice()), 0),
    "a convolution of one's own": (lambda: head(nn.Sequential(Standardised(3, 8, 3), nn.BatchNorm2d(8))), 0),
    "parametrised": (
        lambda: head(nn.Sequential(parametrizations.weight_norm(nn.Conv2d(3, 8, 3)), nn.BatchNorm2d(8))),
        0,
    ),
    "statistics of the batch": (
        lambda: head(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, affine=False, track_running_stats=False))),
        0,
    ),
    "what ReLU6 wrote over": (lambda: head(ReadAfter(nn.ReLU6(inplace=True))), 0),
    "what ReLU wrote over": (lambda: head(ReadAfter(nn.ReLU(inplace=True))), 0),
    "no convolution": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 5)), 0),
    "view": (lambda: nn.Sequential(block(), Viewed(), nn.Linear(2048, 5)), 0),
    "resnet18": (lambda: timm_network("resnet18"), 20),
    "mobilenetv2": (lambda: timm_network("mobilenetv2_035"), 52),
}


@pytest.mark.parametrize(("build", "pairs"), NETWORKS.values(), ids=list(NETWORKS))
def test_logits_and_gradients_are_the_plain_ones(build, pairs):
    torch.manual_seed(0)
    size = 32 if pairs >= 20 else 16
    classifier = classifier_of(build(), size).eval()
    images = torch.rand(N, 3, size, size)
    found = []
    for context in (eval_without_grad, folded):
        with context(classifier):
            x = images.clone().requires_grad_()
            logits = classifier(x)
            found.append((logits.detach(), *torch.autograd.grad(logits.logsumexp(1).sum(), x)))
    assert len(_cached_of(classifier).plan.pairs) == pairs
    (plain, slope), (fast, fast_slope) = found
    torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-4 * plain.abs().max().item())
    # a value on the kink of a rectifier may fall to either side, and then the slope differs there for good reason
    far = ((fast_slope - slope).abs() > 1e-3 * slope.abs().amax((1, 2, 3), keepdim=True)).double().mean()
    assert far < 0.02


class Overdriven(nn.Module):
    """Where its input is as rough as noise, rounding alone changes its logits beyond the tolerance."""

    def __init__(self):
        super().__init__()
        self.body = head(block())

    def forward(self, x):
        return torch.sin(self.body(x) * (1 + 1e7 * F.relu(x.std() - 0.5)))


def test_a_network_that_noise_overdrives_is_folded_all_the_same():
    torch.manual_seed(0)
    classifier = classifier_of(Overdriven())
    images = 0.5 + 0.2 * (torch.rand(N, 3, 16, 16) - 0.5)
    with eval_without_grad(classifier), torch.no_grad():
        plain = classifier(images)
    with folded(classifier), torch.no_grad():
        logits = classifier(images)
    assert len(_cached_of(classifier).plan.pairs) == 1
    torch.testing.assert_close(logits, plain, atol=1e-5, rtol=0)


@pytest.mark.parametrize("flat_first", [True, False])
@pytest.mark.parametrize("last", [nn.ReLU6, nn.Hardtanh])
def test_an_attack_looks_behind_a_last_clamp_in_place(last, flat_first):
    gradients = []
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for in_place in (False, True):
        torch.manual_seed(0)
        end = [nn.Flatten(), last(inplace=in_place)] if flat_first else [last(inplace=in_place), nn.Flatten()]
        body = [*block()[:2], nn.ReLU6(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 5, 1), *end]
        classifier = classifier_of(nn.Sequential(*body))
        with torch.no_grad():
            body[4].weight *= 30  # beyond the bounds
        gradients.append(climbed_gradient(classifier, images, torch.zeros(4, dtype=torch.int64)))
    assert gradients[0].abs().amax() > 0
    torch.testing.assert_close(gradients[1], gradients[0])


def test_nothing_is_left_behind_after_an_exception_either():
    classifier = classifier_of(timm_network("resnet18"), 32).train()
    parameters, buffers = dict(classifier.named_parameters()), dict(classifier.named_buffers())
    before = {name: (tensor, tensor.clone(), tensor.stride()) for name, tensor in (parameters | buffers).items()}
    with pytest.raises(KeyError), folded(classifier):
        assert dict(classifier.named_parameters()).keys() != parameters.keys()  # biases were added
        raise KeyError
    after = dict(classifier.named_parameters()) | dict(classifier.named_buffers())
    assert list(after) == list(before)
    for name, (tensor, values, stride) in before.items():
        assert after[name] is tensor
        assert torch.equal(tensor, values)
        assert tensor.stride() == stride
    assert all(module.training and "forward" not in vars(module) for module in classifier.modules())
    assert all(parameter.requires_grad for parameter in classifier.parameters())


def test_weights_are_folded_anew_each_time_however_they_were_changed():
    network = head(block())
    classifier, images = classifier_of(network).eval(), torch.rand(2, 3, 16, 16)
    conv, norm = network[0][0], network[0][1]
    changes = [
        lambda: None,
        lambda: conv.weight.data.mul_(2),  # by `.data`, which torch's own count of changes does not see
        lambda: conv.weight.data.copy_(conv.weight.data.flip(0)),  # the same values in other places
        lambda: norm.bias.data.add_(1),
        lambda: norm.running_var.mul_(3),
        lambda: setattr(norm, "eps", 0.1),
        lambda: setattr(conv, "weight", nn.Parameter(torch.rand_like(conv.weight))),
    ]
    for change in changes:
        change()
        with torch.no_grad():
            plain = classifier(images)
            with folded(classifier):
                torch.testing.assert_close(classifier(images), plain)


def test_an_exchanged_layer_is_seen():
    network = head(block())
    classifier, images = classifier_of(network).eval(), torch.rand(2, 3, 16, 16)
    with folded(classifier):
        pass
    network[0][1] = nn.Identity()
    with torch.no_grad():
        plain = classifier(images)
        with folded(classifier):
            torch.testing.assert_close(classifier(images), plain)


def test_who_watches_a_layer_sees_what_it_gives():
    network = head(block())
    classifier, images, seen = classifier_of(network).eval(), torch.rand(2, 3, 16, 16), []
    network[0][0].register_forward_hook(lambda module, given, out: seen.append(out.clone()))
    with torch.no_grad():
        classifier(images)
        with folded(classifier):
            classifier(images)
    torch.testing.assert_close(seen[0], seen[-1])


def test_a_network_that_draws_lots_goes_on_drawing_and_the_callers_generator_stays():
    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.rand_like(x)

    classifier = classifier_of(nn.Sequential(Noisy(), head(block()))).eval()
    images = torch.rand(2, 3, 16, 16)
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    with folded(classifier), torch.no_grad():
        pass
    assert torch.equal(torch.rand(4), expected)
    with folded(classifier), torch.no_grad():
        assert not torch.equal(classifier(images), classifier(images))


def test_nesting_folds_once():
    classifier = classifier_of(head(block(bias=True)))
    with folded(classifier):
        weight = classifier.network[0][0].weight
        with folded(classifier):
            assert classifier.network[0][0].weight is weight
        assert classifier.network[0][0].weight is weight


@pytest.mark.parametrize(
    ("size", "settings"),
    [
        ((2, 2), {"kernel_size": 3, "padding": 1}),
        ((1, 1), {"kernel_size": 5, "padding": 2}),
        ((2, 2), {"kernel_size": 3, "padding": 1, "stride": 2}),
        ((2, 3), {"kernel_size": (3, 5), "padding": (1, 2), "stride": (1, 2)}),
        ((2, 2), {"kernel_size": 3, "padding": 2, "dilation": 2}),
        ((4, 4), {"kernel_size": 3, "padding": 1}),
    ],
)
def test_a_tiny_map_is_convolved_as_torch_does(size, settings):
    from ironglass.engine.kernels.dense_matrix import is_faster_than_conv, tiny_map_convolution

    torch.manual_seed(0)
    conv = nn.Conv2d(6, 7, **settings)
    images = torch.randn(N, 6, *size)
    expected = conv(images)
    assert is_faster_than_conv(conv, images, expected) == (size != (4, 4))
    forward = tiny_map_convolution(conv, {}, conv.forward)
    for batch in (images[: MIN_BATCH - 1], images, images[:2]):  # before the matrix is built, then, and with it
        torch.testing.assert_close(forward(batch), expected[: len(batch)], rtol=1e-4, atol=1e-5)
    other = torch.randn(N, 6, 9, 9)
    torch.testing.assert_close(forward(other), conv(other), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "settings"),
    [
        ((16, 16), {"kernel_size": 7, "stride": 2, "padding": 3}),
        ((15, 18), {"kernel_size": (3, 5), "stride": 2, "padding": (1, 2)}),
        ((17, 16), {"kernel_size": 4, "stride": 4}),
        ((9, 11), {"kernel_size": 2, "stride": 3}),  # some pixels meet no weight at all
        ((8, 8), {"kernel_size": 3, "stride": 2, "bias": False}),
    ],
)
def test_the_gradient_over_a_stride_is_torchs(size, settings):
    from ironglass.engine.kernels.strided_stem import few_channel_convolution, strides_over_few_channels

    torch.manual_seed(0)
    conv = nn.Conv2d(3, 8, **settings).double().requires_grad_(False)
    assert strides_over_few_channels(conv)
    images = torch.rand(4, 3, *size, dtype=torch.float64, requires_grad=True)
    expected, found = conv(images), few_channel_convolution(conv)(images)
    assert torch.equal(found, expected)
    weights = torch.randn_like(expected)
    slopes = [torch.autograd.grad((out * weights).sum(), images)[0] for out in (expected, found)]
    torch.testing.assert_close(*slopes)


def test_the_gradient_over_a_stride_can_be_differentiated_again():
    from ironglass.engine.kernels.strided_stem import few_channel_convolution

    torch.manual_seed(0)
    conv = nn.Conv2d(3, 4, 3, stride=2).double().requires_grad_(False)
    images = torch.rand(1, 3, 7, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: few_channel_convolution(conv)(x).tanh(), images)


@pytest.mark.parametrize("settings", [{"stride": 1}, {"stride": (1, 2)}, {"stride": 2, "dilation": 2}])
def test_other_convolutions_keep_torchs_gradient(settings):
    from ironglass.engine.kernels.strided_stem import strides_over_few_channels

    assert not strides_over_few_channels(nn.Conv2d(3, 8, 3, **settings))
    assert not strides_over_few_channels(nn.Conv2d(16, 8, 3, stride=2))
