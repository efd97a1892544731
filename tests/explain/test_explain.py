"""What every explainer does beyond the contract of `ironglass.testing.check_explainer`, and how they are chosen."""

import pytest
import torch
from torch import nn

from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS, GradCAM, Occlusion, explain
from ironglass.explain.parts import gradient
from ironglass.models import Classifier


class Tokens(nn.Module):
    def forward(self, maps):
        return maps.flatten(2).mT


class Mean(nn.Module):
    def forward(self, tokens):
        return tokens.mean(1)


@pytest.fixture
def classifier(request) -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    if "method" in request.fixturenames and request.getfixturevalue("method").startswith("attention-"):
        block = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        network = nn.Sequential(nn.Conv2d(3, 4, 5, stride=5), Tokens(), block, Mean(), nn.Linear(4, 5))
    return Classifier(network, mean=(0.5,) * 3, std=(0.2,) * 3, classes=tuple("abcde"), input_size=20)


@pytest.mark.parametrize("method", [name for name in EXPLAINERS if name != "occlusion"])
def test_chunks_do_not_matter(classifier, method, monkeypatch):
    images, targets = torch.rand(5, 3, 20, 20), torch.tensor([0, 1, 2, 4, 3])
    whole = _listed(explain(classifier, images, targets, method))
    for room in (1, 100_000):  # one image at a time, and a few
        monkeypatch.setattr(gradient, "SMALL_BATCH_VALUES", 0)
        monkeypatch.setattr(gradient, "AUTOGRAD_BYTES", room)
        for maps, part in zip(whole, _listed(explain(classifier, images, targets, method)), strict=True):
            torch.testing.assert_close(part, maps)


def _listed(found):
    return list(found.values()) if isinstance(found, dict) else [found]


@pytest.mark.parametrize("method", EXPLAINERS)
def test_an_image_is_explained_alike_alone_and_in_a_batch(classifier, method):
    images, targets = torch.rand(4, 3, 20, 20), torch.tensor([0, 1, 2, 4])
    together = _listed(explain(classifier, images, targets, method))
    alone = _listed(explain(classifier, images[2:3], targets[2:3], method))
    for some, one in zip(together, alone, strict=True):
        torch.testing.assert_close(some[2:3], one)


@pytest.mark.parametrize("method", EXPLAINERS)
def test_each_says_what_it_is_for_and_what_it_cannot_show(method):
    explainer = EXPLAINERS[method]
    assert explainer.paper.startswith(("arXiv ", "doi "))
    assert explainer.paper.split()[1] in type(explainer).__doc__
    assert len(explainer.words) > 30
    assert len(explainer.purpose) > 30
    assert len(explainer.limits) > 30


def test_fields_and_objects(classifier):
    images, targets = torch.rand(1, 3, 20, 20), torch.tensor([3])
    by_name = explain(classifier, images, targets, "occlusion", patch=5, stride=5)
    by_object = explain(classifier, images, targets, Occlusion(patch=5), stride=5)
    assert torch.equal(by_name, by_object)
    assert set(explain(classifier, images, targets, GradCAM(layers=("1",)))) == {"1"}


def test_bad_input_is_refused(classifier):
    images, targets = torch.rand(2, 3, 20, 20), torch.tensor([0, 1])
    with pytest.raises(InputError, match=r"did you mean grad-cam.*attention-relevance, occlusion"):
        explain(classifier, images, targets, "gradcam")
    with pytest.raises(InputError, match="patch, stride"):
        explain(classifier, images, targets, "occlusion", size=3)
    with pytest.raises(InputError, match="range from"):
        explain(classifier, images * 2, targets)
    for bad in (torch.tensor([0, 5]), torch.tensor([-1, 0]), torch.tensor([0]), torch.tensor([0.0, 1.0])):
        with pytest.raises(InputError, match="labels"):
            explain(classifier, images, bad)
