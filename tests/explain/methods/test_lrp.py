"""LRP: by hand, against the papers' sums written out over full matrices, and conserving whatever the network."""

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F

import ironglass as ig
from ironglass.errors import InputError
from ironglass.explain.methods.lrp import LRP
from ironglass.models import Classifier
from ironglass.testing.networks import attentive


def classifier_of(network: nn.Module, size: int, channels: int = 3) -> Classifier:
    options = {"mean": (0.4,) * channels, "std": (0.3,) * channels}
    return Classifier(network, classes=tuple("abc"), input_size=size, **options).eval()


def settle(network: nn.Module) -> nn.Module:
    """Statistics and biases that are not those of a fresh network."""
    torch.manual_seed(2)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
    return network


def test_by_hand():
    # pixels (1, 2), weights (3, −1): contributions 3 and −2, sum 1, then 2 · 1 as the logit. z⁺ gives all to the first
    convolution = nn.Conv2d(1, 1, (1, 2), bias=False)
    convolution.weight.data = torch.tensor([3.0, -1.0]).view(1, 1, 1, 2)
    head = nn.Linear(1, 2, bias=False)
    head.weight.data = torch.tensor([[2.0], [-1.0]])
    network = nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), head)
    classifier = Classifier(network, mean=(0.0,), std=(0.5,), classes=("a", "b"), input_size=(1, 2))
    images = torch.tensor([[[[0.5, 1.0]]]])
    for composite, expected in (("epsilon-gamma-plus", (2.0, 0.0)), ("epsilon", (6.0, -4.0))):
        maps = LRP(composite=composite)(classifier, images, torch.tensor([0]))
        torch.testing.assert_close(maps, torch.tensor([[[expected]]]))
    # as the second convolution, γ = 1/4: (3 + 3/4) and −2 of 7/4
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), *network)
    network[0].weight.data.fill_(1)
    classifier = Classifier(network, mean=(0.0,), std=(0.5,), classes=("a", "b"), input_size=(1, 2))
    maps = LRP()(classifier, images, torch.tensor([0]))
    torch.testing.assert_close(maps, torch.tensor([[[[3.75, -2.0]]]]) / 1.75 * 2)


def written_out(x, layer, relevance, rule, *, gamma, bias):
    """One layer's rule as a double sum over a full matrix of contributions, (inputs, outputs)."""
    x = x[None].double()
    inputs = x.numel()
    basis = torch.eye(inputs, dtype=torch.float64).view(inputs, *x.shape[1:])
    zero = layer(torch.zeros_like(x)).flatten()
    weight = layer(basis).flatten(1) - zero
    contributions = x.flatten()[:, None] * weight
    z = contributions.sum(0) + (zero if bias else 0)
    b = zero if bias else torch.zeros_like(zero)
    if rule == "plus":
        above = contributions.clamp_min(0)
        # above 0 by its bias alone: by the ε rule, or else its relevance were lost
        above = torch.where((above.sum(0) == 0) & (not bias), contributions, above)
        shares, total = above, above.sum(0) + b.clamp_min(0)
    elif rule == "gamma":
        same = torch.where(z >= 0, contributions.clamp_min(0), contributions.clamp_max(0))
        shares = contributions + gamma * same
        total = shares.sum(0) + b + gamma * torch.where(z >= 0, b.clamp_min(0), b.clamp_max(0))
    else:
        shares, total = contributions, z
    return (shares / torch.where(total == 0, 1, total) * relevance.flatten()).sum(1).view(x.shape[1:])


@pytest.mark.parametrize("bias", [False, True], ids=["conserving", "with bias"])
@pytest.mark.parametrize("composite", ["epsilon-gamma-plus", "epsilon-plus", "epsilon"])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.SiLU], ids=["relu", "silu"])
def test_the_rules_written_out(composite, bias, activation):
    torch.manual_seed(3)
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), activation(),
        nn.Conv2d(4, 4, 3, padding=1, groups=2), activation(),
        nn.Flatten(), nn.Linear(36, 6), activation(), nn.Linear(6, 3),
    )  # fmt: skip
    classifier = classifier_of(settle(network), 6, channels=2)
    images, targets = torch.rand(2, 2, 6, 6), torch.tensor([2, 0])
    maps = LRP(composite=composite, bias=bias, gamma=0.5)(classifier, images, targets)
    middle = {"epsilon-gamma-plus": "gamma", "epsilon-plus": "plus", "epsilon": "epsilon"}[composite]
    first = "epsilon" if composite == "epsilon" else "plus"
    layers = [(network[:2], first), (network[3:4], middle), (network[5:7], "epsilon"), (network[8:], "epsilon")]
    network.double()
    for image, target, found in zip(images, targets, maps, strict=True):
        values = [((image - 0.4) / 0.3).double()]
        for layer, _ in layers:
            out = layer(values[-1][None])[0]
            values.append(out if layer is layers[-1][0] else activation()(out))
        relevance = F.one_hot(target, 3) * values[-1]
        with torch.no_grad():
            for (layer, rule), x in zip(reversed(layers), reversed(values[:-1]), strict=True):
                relevance = written_out(x, layer, relevance, rule, gamma=0.5, bias=bias)
        torch.testing.assert_close(found.double(), relevance, rtol=1e-3, atol=float(1e-4 * relevance.abs().max()))


class Parts(nn.Module):
    """A gate, a pooled shortcut, an in-place sum, a split, a maximum and an average: what has no weights."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.gate = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.depthwise, self.head = nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Linear(8, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = F.relu(self.stem(images), inplace=True)
        maps = maps * self.gate(maps.mean((2, 3), keepdim=True)).sigmoid()
        left, right = maps.chunk(2, 1)
        left = F.hardswish(self.depthwise(left))
        left += right
        maps = F.max_pool2d(torch.cat((left, F.avg_pool2d(F.pad(right, (1, 1, 1, 1)), 3, 1)), 1), 2)
        return self.head(F.interpolate(maps, scale_factor=2).mean((2, 3)))


def gap_of(classifier, images, targets, **fields):
    explainer = LRP(**fields)
    maps = explainer(classifier, images, targets)
    assert maps.shape == images.shape
    logits = classifier(images).detach().gather(1, targets[:, None])[:, 0].double()
    gap = (maps.flatten(1).double().sum(1) - logits).abs()
    torch.testing.assert_close(
        explainer.gap(classifier, images, targets, maps).abs(), gap.float(), rtol=1e-2, atol=1e-5
    )
    return float((gap / logits.abs()).max())


def test_what_has_no_weights_conserves_relevance():
    torch.manual_seed(4)
    classifier = classifier_of(Parts(), 12)
    images, targets = torch.rand(3, 3, 12, 12), torch.tensor([0, 1, 2])
    assert gap_of(classifier, images, targets) < 1e-4
    assert gap_of(classifier, images, targets, composite="epsilon-plus") < 1e-4
    assert gap_of(classifier, images, targets, epsilon=0.5) > 1e-2  # what ε takes is gone


# one of each kind of block that is small; all that were tried stand in docs/experiments.md
FAMILIES = ("test_resnet", "test_efficientnet", "test_byobnet", "test_nfnet", "test_convnext", "resnetv2_18",
            "mobilenetv3_small_050", "ghostnet_050", "fasternet_t0", "starnet_s050", "test_mambaout")  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_it_is_conserved_in_families_of_convolutions(name):
    torch.manual_seed(0)
    network = settle(timm.create_model(name, num_classes=3))
    classifier = classifier_of(network, 96)
    assert gap_of(classifier, torch.rand(1, 3, 96, 96), torch.tensor([1])) < 1e-4


def test_the_gate_takes_nothing_and_the_signal_all():
    class Gated(nn.Module):
        def forward(self, images):
            return torch.stack([(images[:, 0] * images[:, 1].sigmoid()).sum((1, 2)), images.sum((1, 2, 3))], 1)

    classifier = Classifier(Gated(), mean=(0.0,) * 2, std=(1.0,) * 2, classes=("a", "b"), input_size=2)
    images = torch.rand(1, 2, 2, 2)
    maps = LRP()(classifier, images, torch.tensor([0]))
    torch.testing.assert_close(maps[:, 0], images[:, 0] * images[:, 1].sigmoid())
    assert not maps[:, 1].any()


def test_attention_and_the_unknown_are_refused_by_name():
    with pytest.raises(
        InputError, match=r"no rule for the network's .* \(a product of attention\): choose attention-rel"
    ):
        LRP()(attentive().eval(), torch.rand(1, 3, 20, 20), torch.tensor([0]))

    class Sorted(nn.Module):
        def forward(self, images):
            return images.flatten(1).cumsum(1)[:, :3]

    with pytest.raises(InputError, match="no rule for the network's cumsum: choose integrated-gradients, or occlusion"):
        LRP()(classifier_of(Sorted(), 4), torch.rand(1, 3, 4, 4), torch.tensor([0]))

    class Aliased(nn.Module):
        def forward(self, images):
            flat = images.clone()
            view = flat.flatten(1)
            flat.mul_(2)
            return view[:, :3]

    with pytest.raises(InputError, match=r"writes in place into a tensor that .* reads by another name"):
        LRP()(classifier_of(Aliased(), 4), torch.rand(1, 3, 4, 4), torch.tensor([0]))


def test_wrong_settings_are_refused():
    with pytest.raises(InputError, match="no composite 'deep': choose from epsilon-gamma-plus, epsilon-plus, epsilon"):
        LRP(composite="deep")
    with pytest.raises(InputError, match="LRP's gamma is -1"):
        LRP(gamma=-1.0)


def test_by_name():
    classifier = classifier_of(Parts(), 12)
    images, targets = torch.rand(1, 3, 12, 12), torch.tensor([0])
    maps = ig.explain(classifier, images, targets, "lrp", composite="epsilon-plus")
    assert torch.equal(maps.as_subclass(torch.Tensor), LRP(composite="epsilon-plus")(classifier, images, targets))
