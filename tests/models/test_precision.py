"""Networks of every precision, and images of every precision."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ironglass as ig
from ironglass.attacks import ATTACKS
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS
from ironglass.models import Classifier, load_classifier, save_classifier

PRECISIONS = (torch.float16, torch.bfloat16, torch.float64)
CLASSES = tuple("abcde")
IMAGES = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(4)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5),
    ).eval()  # fmt: skip


def classifier_of(net: nn.Module) -> Classifier:
    return Classifier(net, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), classes=CLASSES, input_size=16)


def close(precision: torch.dtype) -> dict[str, Any]:
    noise = {torch.float16: 0.01, torch.bfloat16: 0.08, torch.float64: 1e-5, torch.float32: 1e-6}[precision]
    return {"rtol": noise, "atol": noise, "check_dtype": False}


@pytest.mark.parametrize("of_images", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("precision", [*PRECISIONS, torch.float32])
def test_logits_are_those_of_float32(precision: torch.dtype, of_images: torch.dtype) -> None:
    classifier, plain = classifier_of(network().to(precision)), classifier_of(network())
    images = IMAGES.to(of_images)
    found = classifier(images)
    assert found.dtype == (torch.float64 if precision == torch.float64 else torch.float32)
    torch.testing.assert_close(found, plain(images.float()), **close(precision))
    said = str(precision).removeprefix("torch.")
    assert (f"it computes in {said}" in classifier.adaptation) == (precision != torch.float32)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_explainer(precision: torch.dtype) -> None:
    classifier, plain = classifier_of(network().to(precision)), classifier_of(network())
    for method in EXPLAINERS:
        few = {"occlusion": {"patch": 4, "stride": 4}, "rise": {"budget": 20}, "kernel-shap": {"budget": 100}}
        settings: Any = few.get(method, {})
        if method.startswith("attention"):  # there is none
            continue
        found = ig.explain(classifier, IMAGES.double(), LABELS, method, **settings)
        expected = ig.explain(plain, IMAGES, LABELS, method, **settings)
        pairs = [(found[name], expected[name]) for name in found] if isinstance(found, dict) else [(found, expected)]
        for one, other in pairs:
            assert one.isfinite().all()
            alike = torch.corrcoef(torch.stack((one.flatten().double(), other.flatten().double())))[0, 1]
            assert alike > 0.95, method  # a ReLU here and there turns


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "ensemble"])
def test_every_attack(precision: torch.dtype, name: str) -> None:
    classifier = classifier_of(network().to(precision))
    settings: dict[str, Any] = {"norm": "l2"} if name in ("deepfool", "carlini-wagner") else {}
    settings |= {"steps": 3} if name == "carlini-wagner" else {"queries": 20} if name == "square" else {}
    found = ig.attack(classifier, IMAGES.double(), LABELS, name, eps=0.1, **settings)
    assert found.adversarial.dtype == torch.float32
    assert 0 <= found.adversarial.min() <= found.adversarial.max() <= 1
    with torch.no_grad():
        assert torch.equal(found.predictions, classifier(found.adversarial).argmax(1))


def test_the_normalisation_stays_exact_when_a_classifier_is_made_half() -> None:
    classifier = classifier_of(network())
    before = classifier.mean.clone(), classifier.std.clone()
    classifier.half()
    assert torch.equal(classifier.mean, before[0])
    assert torch.equal(classifier.std, before[1])
    assert next(classifier.network.parameters()).dtype == torch.float16
    torch.testing.assert_close(classifier(IMAGES), classifier_of(network())(IMAGES), **close(torch.float16))
    classifier.double()
    assert classifier(IMAGES).dtype == torch.float64


def test_a_network_made_half_after_its_first_pass_is_read_anew() -> None:
    classifier = classifier_of(network())
    expected = classifier(IMAGES)
    classifier.network.half()
    torch.testing.assert_close(classifier(IMAGES), expected, **close(torch.float16))
    assert "float16" in classifier.adaptation


class Mixed(nn.Module):
    """A half body under a float32 head."""

    def __init__(self, *, casts: bool) -> None:
        super().__init__()
        self.body, self.head, self.casts = network()[:-1].half(), network()[-1], casts

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        return self.head(x.float() if self.casts else x)


def test_mixed_precision_is_right_or_refused() -> None:
    torch.testing.assert_close(
        classifier_of(Mixed(casts=True).eval())(IMAGES), classifier_of(network())(IMAGES), **close(torch.float16)
    )
    with pytest.raises(InputError, match="forward fails"):
        classifier_of(Mixed(casts=False).eval())(IMAGES)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_saves_and_loads_in_its_precision(precision: torch.dtype, tmp_path: Any) -> None:
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom torch import nn\n"
        f"def net(classes): return nn.Sequential(nn.Flatten(), nn.Linear(768, classes)).to({precision})\n"
    )
    name = f"{tmp_path}/mine.py:net"
    classifier = load_classifier(name, classes=CLASSES, size=16, seed=1)
    save_classifier(classifier, tmp_path / "saved")
    weights = tmp_path / "saved" / "model.safetensors"
    again = load_classifier(name, classes=CLASSES, size=16, seed=2, weights=weights)
    assert next(again.network.parameters()).dtype == precision
    assert torch.equal(again(IMAGES), classifier(IMAGES))
    assert copy.deepcopy(again)(IMAGES).equal(again(IMAGES))
