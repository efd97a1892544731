"""No image, attacked or drawn, leaves the bounds; no attack fools an image that is certified."""

import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.attacks import L2, PGD, Linf
from ironglass.certify import prove
from ironglass.engine.bounds.crown import crown_bounds, lower_bounds, undecided_values
from ironglass.engine.bounds.graph import bound_graph
from ironglass.engine.bounds.interval import interval_bounds
from ironglass.engine.bounds.region import region_of
from random_classifiers import random_classifier

IMAGES, SEEDS = 16, 40


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_attacked_images_stay_within_the_bounds_and_none_that_is_certified_is_fooled(norm: str) -> None:
    certified = attacked = fooled = 0
    for seed in range(SEEDS):
        classifier = random_classifier(seed).eval()
        generator = torch.Generator().manual_seed(seed)
        height, width = classifier.input_size
        images = torch.rand(IMAGES, classifier.channels, height, width, generator=generator)
        eps = 10 ** (-2.2 + 1.5 * float(torch.rand((), generator=generator)))
        threat = (Linf if norm == "linf" else L2)(eps)
        graph = bound_graph(classifier, (height, width))
        with torch.no_grad():
            labels = classifier(images).argmax(1)
            region = region_of(images, norm, eps)
            intervals = interval_bounds(graph, region)
            few = undecided_values(graph, intervals) < 1500
            crown = crown_bounds(graph, region) if few else intervals
            proof = prove(graph, images, labels, norm=norm, eps=eps, method="crown" if few else "crown-ibp")
            unit = torch.eye(len(classifier.classes)).double().repeat(IMAGES, 1)
            owner = torch.arange(IMAGES).repeat_interleave(len(classifier.classes))
            low = lower_bounds(graph, crown, region, unit, owner, tight=True).view(IMAGES, -1)
            high = -lower_bounds(graph, crown, region, -unit, owner, tight=True).view(IMAGES, -1)
        tries = [PGD(threat=threat, steps=8)(classifier, images, labels, generator=generator)]
        tries += [threat.start(images, generator) for _ in range(2)]
        for adversarial in tries:
            assert threat.allows(images, adversarial).all()
            with torch.no_grad():
                logits = classifier(adversarial)
            assert (logits >= torch.maximum(intervals.lows[-1], low)).all(), seed
            assert (logits <= torch.minimum(intervals.highs[-1], high)).all(), seed
            wrong = logits.argmax(1) != labels
            assert not (wrong & proof.certified).any(), seed
            attacked, fooled = attacked + IMAGES, fooled + int(wrong.sum())
        certified += int(proof.certified.sum())
    # both happen often enough for the test to mean something
    assert certified >= 100
    assert fooled >= 100
    assert attacked == SEEDS * 3 * IMAGES


def test_rounding_of_float32_is_covered() -> None:
    # the mean of 1e8 · (x - y) + 0.5 · x: float32 loses the second term in the sum, exact arithmetic does not. With
    # x = y both logits differ by 0.5 x exactly, while float32 may compute anything within the spacing of 1e8, 8
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[1e8 + 8, -1e8], [0.0, 0.0]]))
    classifier = ig.Classifier(network, mean=[0.0], std=[1.0], classes=["a", "b"], input_size=(1, 2))
    image = torch.full((1, 1, 1, 2), 0.3)
    exact = float((network[1].weight.detach().double() @ image.double().flatten())[0])
    assert exact == pytest.approx(2.4, abs=1e-6)
    for method in ("linear", "interval", "crown"):
        assert not ig.certify(classifier, image, torch.tensor([0]), eps=0.0, method=method).certified.any(), method
    with torch.no_grad():  # where float64 decides it, it is certified
        network[1].weight.copy_(torch.tensor([[1e3, -9e2], [0.0, 0.0]]))
    for method in ("linear", "interval", "crown"):
        assert ig.certify(classifier, image, torch.tensor([0]), eps=0.0, method=method).certified.all(), method


def test_regions_hold_all_that_a_threat_allows() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(64, 3, 6, 6, generator=generator)
    for norm, kind in (("linf", Linf), ("l2", L2)):
        for eps in (1e-6, 8 / 255, 0.5):
            threat, region = kind(eps), region_of(images, norm, eps)
            changed = threat.project(
                images, images + (1 if norm == "linf" else 9) * torch.randn(images.shape, generator=generator)
            )
            allowed = changed[threat.allows(images, changed)].double()
            assert len(allowed) == 64
            assert (allowed >= region.low).all()
            assert (allowed <= region.high).all()
            if region.radius is not None:
                assert ((allowed - region.centre).flatten(1).norm(dim=1) <= region.radius).all()
