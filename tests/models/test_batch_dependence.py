"""Networks whose answer to an image depends on the others of its batch are found, and read one image at a time."""

import numpy as np
import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.data.dataset import Split
from ironglass.errors import Notice
from ironglass.models import Classifier
from ironglass.models.batch_dependence import depends_on_batch, in_other_batches
from ironglass.models.predict import logits_of


class Standardised(nn.Module):
    def forward(self, x):
        return (x - x.mean(0)) / (x.std(0, correction=0) + 1e-3)


class Ranked(nn.Module):
    """Scales an image by its place in the batch."""

    def forward(self, x):
        return x * torch.linspace(0.5, 1.5, len(x)).view(-1, 1, 1, 1)


class Attending(nn.Module):
    """Images look at each other."""

    def forward(self, x):
        flat = x.flatten(1)
        return ((flat @ flat.T / 1000).softmax(1) @ flat).view_as(x) + x


class Largest(nn.Module):
    def forward(self, x):
        return (x + 2) / (x.mean((1, 2, 3)) + 2).amax()


def own(*first: nn.Module) -> Classifier:
    torch.manual_seed(0)
    body = nn.Sequential(*first, nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 4))
    return Classifier(body.eval(), mean=(0.5,) * 3, std=(0.25,) * 3, classes=tuple("abcd"), input_size=12)


DEPENDING = {
    "no running statistics": lambda: own(nn.BatchNorm2d(3, track_running_stats=False)),
    "standardised": lambda: own(Standardised()),
    "by place": lambda: own(Ranked()),
    "attending": lambda: own(Attending()),
    "by the largest": lambda: own(Largest()),
}
FREE = {
    "plain": lambda: own(),
    "batch-norm": lambda: own(nn.BatchNorm2d(3)),
    "group-norm": lambda: own(nn.GroupNorm(1, 3)),
    "instance-norm": lambda: own(nn.InstanceNorm2d(3)),
    "double": lambda: own().double(),
    "half": lambda: own().half(),
}


def split_of(n: int) -> Split:
    pixels = np.random.default_rng(0).integers(0, 256, (n, 12, 12, 3), dtype=np.uint8)
    pixels //= np.linspace(1, 4, n).astype(np.uint8)[:, None, None, None]
    return Split(pixels, np.arange(n) % 4, tuple(map(str, range(n))))


@pytest.mark.parametrize("n", [2, 3, 5, 40])
@pytest.mark.parametrize("kind", [*DEPENDING, *FREE])
def test_it_is_found_and_read_alone(kind, n):
    classifier, split = {**DEPENDING, **FREE}[kind](), split_of(n)
    before = torch.get_rng_state()
    assert depends_on_batch(classifier, split[:][0]) == (kind in DEPENDING)
    assert torch.equal(before, torch.get_rng_state())
    with torch.no_grad():
        alone = torch.cat([classifier(image[None]) for image in split[:][0]])
    if kind in DEPENDING:
        with pytest.warns(Notice, match="one at a time"):
            found = logits_of(classifier, split)
        torch.testing.assert_close(found, alone, rtol=1e-4, atol=1e-4)
        with pytest.warns(Notice, match="depends on the others"):
            numbers, _ = ig.evaluate(classifier, split)
        assert numbers["accuracy"]["value"] == (alone.argmax(1).numpy() == split.labels).mean()
    else:
        torch.testing.assert_close(logits_of(classifier, split).float(), alone.float(), rtol=1e-2, atol=1e-2)


def test_a_network_that_draws_lots_does_not_depend_on_its_batch():
    assert not depends_on_batch(own(nn.Dropout(0.5).train()), split_of(8)[:][0])

    class Noise(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    class Resized(nn.Module):
        def forward(self, x):
            return nn.functional.interpolate(x, int(torch.randint(10, 13, ())))

    assert not depends_on_batch(own(Noise()), split_of(8)[:][0])
    for seed in range(10):
        torch.manual_seed(seed)
        assert not depends_on_batch(own(Resized()), split_of(8)[:][0])


def test_a_network_of_one_batch_size_is_not_asked_for_another():
    class Fixed(nn.Module):
        def forward(self, x):
            return x.reshape(6, 3, 12, 12) * 1.0

    classifier = own(Fixed())
    with torch.no_grad():
        assert in_other_batches(classifier, torch.rand(6, 3, 12, 12)) is None


@pytest.mark.parametrize("kind", DEPENDING)
def test_it_is_never_trusted(kind):
    images, _ = split_of(120)[:]
    classifier = DEPENDING[kind]()
    with torch.no_grad():
        labels = classifier(images).argmax(1)
    for method in ("pgd-5", "fgsm"):
        verdict = ig.attack(classifier, images, labels, method).verdict
        assert verdict.word == "invalid"
        assert any("which others are in their batch" in reason for reason in verdict.reasons)
