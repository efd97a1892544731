"""No image leaves [0, 1] or its ball: every attack, every norm, ten thousand random images, or a million when asked.

IRONGLASS_MILLION=1 pytest tests/attacks/test_million.py
"""

import math
import os
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.attacks import ATTACKS, L1, THREATS, Linf
from ironglass.models import Classifier
from ironglass.models.eval_without_grad import eval_without_grad

# no budget may leave the ball; a small one keeps a million images within minutes
BUDGET = {"steps": 3, "queries": 6, "search_steps": 2, "targets": 2}


def cheap(name, attack):
    budget = BUDGET | ({"steps": 1, "queries": 2} if name == "ensemble" else {})  # it is many attacks already
    chosen = {field.name for field in fields(attack) if field.name in budget and getattr(attack, field.name)}
    return replace(attack, **{name: budget[name] for name in chosen})


CHEAP = {name: cheap(name, attack) for name, attack in ATTACKS.items()}
SHAPES = ((1, 4, 4), (1, 4, 4), (1, 4, 4), (3, 8, 8))
SIZES = {  # None: of any order of magnitude
    "linf": (None, 0.0, 1e-8, 8 / 255, 1 / 255, 0.3, 1.0),
    "l2": (None, 0.0, 1e-8, 0.5, 1 / 255, 3.0, 20.0),
    "l1": (None, 0.0, 1e-8, 0.5, 1 / 255, 12.0, 200.0),
}
million = pytest.param(
    1_000_000,
    marks=[
        pytest.mark.slow,
        pytest.mark.skipif(not os.environ.get("IRONGLASS_MILLION"), reason="takes minutes: set IRONGLASS_MILLION=1"),
    ],
)


def draw_images(n: int, shape: tuple[int, int, int], generator: torch.Generator) -> torch.Tensor:
    """In turn uniform, as bytes, black and white, and next to 0, where rounding differs."""
    images = torch.rand(n, *shape, generator=generator)
    images[1::4] = (images[1::4] * 255).round() / 255
    images[2::4] = images[2::4].round()
    images[3::4] = images[3::4] ** 30
    return images


def draw_classifier(shape: tuple[int, int, int]) -> Classifier:
    channels, size, _ = shape
    network = [nn.Flatten(), nn.Linear(math.prod(shape), 4)]
    if channels > 1:
        network = [nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * size**2, 4)]
    return Classifier(
        nn.Sequential(*network), mean=(0.5,) * channels, std=(0.2,) * channels, classes=tuple("abcd"), input_size=size
    )


def excess(threat, images: torch.Tensor, adversarial: torch.Tensor) -> float:
    """By how much the largest change is beyond eps, and what float32 rounds of one, in float64; ∞ outside [0, 1]."""
    before, after = images.numpy().astype(np.float64), adversarial.numpy().astype(np.float64)
    if not ((after >= 0) & (after <= 1)).all():  # NaN too
        return math.inf
    change = np.abs(after - before).reshape(len(before), -1)
    if isinstance(threat, Linf):
        return change.max() - threat.eps - 2.0**-24
    if isinstance(threat, L1):
        return (change.sum(1) - 2.0**-24 * (change > 0).sum(1)).max() - threat.eps * (1 + 1e-6)
    return np.sqrt((change**2).sum(1)).max() - threat.eps * (1 + 1e-6) - 2.0**-24 * math.sqrt(change.shape[1])


@pytest.mark.parametrize("count", [10_000, million])
def test_no_image_leaves_its_ball(count):
    size = 500 if count == 10_000 else 10_000
    rng, norms = np.random.default_rng(0), list(THREATS)
    for number in range(count // size):
        norm, shape, eps = norms[number % 3], SHAPES[number // 3 % 4], SIZES[norms[number % 3]][number // 3 % 7]
        threat = THREATS[norm](10 ** rng.uniform(-6, 0) if eps is None else eps)
        generator = torch.Generator().manual_seed(number)
        torch.manual_seed(number)
        classifier, images = draw_classifier(shape), draw_images(size, shape, generator)
        with torch.no_grad(), eval_without_grad(classifier):
            labels = classifier(images).argmax(1)
        labels[::10] = (labels[::10] + 1) % 4  # misread as they are
        for name, attack in CHEAP.items():
            adversarial = replace(attack, threat=threat)(classifier, images, labels, generator=generator)
            where = f"{name}, {threat}, images {shape} of batch {number}"
            assert adversarial.shape == images.shape, where
            assert adversarial.dtype == torch.float32, where
            assert excess(threat, images, adversarial) <= 0, where
            if threat.eps == 0:
                assert torch.equal(adversarial, images), where


@pytest.mark.parametrize("norm", THREATS)
def test_the_check_would_see_a_millionth(norm):
    images = torch.full((1, 1, 4, 4), 0.5)
    inside, outside = (images.clone() for _ in range(2))
    inside[0, 0, 0, 0] += 0.1
    outside[0, 0, 0, 0] += 0.1 + 1e-6
    threat = THREATS[norm](0.1)
    assert excess(threat, images, inside) <= 0
    assert excess(threat, images, outside) > 0
    assert excess(THREATS[norm](1.0), images, images - torch.nextafter(images, images + 1)) == math.inf
    assert excess(THREATS[norm](1.0), images, images * torch.nan) == math.inf
