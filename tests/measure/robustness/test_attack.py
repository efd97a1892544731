"""Attacks with their verdicts: an honest network and deliberately broken ones."""

import numpy as np
import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.attacks import FGSM, Linf
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.measure.robustness.attack import attack, fgsm_curve
from ironglass.models import Classifier


class Brightness(nn.Module):
    """Class 1 where the mean pixel is above one half; honest, linear, and easy to compute by hand."""

    def forward(self, images):
        margin = 20 * (images.mean((1, 2, 3)) - 0.5)
        return torch.stack((-margin, margin), 1)


class Probabilities(Brightness):
    def forward(self, images):
        return super().forward(images).softmax(1)


class Rounded(Brightness):
    def forward(self, images):
        return super().forward(images.mul(255).round().div(255))


class Drawing(Brightness):
    def forward(self, images):
        return super().forward(images) + torch.rand(len(images), 2)


class Infinite(Brightness):
    """The root's slope at 0 is infinite."""

    def forward(self, images):
        return super().forward(images) + (images - images).sum((1, 2, 3)).sqrt()[:, None]


def classifier_of(network: nn.Module) -> Classifier:
    return Classifier(network, mean=(0.0,), std=(1.0,), classes=("dark", "bright"), input_size=4)


def bright_and_dark(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Flat images 0.40, 0.42, ... around one half, as n repeats; the first of them carries a wrong label."""
    levels = torch.tensor([0.40, 0.44, 0.48, 0.52, 0.56, 0.60]).repeat(-(-n // 6))[:n]
    labels = (levels > 0.5).long()
    labels[0] = 1
    return levels.view(-1, 1, 1, 1).expand(n, 1, 4, 4).clone(), labels


def split_of(n: int) -> Split:
    images, labels = bright_and_dark(n)
    pixels = images.mul(255).round().byte().permute(0, 2, 3, 1).numpy()
    return Split(np.ascontiguousarray(pixels), labels.numpy(), tuple(str(i) for i in range(n)))


def test_attack_by_hand():
    images, labels = bright_and_dark(120)
    result = attack(classifier_of(Brightness()), images, labels, "fgsm", eps=0.05)
    sign = torch.where(labels == 0, 1.0, -1.0).view(-1, 1, 1, 1)
    torch.testing.assert_close(result.adversarial, images + 0.05 * sign)
    # 0.48 and 0.52 cross one half, and the first image was wrong from the start
    expected = [True, False, True, True, False, False] + [False, False, True, True, False, False] * 19
    assert result.fooled.tolist() == expected
    assert torch.equal(result.predictions != labels, result.fooled)
    assert result.verdict.word == "suspect"
    assert ["upper bound" in reason for reason in result.verdict.reasons] == [True]


def test_a_stronger_attack_is_trusted_and_noise_is_not():
    images, labels = bright_and_dark(120)
    assert attack(classifier_of(Brightness()), images, labels, "pgd-20").verdict.word == "trusted"
    assert "control" in attack(classifier_of(Brightness()), images, labels, "noise").verdict.reasons[0]


@pytest.mark.parametrize(
    ("network", "word", "says"),
    [
        (Probabilities, "suspect", "probabilities"),
        (Rounded, "invalid", "zero on 100.0 %"),
        (Drawing, "invalid", "two passes"),
        (Infinite, "invalid", "not finite"),
    ],
)
def test_broken_networks(network, word, says):
    images, labels = bright_and_dark(120)
    found = attack(classifier_of(network()), images, labels, "pgd-20").verdict
    assert found.word == word
    assert says in found.reasons[0]
    curve = fgsm_curve(classifier_of(network()), split_of(120), [0.02]).numbers["verdict"]
    assert curve["word"] == word
    assert says in curve["reasons"][0]


def test_few_images():
    images, labels = bright_and_dark(30)
    assert "only 30 images" in attack(classifier_of(Brightness()), images, labels, "pgd-20").verdict.reasons[0]


def test_seed_norm_and_settings():
    images, labels = bright_and_dark(6)
    classifier = classifier_of(Brightness())
    noisy = [attack(classifier, images, labels, "noise", seed=seed).adversarial for seed in (1, 1, 2)]
    assert torch.equal(noisy[0], noisy[1])
    assert not torch.equal(noisy[0], noisy[2])
    moved = attack(classifier, images, labels, "fgsm", norm="l2", eps=0.2).adversarial - images
    torch.testing.assert_close(moved.flatten(1).norm(dim=1), torch.full((6,), 0.2))
    one = {"steps": 1, "random_start": False, "step_size": 8 / 255, "leave": False}
    few = attack(classifier, images, labels, "pgd-20", **one)
    assert torch.equal(few.adversarial, attack(classifier, images, labels, "fgsm").adversarial)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"method": "pgd"}, "fgsm, noise, pgd-20"),
        ({"norm": "l3"}, "linf, l2, l1"),
        ({"method": "fgsm", "steps": 3}, "targeted, eps, norm"),
        ({"threat": Linf(0.1)}, "no setting 'threat'"),
        ({"eps": -1}, "eps is -1"),
    ],
)
def test_bad_input_is_refused(fields, says):
    with pytest.raises(InputError, match=says):
        attack(classifier_of(Brightness()), *bright_and_dark(6), **fields)


def test_bad_images_and_labels_are_refused():
    images, labels = bright_and_dark(6)
    with pytest.raises(InputError, match="range from"):
        attack(classifier_of(Brightness()), images * 255, labels)
    with pytest.raises(InputError, match="labels range"):
        attack(classifier_of(Brightness()), images, labels + 1)


def test_the_public_name():
    assert ig.attack is attack


def test_curve_by_hand():
    done = []
    curve = fgsm_curve(
        classifier_of(Brightness()),
        split_of(120),
        (0.05, 0.15, 0.05),
        batch_size=50,
        progress=lambda *step: done.append(step),
    )
    numbers = curve.numbers
    assert (numbers["norm"], numbers["n"]) == ("linf", 120)
    assert [point["eps"] for point in numbers["points"]] == [0, 0.05, 0.15]
    # of 120 images one is mislabelled: 119 right; at 0.05 two of six levels cross; at 0.15 all of them
    assert [point["accuracy"]["value"] * 120 for point in numbers["points"]] == pytest.approx([119, 79, 0])
    assert [point["fooled"]["value"] * 119 for point in numbers["points"]] == pytest.approx([0, 40, 119])
    assert {point["fooled"]["n"] for point in numbers["points"]} == {119}
    assert numbers["verdict"]["word"] == "suspect"
    assert len(numbers["verdict"]["reasons"]) == 1
    assert done == [(50, 120), (100, 120), (120, 120)]
    for point, size in zip(curve.points, (0, 0.05, 0.15), strict=True):
        assert point.eps == size
        assert point.logits.shape == (120, 2)
        np.testing.assert_allclose(point.linf, size, atol=1e-6)


def test_curve_equals_single_attacks():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2))
    classifier, split = classifier_of(network), split_of(20)
    curve = fgsm_curve(classifier, split, [0.1], batch_size=8)
    images, labels = split[:]
    with torch.no_grad():
        single = classifier.eval()(FGSM(threat=Linf(0.1))(classifier, images, labels))
    torch.testing.assert_close(curve.points[1].logits, single)


def test_curve_of_a_network_that_is_always_wrong():
    split = split_of(12)
    flipped = Split(split.pixels, 1 - split.labels, split.names)
    flipped.labels[0] = 1
    point = fgsm_curve(classifier_of(Brightness()), flipped, [0.01]).numbers["points"][1]
    assert point["fooled"] == {"value": 0.0, "low": 0.0, "high": 1.0, "n": 0}


def test_rising_accuracy_is_suspect():
    class Wave(nn.Module):
        """Right again once the step is long enough to reach the next valley."""

        def forward(self, images):
            margin = 5 * torch.cos(20 * torch.pi * (images.mean((1, 2, 3)) - 0.49))
            return torch.stack((margin, -margin), 1)

    images = np.full((200, 4, 4, 1), round(0.5 * 255), dtype=np.uint8)
    split = Split(images, np.zeros(200, dtype=np.int64), tuple(map(str, range(200))))
    verdict = fgsm_curve(classifier_of(Wave()), split, [0.04, 0.09]).numbers["verdict"]
    assert any("accuracy rises from 0.0 % at eps 0.04 to 100.0 % at 0.09" in reason for reason in verdict["reasons"])


def test_an_empty_split_and_a_bad_eps_are_refused():
    split = split_of(6)
    with pytest.raises(InputError, match="empty"):
        fgsm_curve(classifier_of(Brightness()), split.take(slice(0, 0)), [0.1])
    with pytest.raises(InputError, match="8/255"):
        fgsm_curve(classifier_of(Brightness()), split, [8])
