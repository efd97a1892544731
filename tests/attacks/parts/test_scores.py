"""Networks whose outputs are no logits are attacked as their logits are, and the verdict says what was found."""

from copy import deepcopy
from dataclasses import fields

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import ironglass as ig
from ironglass.attacks import ATTACKS, Linf, find_attack
from ironglass.attacks.parts.scores import LOGITS, Scores, attackable, outputs_of
from ironglass.attacks.parts.squash import Watch, inverse, keeps_order
from ironglass.models import Classifier
from ironglass.models.batch_dependence import undisturbed
from ironglass.models.eval_without_grad import eval_without_grad

EPS = 0.1


@pytest.fixture(scope="module")
def digits():
    return ig.load_dataset("digits", size=8)


@pytest.fixture(scope="module")
def network(digits) -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3, 2, 1), nn.ReLU(), nn.Flatten())
    net.append(nn.Linear(384, 10))
    pixels, labels = digits.train[:]
    descent = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(10):
        for index in torch.randperm(len(labels)).split(100):
            descent.zero_grad()
            F.cross_entropy(net((pixels[index] - 0.3) / 0.4), labels[index]).backward()
            descent.step()
    return net.eval()


@pytest.fixture(scope="module")
def batch(digits):
    images, labels = digits.test[:]
    return images[:120], labels[:120]


def wrapped(network: nn.Module, digits) -> Classifier:
    return Classifier(network.eval(), mean=(0.3,), std=(0.4,), classes=digits.classes, input_size=8)


class Ends(nn.Module):
    def __init__(self, network, end):
        super().__init__()
        self.network, self.end = network, end

    def forward(self, images):
        return self.end(self.network(images))


class Halved(nn.Module):
    """Computes in float16, whatever it is given."""

    def __init__(self, network, end):
        super().__init__()
        self.network, self.end = deepcopy(network).half(), end

    def forward(self, images):
        return self.end(self.network(images.half()))


ENDS = {
    "softmax module": (nn.Softmax(1), "softmax"),
    "softmax": (lambda z: F.softmax(z, dim=1), "softmax"),
    "softmax method": (lambda z: z.softmax(-1), "softmax"),
    "softmax of 8 times": (lambda z: (8 * z).softmax(1), "softmax"),
    "softmax of the half": (lambda z: (z / 2).softmax(1), "softmax"),
    "twice softmax": (lambda z: z.softmax(1).softmax(1), "softmax"),
    "softmax in percent": (lambda z: 100 * z.softmax(1), "softmax"),
    "log of softmax": (lambda z: (z.softmax(1) + 1e-12).log(), "softmax"),
    "softmax with dimensions": (lambda z: z[:, :, None, None].softmax(1).flatten(1), "softmax"),
    "sigmoid module": (nn.Sigmoid(), "sigmoid"),
    "sigmoid": (torch.sigmoid, "sigmoid"),
    "sigmoid in place": (lambda z: z.sigmoid_(), "sigmoid"),
    "sigmoid of all": (lambda z: z.sigmoid() / z.sigmoid().sum(1, keepdim=True), "sigmoid"),
    "special sigmoid": (torch.special.expit, "sigmoid"),
    "tanh module": (nn.Tanh(), "tanh"),
    "tanh": (torch.tanh, "tanh"),
    "bounds": (nn.Hardtanh(-6, 6), "clipping"),
    "exponential": (lambda z: z.exp(), "exponential"),
    "log-softmax": (nn.LogSoftmax(1), ""),
    "a thousandth": (lambda z: 1e-3 * z, ""),
    "a millionth": (lambda z: 1e-6 * z, ""),
    "ten thousand": (lambda z: 1e4 * z, ""),
    "a million": (lambda z: 1e6 * z, ""),
    "cosines": (lambda z: 0.9 * z / z.norm(dim=1, keepdim=True), ""),
    "a thousandth of softmax": (lambda z: (1e-3 * z).softmax(1), "softmax"),
}


@pytest.mark.parametrize("end", ENDS)
def test_as_many_are_fooled_as_by_the_logits(end, network, digits, batch):
    function, squash = ENDS[end]
    plain = ig.attack(wrapped(network, digits), *batch, "pgd-20", eps=EPS)
    squashed = wrapped(Ends(network, function), digits)
    found = ig.attack(squashed, *batch, "pgd-20", eps=EPS)
    with torch.no_grad():
        assert torch.equal(found.fooled, squashed(found.adversarial).argmax(1) != batch[1])
    assert Linf(EPS).allows(batch[0], found.adversarial).all()
    assert 0.3 < plain.fooled.float().mean() < 0.97
    assert found.fooled.float().mean() >= plain.fooled.float().mean() - 0.03
    how = outputs_of(squashed, batch[0])
    assert how.squash == squash
    assert how.watched == bool(squash)
    if squash or how.factor != 1:
        assert found.verdict.word == "suspect"
        assert any((squash or "attacks") in reason for reason in found.verdict.reasons)


@pytest.mark.parametrize("name", ["fgsm", "mi-fgsm-10", "apgd-ce-20", "apgd-dlr-20", "apgd-margin-20", "fab-20"])
@pytest.mark.parametrize("end", ["softmax", "sigmoid", "tanh", "a thousandth", "ten thousand"])
def test_every_gradient_attack(name, end, network, digits, batch):
    plain, squashed = wrapped(network, digits), wrapped(Ends(network, ENDS[end][0]), digits)
    fooled = [ig.attack(one, *batch, name, eps=EPS).fooled.float().mean() for one in (plain, squashed)]
    assert fooled[1] >= fooled[0] - 0.03


@pytest.mark.filterwarnings("ignore::FutureWarning")  # TorchScript's, of its own end
@pytest.mark.parametrize("end", ["softmax", "sigmoid", "tanh"])
def test_what_cannot_be_watched_is_undone_by_the_numbers(end, network, digits, batch):
    script = torch.jit.trace(Ends(network, ENDS[end][0]), torch.zeros(2, 1, 8, 8), check_trace=False)
    squashed = wrapped(script, digits)
    how = outputs_of(squashed, batch[0])
    assert (how.squash, how.watched) == (end, False)
    found = ig.attack(squashed, *batch, "pgd-20", eps=EPS)
    plain = ig.attack(wrapped(network, digits), *batch, "pgd-20", eps=EPS)
    assert found.verdict.word != "trusted"
    assert any("inverse" in reason for reason in found.verdict.reasons)
    if end == "softmax":  # of a float32 near 1 the others know nothing
        assert found.fooled.float().mean() >= plain.fooled.float().mean() - 0.03


@pytest.mark.parametrize("end", ["logits", "softmax", "sigmoid", "a thousandth"])
def test_half_precision(end, network, digits, batch):
    plain = ig.attack(wrapped(network, digits), *batch, "pgd-20", eps=EPS).fooled.float().mean()
    function = ENDS[end][0] if end in ENDS else nn.Identity()
    found = ig.attack(wrapped(Halved(network, function), digits), *batch, "pgd-20", eps=EPS)
    assert found.fooled.float().mean() >= plain - 0.03
    assert not any("not finite" in reason or "zero" in reason for reason in found.verdict.reasons)


def test_a_saturated_tie_is_the_networks_own_choice(network, digits, batch):
    """Sigmoids of large logits are all 1: the first of them is what the network says, in the attack as in a pass."""
    squashed = wrapped(Ends(network, lambda z: (40 + 4 * z).sigmoid()), digits)
    with torch.no_grad():
        own = squashed(batch[0]).argmax(1)
        assert (own != wrapped(network, digits)(batch[0]).argmax(1)).float().mean() > 0.3
        with attackable(squashed) as target:
            assert torch.equal(target(batch[0]).argmax(1), own)
            assert torch.equal(target(batch[0]).argmax(1), own)
    found = ig.attack(squashed, *batch, "pgd-20", eps=EPS)
    with torch.no_grad():
        assert torch.equal(found.predictions, squashed(found.adversarial).argmax(1))


@pytest.mark.parametrize("name", ATTACKS)
def test_ordinary_networks_keep_their_bits(name, network, digits, batch, monkeypatch):
    few = batch[0][:12], batch[1][:12]
    short = {"ensemble": "ensemble", "deepfool": "deepfool-5", "carlini-wagner": "carlini-wagner-5"}
    attack = find_attack(short.get(name, name))
    classifier = wrapped(network, digits)
    if name == "ensemble":
        attack = type(attack)(steps=3, queries=20)
    assert outputs_of(classifier, few[0]) == LOGITS or outputs_of(classifier, few[0]).factor == 1
    found = attack(classifier, *few)
    monkeypatch.setattr(Scores, "forward", Classifier.forward)
    assert torch.equal(found, attack(classifier, *few))


def test_no_pass_more(network, digits, batch):
    passes = []
    counted = Ends(network, lambda z: passes.append(len(z)) or z)
    classifier = wrapped(counted, digits)
    find_attack("fgsm")(classifier, *batch)  # finds, once a network, what can be folded
    passes.clear()
    find_attack("pgd-3")(classifier, *batch)
    assert len(passes) == 3
    assert passes[0] == len(batch[0])


def test_watch_goes_only_through_what_keeps_the_order():
    z = torch.randn(6, 4)
    for end, name in (
        (lambda z: -z.softmax(1), None),
        (lambda z: z.softmax(0), None),  # of the batch, not of an image
        (lambda z: z.softmax(1) @ torch.eye(4), None),
        (lambda z: z.softmax(1)[:, [1, 0, 2, 3]], None),
        (lambda z: z.softmax(1) * torch.tensor([1.0, 5.0, 0.1, 1.0]), None),
        (lambda z: z, None),
        (lambda z: z.softmax(1) * 2 + 1, "softmax"),
        (lambda z: z.relu(), "ReLU"),
        (lambda z: torch.relu_(z.clone()), "ReLU"),
        (lambda z: F.relu(z.clone(), inplace=True), "ReLU"),
        (lambda z: z.double().sigmoid().float(), "sigmoid"),
        (lambda z: z.clamp(-0.5, 0.5), "clipping"),
    ):
        with Watch(24) as watch:
            outputs = end(z)
        found = watch.into(outputs)
        assert (found and found.name) == name
        if found:
            torch.testing.assert_close(found.scores.float(), z)


def test_order_and_inverse():
    z = torch.tensor([[1.0, 2.0, 3.0]])
    assert keeps_order(z, torch.tensor([[0.0, 0.0, 1.0]]))
    assert not keeps_order(z, torch.tensor([[0.0, 1.0, 0.5]]))
    assert keeps_order(z, torch.tensor([[-torch.inf, -torch.inf, 1.0]]))
    assert inverse(torch.tensor([[3.0, -1.0]])) is None
    assert inverse(torch.tensor([[0.5, -0.9]])) is None
    assert inverse(torch.tensor([[0.4, 0.45], [0.3, 0.5]])) is None  # the logits of a young network
    z = torch.tensor([[-1.0, 0.0, 1.0]])
    for squash, function in (("softmax", lambda z: z.softmax(1)), ("sigmoid", torch.sigmoid), ("tanh", torch.tanh)):
        found = inverse(function(3 * z))
        assert found is not None
        assert found[0] == squash
        undone = found[1](function(3 * z))
        torch.testing.assert_close(undone.float().diff(dim=1), torch.full((1, 2), 3.0), rtol=1e-2, atol=0)


def test_what_a_network_draws_is_given_back():
    before = torch.rand(1, generator=torch.Generator().manual_seed(0)), torch.get_rng_state()
    with undisturbed(torch.device("cpu")):
        torch.rand(5)
    assert torch.equal(before[1], torch.get_rng_state())


IMAGES = {
    "requires grad": lambda x: x.clone().requires_grad_(),
    "on a graph": lambda x: x.clone().requires_grad_() * 1.0,
    "inference": lambda x: torch.inference_mode()(lambda: x.clone())(),
    "transposed": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
    "channels last": lambda x: x.to(memory_format=torch.channels_last),
    "expanded": lambda x: x[:1].expand(len(x), -1, -1, -1),
    "every second": lambda x: torch.stack((x, x), 1).flatten(0, 1)[::2],
}


@pytest.mark.parametrize("name", [*ATTACKS])
@pytest.mark.parametrize("kind", IMAGES)
def test_no_image_hangs_on_a_graph(name, kind):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    classifier = Classifier(net, mean=(0.5,) * 3, std=(0.25,) * 3, classes=tuple("abcde"), input_size=8).eval()
    plain = torch.rand(4, 3, 8, 8)
    images, labels = IMAGES[kind](plain), torch.arange(4)
    short = {"steps": 3, "queries": 5, "search_steps": 2}
    settings = {field.name: short[field.name] for field in fields(ATTACKS[name]) if field.name in short}
    found = ig.attack(classifier, images, labels, name, **settings)
    same = ig.attack(classifier, images.detach().clone().contiguous(), labels, name, **settings)
    for one in (found.adversarial, found.predictions, found.fooled):
        assert not one.requires_grad
        assert one.grad_fn is None
        assert not one.is_inference()
    torch.testing.assert_close(found.adversarial, same.adversarial)
    assert images.grad is None if images.is_leaf else True
    with eval_without_grad(classifier), torch.no_grad():
        assert torch.equal(classifier(found.adversarial).argmax(1), found.predictions)
