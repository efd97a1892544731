"""Linear networks in closed form; the methods against each other."""

from itertools import pairwise

import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.attacks import L2, Linf
from ironglass.certify import prove
from ironglass.certify.closed_form import linear_radius
from ironglass.engine.bounds.graph import bound_graph
from random_classifiers import random_classifier


def linear_classifier(seed: int, classes: int = 4) -> ig.Classifier:
    network = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(27, classes))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
    names = [f"c{i}" for i in range(classes)]
    return ig.Classifier(network.eval(), mean=[0.4], std=[0.3], classes=names, input_size=6)


def weights_of(classifier: ig.Classifier) -> torch.Tensor:
    """Rows (k, 36) of the logits' derivatives, by autograd."""
    image = torch.zeros(1, 1, 6, 6, requires_grad=True)
    logits = classifier(image)[0]
    return torch.stack([torch.autograd.grad(one, image, retain_graph=True)[0].flatten() for one in logits]).double()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_radius_of_a_linear_network_is_where_the_nearest_misread_image_lies(norm: str) -> None:
    classifier = linear_classifier(0)
    images = torch.rand(20, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        labels = classifier(images).argmax(1)
    radius = ig.certify(classifier, images, labels, eps=0.0, norm=norm).radius
    assert radius is not None
    weights = weights_of(classifier)
    for image, label, reached in zip(images.double(), labels.tolist(), radius.tolist(), strict=True):
        least = []
        for other in {0, 1, 2, 3} - {label}:
            row = (weights[label] - weights[other]).view(1, 6, 6)
            room = torch.where(row > 0, image, 1 - image)
            # bisection on the multiplier t of the change -sign(w) min(t, room), or -min(t |w|, room)
            low, high = 0.0, 1e4
            for _ in range(100):
                middle = (low + high) / 2
                size = torch.minimum(torch.full_like(room, middle) if norm == "linf" else middle * row.abs(), room)
                with torch.no_grad():
                    logits = classifier.double()((image - row.sign() * size)[None])[0]
                low, high = (middle, high) if logits[label] > logits[other] else (low, middle)
            size = torch.minimum(torch.full_like(room, low) if norm == "linf" else low * row.abs(), room)
            least.append(float(size.max() if norm == "linf" else size.norm()))
        classifier.float()
        assert reached == pytest.approx(min(least), rel=1e-3, abs=2e-4)
        assert reached <= min(least)


def test_a_linear_network_that_is_never_misread_has_no_end_to_its_radius() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        network[1].weight.fill_(0.1)
        network[1].bias.copy_(torch.tensor([1.0, 0.0]))
    classifier = ig.Classifier(network, mean=[0.0], std=[1.0], classes=["a", "b"], input_size=2)
    images = torch.rand(2, 1, 2, 2)
    result = ig.certify(classifier, images, torch.tensor([0, 1]), eps=1.0)
    assert result.radius is not None
    assert result.radius.tolist() == [torch.inf, 0.0]
    assert result.certified.tolist() == [True, False]
    assert result.to_dict()["radius"] == [None, 0.0]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_crown_is_the_closed_form_on_linear_networks(norm: str) -> None:
    differ = 0
    for seed in range(3):
        classifier = linear_classifier(seed)
        images = torch.rand(20, 1, 6, 6, generator=torch.Generator().manual_seed(seed))
        graph = bound_graph(classifier, (6, 6))
        with torch.no_grad():
            labels = classifier(images).argmax(1)
            radius = linear_radius(graph, images, labels, norm)
            for factor, expected in ((0.99, True), (1.01, False)):
                for image in range(20):
                    one = slice(image, image + 1)
                    for method in ("crown", "interval"):
                        proof = prove(
                            graph, images[one], labels[one], norm=norm, eps=factor * float(radius[image]), method=method
                        )
                        differ += bool(proof.certified) != expected and float(radius[image]) > 0.01
    assert differ == 0


@pytest.mark.parametrize("method", ["auto", "interval", "crown-ibp"])
def test_fewer_images_are_certified_at_a_larger_eps(method: str) -> None:
    counts = []
    for seed in range(12):
        classifier = random_classifier(seed).eval()
        height, width = classifier.input_size
        images = torch.rand(16, classifier.channels, height, width, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            labels = classifier(images).argmax(1)
        flags = [
            ig.certify(classifier, images, labels, eps=eps, method=method).certified for eps in (0.0, 0.002, 0.01, 0.05)
        ]
        counts.append([int(flag.sum()) for flag in flags])
        if method == "interval":
            assert all((larger <= smaller).all() for smaller, larger in pairwise(flags))
    totals = torch.tensor(counts).sum(0).tolist()
    assert totals == sorted(totals, reverse=True)
    assert totals[0] > totals[-1]


def test_tighter_methods_certify_what_cheaper_ones_do() -> None:
    certified = {"interval": 0, "crown-ibp": 0, "crown": 0, "auto": 0}
    for seed in range(10):
        classifier = random_classifier(seed).eval()
        height, width = classifier.input_size
        images = torch.rand(16, classifier.channels, height, width, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            labels = classifier(images).argmax(1)
        for norm, eps in (("linf", 0.01), ("l2", 0.1)):
            results = {
                name: ig.certify(classifier, images, labels, eps=eps, norm=norm, method=name) for name in certified
            }
            for name, result in results.items():
                certified[name] += int(result.certified.sum())
            for name in ("interval", "crown-ibp", "crown"):
                if "linear" not in results["auto"].method:
                    assert (results["auto"].certified >= results[name].certified).all()
    assert certified["interval"] < certified["crown-ibp"] < certified["crown"] <= certified["auto"]


def test_threats_and_labels_are_checked() -> None:
    classifier, images = linear_classifier(0), torch.rand(2, 1, 6, 6)
    labels = torch.tensor([0, 1])
    with pytest.raises(ig.InputError, match=r"there is no norm 'l3'"):
        ig.certify(classifier, images, labels, eps=0.1, norm="l3")
    with pytest.raises(ig.InputError, match=r"there is no method 'crwn'.*crown"):
        ig.certify(classifier, images, labels, eps=0.1, method="crwn")
    with pytest.raises(ig.InputError, match="for bytes write 8/255"):
        ig.certify(classifier, images, labels, eps=8)
    with pytest.raises(ig.InputError, match="eps is"):
        ig.certify(classifier, images, labels, eps=(0.1, 0.2))  # type: ignore[arg-type]
    with pytest.raises(ig.InputError, match="labels"):
        ig.certify(classifier, images, torch.tensor([0, 9]), eps=0.1)
    with pytest.raises(ig.InputError, match="not linear"):
        ig.certify(random_classifier(3), torch.rand(1, *shape_of(3)), torch.tensor([0]), eps=0.1, method="linear")
    assert Linf(0.1).eps == L2(0.1).eps


def shape_of(seed: int) -> tuple[int, int, int]:
    classifier = random_classifier(seed)
    return classifier.channels, *classifier.input_size


def test_a_misread_image_is_never_certified_and_a_result_is_short() -> None:
    classifier = linear_classifier(0)
    images = torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        labels = (classifier(images).argmax(1) + 1) % 4
    result = ig.certify(classifier, images, labels, eps="1/255")  # type: ignore[arg-type]
    assert not result.certified.any()
    assert result.method == ("",) * 8
    assert repr(result) == (
        "Certificate(auto, Linf, eps 1/255, 8 images: certified 0.0 % (0.0 to 36.9); without a change 0.0 % (0.0 to "
        "36.9); nothing is proved)"
    )
    assert result.show() is not None
    assert result.accuracy_at(0.5)["value"] == 0


def test_images_of_a_size_that_the_network_does_not_take_are_refused_in_its_own_words() -> None:
    classifier = ig.Classifier(
        nn.Sequential(nn.Flatten(), nn.Linear(16, 2)), mean=[0.0], std=[1.0], classes=["a", "b"], input_size=4
    )
    with pytest.raises(ig.InputError, match="5 × 5"):
        ig.certify(classifier, torch.rand(2, 1, 5, 5), torch.tensor([0, 1]), eps=0.1)
