"""A network that takes another way than the one it was watched on is explained and attacked as it is now."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import ironglass as ig
from ironglass.attacks.parts.ascent import input_gradient
from ironglass.engine.folding import guard
from ironglass.engine.folding.fold import PATIENCE, _cached_of, folded


class Changing(nn.Module):
    """Goes by `way`, which its owner may turn at any time, or by what it is given."""

    def __init__(self, other="clean"):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU6(inplace=True))
        self.conv, self.clean, self.adv = nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6), nn.BatchNorm2d(6)
        self.act, self.head = nn.ReLU6(inplace=True), nn.Linear(6, 5)
        self.way, self.other = "clean", other

    def forward(self, x):
        way = self.way
        if way == "bright":
            way = self.other if x.mean() > 0 else "clean"
        elif way == "large":
            way = self.other if x.shape[-1] > 16 else "clean"
        x = self.stem(x)
        maps = self.conv(x)
        match way:
            case "clean":
                x = self.act(self.clean(maps))
            case "adv":
                x = self.act(self.adv(maps))
            case "both":
                x = self.act((self.clean(maps) + self.adv(maps)) / 2)
            case "none":
                x = self.act(maps)
            case "skip":
                x = self.act(self.clean(maps) + maps)
            case "gate":
                x = self.act(self.clean(maps) * maps.detach().sigmoid())
            case "twice":
                x = self.act(self.clean(self.conv(self.clean(maps))))
            case "again":
                x = self.act(self.clean(maps)) + self.conv(x)
            case "weight":
                x = self.act(self.clean(maps)) + F.conv2d(x, self.conv.weight, padding=1)
            case "bias":
                x = self.act(self.clean(maps)) + self.conv.bias[:, None, None]
            case "written over":
                normed = self.clean(maps)
                x = self.act(normed) * normed
        return self.head(x.mean((2, 3)))


WAYS = ["adv", "both", "none", "skip", "gate", "twice", "again", "weight", "bias", "written over"]


def changing(other="clean"):
    torch.manual_seed(0)
    network = Changing(other)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.3, 3)
            nn.init.uniform_(module.weight, 0.3, 2)
            nn.init.normal_(module.bias)
    classes = [f"c{i}" for i in range(5)]
    return ig.Classifier(network.eval(), mean=(0.5,) * 3, std=(0.25,) * 3, classes=classes, input_size=16)


def plain_gradient(classifier, images, labels):
    images = images.clone().requires_grad_()
    logits = classifier.network((images - classifier.mean) / classifier.std)
    return torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), images)[0]


def plain_maps(classifier, images, labels):
    kept = {}
    # goes on with a copy, which an activation may write over
    handle = classifier.network.conv.register_forward_hook(lambda _, given, out: kept.update(out=out) or out.clone())
    logits = classifier.network((images.clone().requires_grad_() - classifier.mean) / classifier.std)
    handle.remove()
    gradient = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), kept["out"])[0]
    return (gradient.mean((2, 3), keepdim=True) * kept["out"]).sum(1, keepdim=True).detach()


def apart(found, expected):
    return ((found - expected).abs().max() / expected.abs().max()).item()


DATA = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1)), torch.arange(4)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("back", [False, True], ids=["", "and back"])
def test_a_flag_that_was_turned(way, back):
    classifier = changing()
    images, labels = DATA
    for turned in ("clean", way, "clean") if back else ("clean", way, way):
        classifier.network.way = turned
        assert (
            apart(ig.explain(classifier, images, labels, "saliency"), plain_gradient(classifier, images, labels)) < 1e-3
        )
        assert (
            apart(
                ig.explain(classifier, images, labels, "grad-cam", layers=("conv",))["conv"],
                plain_maps(classifier, images, labels),
            )
            < 1e-3
        )


@pytest.mark.parametrize("way", WAYS)
def test_a_condition_on_the_values_and_the_size(way):
    classifier = changing(way)
    _, labels = DATA
    for condition, given in (
        ("bright", [torch.rand(4, 3, 16, 16) * 0.4, torch.rand(4, 3, 16, 16) * 0.4 + 0.6]),
        ("large", [torch.rand(4, 3, 16, 16), torch.rand(4, 3, 24, 24)]),
    ):
        classifier.network.way = condition
        for images in (*given, given[0]):
            found = ig.explain(classifier, images, labels, "saliency")
            assert apart(found, plain_gradient(classifier, images, labels)) < 1e-3


@pytest.mark.parametrize("way", ["adv", "none", "both", "again"])
def test_a_way_that_changes_within_one_call(way):
    classifier = changing(way)
    classifier.network.way = "bright"
    dark, light = torch.rand(4, 3, 16, 16) * 0.4, torch.rand(4, 3, 16, 16) * 0.4 + 0.6
    with folded(classifier):
        for images in (dark, light, dark):
            expected = plain_gradient(changing(way).requires_grad_(False), images, DATA[1]) if images is dark else None
            images = images.clone().requires_grad_()
            found = torch.autograd.grad(classifier(images).gather(1, DATA[1][:, None]).sum(), images)[0]
            if expected is not None:
                assert apart(found, expected) < 1e-3
            else:
                other = changing()
                other.network.way = way
                assert apart(found, plain_gradient(other, images.detach(), DATA[1])) < 1e-3


def test_every_gradient_method_and_attack_follows_the_flag():
    images, labels = DATA
    fresh, turned = changing(), changing()
    for method in (
        "saliency",
        "input-x-gradient",
        "smooth-grad",
        "integrated-gradients",
        "guided-backprop",
        "occlusion",
    ):
        turned.network.way = "clean"
        ig.explain(turned, images, labels, method)
        fresh.network.way = turned.network.way = "skip"
        torch.testing.assert_close(
            ig.explain(turned, images, labels, method),
            ig.explain(changing_as("skip"), images, labels, method),
            rtol=1e-3,
            atol=1e-5,
        )
    for method in ("fgsm", "pgd-5", "mi-fgsm", "apgd-ce", "square", "deepfool"):
        turned.network.way = "clean"
        ig.attack(turned, images, labels, method, eps=0.05)
        turned.network.way = "skip"
        found = ig.attack(turned, images, labels, method, eps=0.05).adversarial
        expected = ig.attack(changing_as("skip"), images, labels, method, eps=0.05).adversarial
        assert (found - expected).abs().gt(1e-3).double().mean() < 0.02, method


def changing_as(way):
    classifier = changing()
    classifier.network.way = way
    return classifier


@pytest.mark.parametrize(
    "method", ["saliency", "grad-cam", "grad-cam++", "guided-backprop", "fgsm", "pgd-5", "apgd-ce"]
)
def test_an_ordinary_network_is_never_passed_through_unchanged(method, monkeypatch):
    classifier = changing()
    images, labels = DATA
    plain = []
    monkeypatch.setattr(guard.Guard, "_plain", lambda self, *given: plain.append(given) or self._forward(*given))
    for _ in range(2):
        if method in ig.explain.EXPLAINERS:
            ig.explain(classifier, images, labels, method)
        else:
            ig.attack(classifier, images, labels, method, eps=0.05)
    assert not plain
    assert _cached_of(classifier).plan.pairs


def test_the_gradient_of_the_loss_too():
    classifier = changing()
    images, labels = DATA
    input_gradient(classifier, images, labels)
    classifier.network.way = "adv"
    given = images.clone().requires_grad_()
    loss = F.cross_entropy(classifier(given), labels, reduction="sum")
    expected = torch.autograd.grad(loss, given)[0]
    assert apart(input_gradient(classifier, images, labels), expected) < 1e-3


def test_a_network_that_never_holds_is_left_alone_until_it_changes():
    classifier = changing("adv")
    classifier.network.way = "bright"
    images = torch.rand(2, 3, 16, 16) * 0.4 + 0.6
    for number in range(PATIENCE + 2):
        classifier.network.clean.momentum = number  # nothing that matters
        ig.explain(classifier, (images, images * 0.1)[number % 2], torch.tensor([0, 1]), "saliency")
    classifier.network.way = "clean"
    classifier.network.act = nn.ReLU()
    assert _cached_of(classifier).plan.pairs


def test_the_network_itself_is_asked_once_where_a_call_is_long(monkeypatch):
    classifier = changing()
    images, labels = DATA
    ig.explain(classifier, images, labels, "saliency")
    asked = []
    own = guard.Guard._unchanged_output
    monkeypatch.setattr(
        guard.Guard, "_unchanged_output", lambda self, given: asked.append(len(given)) or own(self, given)
    )
    ig.explain(classifier, images, labels, "saliency")
    assert asked == []
    with folded(classifier, passes=guard.MIN_PASSES):
        for _ in range(5):
            classifier(images)
    assert asked == [1]


def test_what_a_trace_cannot_see_shows_in_a_long_call():
    class Sly(nn.Module):
        """Reads the convolution's weights where no trace sees it."""

        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.head = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Linear(6, 5)
            self.loud = False

        def forward(self, x):
            maps = self.norm(self.conv(x))
            scale = self.conv.weight.detach().numpy().std() if self.loud else 1.0
            return self.head(F.relu(maps * float(scale)).mean((2, 3)))

    torch.manual_seed(0)
    network = Sly()
    network.norm.running_var.uniform_(4, 9)
    classifier = ig.Classifier(network.eval(), mean=(0.5,) * 3, std=(0.25,) * 3, classes=list("abcde"), input_size=16)
    images, labels = torch.rand(64, 3, 16, 16), torch.arange(64) % 5
    ig.explain(classifier, images, labels, "saliency")
    network.loud = True
    assert apart(ig.explain(classifier, images, labels, "saliency"), plain_gradient(classifier, images, labels)) < 1e-3


class Overwriting(nn.Module):
    """Normalises the images that it is given where they lie, as a script's own function would."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.conv, self.norm, self.act = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True)
        self.head = nn.Linear(6, 5)

    def forward(self, x):
        match self.how:
            case "in place":
                x.sub_(0.3).mul_(3)
            case "one image":
                x[:, 0] -= 0.5
            case "data":
                x.data = x.data * 3 - 1
            case "activation":
                x = F.leaky_relu(x.sub_(0.3), 0.1, inplace=True)
        return self.head(self.act(self.norm(self.conv(x))).mean((2, 3)))


@pytest.mark.parametrize("how", ["in place", "one image", "data", "activation"])
def test_that_writes_over_its_images_is_given_each_as_it_is(how):
    torch.manual_seed(0)
    network = Overwriting(how).eval()
    classifier = ig.Classifier(network, mean=(0.0,) * 3, std=(1.0,) * 3, classes=tuple("abcde"), input_size=12)
    images, labels = torch.rand(6, 3, 12, 12), torch.arange(6) % 5
    kept, leaf = images.clone(), images.clone().requires_grad_()
    plain = torch.autograd.grad(network(leaf * 1).gather(1, labels[:, None]).sum(), leaf)[0]
    for _ in range(3):  # the first call finds what can be changed, the next ones do it
        torch.testing.assert_close(ig.explain(classifier, images, labels, "saliency"), plain, rtol=1e-4, atol=1e-6)
    assert torch.equal(images, kept)
