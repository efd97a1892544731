"""What every attack does beyond the contract of `ironglass.testing.check_attack`, and closed forms."""

from dataclasses import fields, replace

import pytest
import torch
from torch import nn

from ironglass.attacks import ATTACKS, FGSM, PGD, THREATS, Noise
from ironglass.models import Classifier
from ironglass.models.eval_without_grad import eval_without_grad

# the contract holds at any budget; a small one keeps it quick
QUICK = {
    name: replace(attack, **{field.name: 12 for field in fields(attack) if field.name in ("steps", "queries")})
    if name not in ("fgsm", "pgd-20")
    else attack
    for name, attack in ATTACKS.items()
}
every = pytest.mark.parametrize("attack", QUICK.values(), ids=list(QUICK))
norms = pytest.mark.parametrize("norm", THREATS)
# the others leave an image as it is once it is fooled, so that less can be said of how far they go
WHOLE_WAY = {"fgsm": ATTACKS["fgsm"], "pgd-20": PGD(steps=20), "mi-fgsm": ATTACKS["mi-fgsm"]}
whole_way = pytest.mark.parametrize("attack", WHOLE_WAY.values(), ids=list(WHOLE_WAY))
DRAWS_NOTHING = {"fgsm", "mi-fgsm", "deepfool", "carlini-wagner", "ddn", "fmn", "fab", "fab-t"}


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Flatten(),
        nn.Linear(256, 5),
    )
    return Classifier(network, mean=(0.5,) * 3, std=(0.2,) * 3, classes=tuple("abcde"), input_size=8)


@pytest.fixture
def batch(classifier) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    images = torch.rand(6, 3, 8, 8, generator=generator)
    images[0], images[1] = 0, 1  # at the border
    with torch.no_grad(), eval_without_grad(classifier):
        labels = classifier(images).argmax(1)
    labels[5] = (labels[5] + 1) % 5  # misread as it is
    return images, labels


@pytest.mark.parametrize("name", QUICK)
@norms
def test_other_seeds_give_other_bits_where_something_is_drawn(name, norm, classifier, batch):
    attack = replace(QUICK[name], threat=THREATS[norm](0.1))
    seeded = [attack(classifier, *batch, generator=torch.Generator().manual_seed(seed)) for seed in (3, 4)]
    assert torch.equal(*seeded) == (name in DRAWS_NOTHING)


@whole_way
@pytest.mark.parametrize("norm", ["linf", "l2"])  # L1's own: test_l1.py
def test_closed_form_on_a_linear_classifier(attack, norm):
    # two logits z = ±w·x: the loss of label 0 rises along -w, of label 1 along w, and so does every step
    torch.manual_seed(1)
    weight = torch.randn(1, 1, 4, 4)
    head = nn.Linear(16, 2, bias=False)
    head.weight.data = torch.cat((weight.flatten(1), -weight.flatten(1)))
    network = nn.Sequential(nn.Flatten(), head)
    classifier = Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=4)
    images, labels, eps = torch.full((2, 1, 4, 4), 0.5), torch.tensor([0, 1]), 0.2
    attack = replace(attack, threat=THREATS[norm](eps))
    if norm == "l2" and isinstance(attack, PGD):  # each step takes off half of the random start's sideways part
        attack = replace(attack, step_size=eps)
    adversarial = attack(classifier, images, labels)
    best = weight.sign() if norm == "linf" else weight / weight.norm()
    expected = images + eps * best * torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1)
    torch.testing.assert_close(adversarial, expected, rtol=0, atol=1e-6)


@whole_way
@norms
def test_attacks_beat_noise(attack, norm, classifier, batch):
    images, labels = batch
    threat = THREATS[norm]({"linf": 0.05, "l2": 0.5, "l1": 5.0}[norm])

    def loss(images):
        with torch.no_grad():
            return nn.functional.cross_entropy(classifier.eval()(images), labels, reduction="none")

    assert (loss(replace(attack, threat=threat)(classifier, images, labels)) > loss(images)).all()
    noisy = Noise(threat=threat)(classifier, images, labels)
    assert (loss(replace(attack, threat=threat)(classifier, images, labels)) > loss(noisy)).all()


@pytest.mark.parametrize("attack", [FGSM(), PGD(steps=5)], ids=["fgsm", "pgd"])
def test_targets_are_approached(attack, classifier, batch):
    images, labels = batch
    targeted = (labels + 2) % 5
    adversarial = replace(attack, targeted=targeted)(classifier, images, labels)

    def probability(images):
        with torch.no_grad():
            return classifier.eval()(images).softmax(1).gather(1, targeted[:, None])

    assert (probability(adversarial) > probability(images)).all()


@every
def test_a_network_without_gradients_or_with_nan_still_keeps_the_threat(attack, batch):
    class Broken(nn.Module):
        def __init__(self, nan):
            super().__init__()
            self.nan = nan

        def forward(self, images):
            pixels = images.flatten(1)[:, :5]
            return (pixels - 1e3).sqrt() if self.nan else pixels.detach()

    for nan in (False, True):
        classifier = Classifier(Broken(nan), mean=(0.0,) * 3, std=(1.0,) * 3, classes=tuple("abcde"), input_size=8)
        adversarial = attack(classifier, *batch)
        assert attack.threat.allows(batch[0], adversarial).all()
        if isinstance(attack, FGSM):
            assert torch.equal(adversarial, batch[0])
