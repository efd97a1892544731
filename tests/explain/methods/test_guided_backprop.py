"""Guided backpropagation: every way to write a ReLU, by hand and against Captum."""

import pytest
import torch
from captum.attr import GuidedBackprop as CaptumGuidedBackprop
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from ironglass.errors import InputError, Notice
from ironglass.explain import GuidedBackprop, GuidedGradCAM, Saliency
from ironglass.explain.methods.guided_backprop import guide
from ironglass.explain.parts.gradient import input_gradient
from ironglass.models import Classifier

RELUS = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in place": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "F.relu_": F.relu_,
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "method": lambda x: x.relu(),
    "method in place": lambda x: x.relu_(),
    "nn.ReLU6": nn.ReLU6(),
    "nn.ReLU6 in place": nn.ReLU6(inplace=True),
    "F.relu6": F.relu6,
    "hardtanh": lambda x: F.hardtanh(x, 0, 6),
    "hardtanh in place": lambda x: F.hardtanh_(x, 0.0, 6.0),
    "clamp": lambda x: x.clamp(min=0),
    "clamp to 6": lambda x: x.clamp(0, 6),
    "clamp at a tensor": lambda x: x.clamp(min=torch.zeros(())),
    "clamp at tensors": lambda x: x.clamp(torch.zeros_like(x), torch.full_like(x, 6)),
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "clamp_min": lambda x: x.clamp_min(0),
    "threshold": lambda x: F.threshold(x, 0, 0),
}


class Small(nn.Module):
    """v = act(2x − 1), logits = (Σ act(s · v + 1), −Σ act(v + 1)) with s = (1, −1, 1)."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def forward(self, images):
        v = self.act(2 * images.flatten(1) - 1)
        sign = torch.tensor([1.0, -1.0, 1.0])
        return torch.stack((self.act(sign * v + 1).sum(1), -self.act(v + 1).sum(1)), 1)


def classifier_of(network, size=8, classes=2, channels=3):
    names = [str(i) for i in range(classes)]
    return Classifier(network, mean=(0.0,) * channels, std=(1.0,) * channels, classes=names, input_size=size)


@pytest.mark.parametrize("relu", RELUS.values(), ids=RELUS)
def test_every_relu_by_hand(relu):
    classifier = classifier_of(Small(relu), size=(1, 3), channels=1)
    images = torch.tensor([[[[0.25, 0.75, 1.0]]]])
    up, down = torch.tensor([0]), torch.tensor([1])
    assert Saliency()(classifier, images, up).flatten().tolist() == [0, -2, 2]
    assert GuidedBackprop()(classifier, images, up).flatten().tolist() == [0, 0, 2]  # −1 stops at the inner ReLU
    assert Saliency()(classifier, images, down).flatten().tolist() == [0, -2, -2]
    assert not GuidedBackprop()(classifier, images, down).any()  # and all at the outer one


@pytest.mark.filterwarnings("ignore:Setting backward hooks")  # Captum's
def test_equals_captum_and_in_place_changes_nothing(relu_network):
    images, targets = torch.rand(3, 3, 12, 12), torch.tensor([0, 2, 1])
    classifier = relu_network()
    ours = GuidedBackprop()(classifier, images, targets)
    theirs = CaptumGuidedBackprop(classifier).attribute(images.clone().requires_grad_(), targets)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=float(1e-5 * theirs.abs().max()))
    in_place = relu_network(lambda: nn.ReLU(inplace=True))
    assert torch.equal(GuidedBackprop()(in_place, images, targets), ours)
    shared = nn.ReLU()  # one module, run three times, which Captum cannot do
    assert torch.equal(GuidedBackprop()(relu_network(lambda: shared), images, targets), ours)
    plain = Saliency()(classifier, images, targets)
    assert not torch.allclose(ours, plain)


def test_mobilenet_is_guided_and_not_given_its_plain_gradient():
    import timm

    torch.manual_seed(0)
    classifier = classifier_of(timm.create_model("mobilenetv2_035", num_classes=3), size=32, classes=3)
    images, targets = torch.rand(1, 3, 32, 32), torch.tensor([1])
    ours = GuidedBackprop()(classifier, images, targets)

    class Guided(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(0, 6)

        @staticmethod
        def backward(ctx, *gradients):
            (x,) = ctx.saved_tensors
            return gradients[0].clamp_min(0) * ((x > 0) & (x < 6))

    class GuidedReLU6(nn.Module):
        def forward(self, x):
            return Guided.apply(x)

    for module in list(classifier.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU6):
                setattr(module, name, GuidedReLU6())
    by_hand = Saliency()(classifier, images, targets)
    torch.testing.assert_close(ours, by_hand, rtol=1e-4, atol=float(1e-5 * by_hand.abs().max()))


class After(nn.Module):
    """Each pixel through `act`, and its sums."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def forward(self, images):
        return self.act(images).sum((2, 3))[:, :2]


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (F.gelu, "GELU"),
        (F.silu, "SiLU"),
        (F.leaky_relu, "leaky ReLU"),
        (lambda x: torch.sigmoid(F.elu(x)), "ELU, sigmoid"),
        (lambda x: x * F.relu6(x + 3) / 6, "no activation"),  # a hard swish
        (lambda x: x * (F.relu6(x + 3) / 6), "no activation"),
        (lambda x: x.clamp(0, 1), "no activation"),
        (lambda x: checkpoint(F.relu, x, use_reentrant=True), "reentrant checkpointing"),
    ],
)
def test_networks_without_relu_are_refused(act, says):
    with pytest.raises(InputError, match=says):
        GuidedBackprop()(classifier_of(After(act)), torch.rand(1, 3, 8, 8), torch.tensor([0]))


def test_a_hard_swish_beside_a_relu_keeps_its_gradient():
    # relu6(x + 3) / 6 · x after a negative sign: a guided gate would take its slope away
    classifier = classifier_of(After(lambda x: F.relu(-(x - 2) * (F.relu6(x - 2 + 3) / 6))))
    images, targets = torch.rand(1, 3, 8, 8), torch.tensor([0])
    plain = Saliency()(classifier, images, targets)
    assert (plain < 0).any()
    with pytest.warns(Notice, match="plain gradient"):
        guided = GuidedBackprop()(classifier, images, targets)
    torch.testing.assert_close(guided, plain)


class Gated(nn.Module):
    """Convolutions with `act` behind them, each squeezed and excited through a ReLU; `relus` more on the way."""

    def __init__(self, act, relus=0):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(3))
        self.down, self.up, self.head = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1), nn.Linear(8, 2)
        self.act, self.relus = act, relus

    def forward(self, x):
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            x = block(x)
            x = F.relu(x) if i < self.relus else self.act(x)
            x = x * self.up(F.relu(self.down(x.mean((2, 3), keepdim=True)))).sigmoid()
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize(
    ("act", "named"), [(F.silu, "SiLU"), (F.gelu, "GELU"), (F.hardswish, "hard swish"), (F.mish, "Mish")]
)
def test_relus_in_gates_alone_are_said_every_time(act, named):
    torch.manual_seed(0)
    classifier = classifier_of(Gated(act))
    images, targets = torch.rand(3, 3, 8, 8), torch.tensor([0, 1, 1])
    for method in (GuidedBackprop(), GuidedBackprop(), GuidedGradCAM(layer="blocks.2")):
        with pytest.warns(Notice, match=f"plain gradient here .cosine .*{named}"):
            method(classifier, images, targets)
        assert named in method.note(classifier, images, targets)
    plain, guided = Saliency()(classifier, images, targets), input_gradient(classifier, images, targets, guide)
    assert F.cosine_similarity(plain.flatten(1), guided.flatten(1)).min() > 0.95  # what is said is true


@pytest.mark.parametrize("relus", [1, 3])
def test_nothing_is_said_where_relus_are_on_the_way(relus):
    torch.manual_seed(0)
    classifier = classifier_of(Gated(F.silu, relus))
    images, targets = torch.rand(3, 3, 8, 8), torch.tensor([0, 1, 1])
    GuidedBackprop()(classifier, images, targets)  # a Notice would be an error here
    assert GuidedBackprop().note(classifier, images, targets) == ""


def test_images_without_a_gradient_settle_nothing():
    classifier = classifier_of(After(lambda x: F.relu(x - 0.5)))
    dark, bright, targets = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8), torch.tensor([0])
    assert not GuidedBackprop()(classifier, dark, targets).any()
    with pytest.warns(Notice, match="plain gradient"):  # all of it is positive
        GuidedBackprop()(classifier, bright, targets)


@pytest.mark.parametrize("name", ["lcnet_035", "fastvit_t8", "efficientvit_b0"])
def test_real_networks_without_relus_on_the_way_are_said(name):
    import timm

    torch.manual_seed(0)
    classifier = classifier_of(timm.create_model(name, num_classes=2).eval(), size=64)
    with pytest.warns(Notice, match="plain gradient"):
        GuidedBackprop()(classifier, torch.rand(1, 3, 64, 64), torch.tensor([0]))
