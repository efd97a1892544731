"""What held layers answer is computed once: the same training, or none of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.data.augment import Augment
from ironglass.data.dataset import Dataset, Split
from ironglass.models.classifier import Classifier
from ironglass.models.loading.load import load_classifier
from ironglass.train.fit import fit
from ironglass.train.freeze import learning_parameters
from ironglass.train.loop import prefix
from ironglass.train.loop.prefix import frozen_prefix
from ironglass.train.objective import CrossEntropy
from ironglass.train.recipe import Recipe, Stage

SIDE = 32


def split(n: int = 24, seed: int = 0) -> Split:
    random = np.random.default_rng(seed)
    return Split(
        random.integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8),
        np.arange(n, dtype=np.int64) % 2,
        tuple(f"{seed}-{i}" for i in range(n)),
    )


def mobile() -> Classifier:
    return load_classifier("timm/mobilenetv2_035", classes=("a", "b"), size=SIDE)


def test_the_tail_goes_on_where_the_held_layers_end() -> None:
    classifier, images = mobile(), split()
    held, _ = learning_parameters(classifier, "blocks.3.2.conv_pw")
    found = frozen_prefix(classifier, held, images)
    assert found is not None
    some = np.array([3, 20, 7])
    with torch.no_grad():
        logits = classifier(images[some][0])
        assert torch.allclose(found.tail(found.batch(some, torch.device("cpu"))), logits, atol=1e-5)
    assert {id(one) for one in found.tail.parameters()} < {id(one) for one in classifier.network.parameters()}
    classifier.train()
    classifier.network.blocks[6].eval()
    tail = found.train()
    assert tail.training
    assert not tail.get_submodule("blocks.6.0.bn1").training
    assert tail.get_submodule("blocks.5.0.bn1").training


class Shortcut(nn.Module):
    """Adds the image's mean to what its layers make of it: the rest needs more than the held layer's answer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 2, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(images) + images.mean()).mean((2, 3))


class Dropping(nn.Module):
    """Draws between the held layers, and only in training."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = nn.functional.dropout(self.first(images), 0.5, self.training)
        return self.third(self.second(hidden)).mean((2, 3))


@pytest.mark.parametrize(("network", "start"), [(Shortcut(), "second"), (Dropping(), "third")])
def test_no_answer_stands_for_what_the_network_needs_besides(network: nn.Module, start: str) -> None:
    classifier = Classifier(network, mean=(0.5,) * 3, std=(0.5,) * 3, classes=("a", "b"), input_size=SIDE)
    assert frozen_prefix(classifier, learning_parameters(classifier, start)[0], split()) is None


def test_none_inside_a_residual_block_and_none_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, images = mobile(), split()
    inside, _ = learning_parameters(classifier, "blocks.1.1.conv_dw")
    assert frozen_prefix(classifier, inside, images) is None
    held, _ = learning_parameters(classifier, "blocks.3.0")
    assert frozen_prefix(classifier, held, images) is not None
    monkeypatch.setattr(prefix, "MOST_BYTES", 1000)
    assert frozen_prefix(classifier, held, images) is None


STAGES = (Stage(epochs=2, peak_lr=0.01, batch_size=8, trainable_from="conv3"), Stage(epochs=1, peak_lr=0.01))


def noise() -> Dataset:
    return Dataset("noise", {"train": split(), "validation": split(8, 1)}, ("a", "b"), "0")


def trained(folder: Path, name: str = "simple-cnn", stages: tuple[Stage, ...] = STAGES) -> dict[str, torch.Tensor]:
    classifier = load_classifier(name, classes=("a", "b"), size=SIDE)
    fit(classifier, noise(), Recipe(stages=stages), folder)
    return classifier.network.state_dict()


def test_training_is_the_same_with_and_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = trained(tmp_path / "with")
    monkeypatch.setattr("ironglass.train.loop.loop.frozen_prefix", lambda *_: None)
    plain = trained(tmp_path / "without")
    for name, tensor in kept.items():
        assert torch.allclose(tensor, plain[name], rtol=1e-3, atol=1e-4), name


@pytest.mark.parametrize("start", ["blocks.3.0", "head"])
def test_what_is_held_is_bit_for_bit_as_before(start: str, tmp_path: Path) -> None:
    before, after = (
        mobile().network.state_dict(),
        trained(tmp_path, "timm/mobilenetv2_035", (Stage(epochs=2, peak_lr=0.01, batch_size=8, trainable_from=start),)),
    )
    changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    parts = ["conv_stem", "bn1", *(f"blocks.{stage}" for stage in range(3 if start == "blocks.3.0" else 7))]
    parts += [] if start == "blocks.3.0" else ["conv_head", "bn2"]
    held = {name for name in before for part in parts if name.startswith(f"{part}.")}
    assert changed == {*before} - held


def test_images_that_change_take_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("ironglass.train.loop.loop.frozen_prefix", lambda *_: asked.append(1))
    for part, change in (("flip", {"augment": Augment(flip=True)}), ("noise", {})):
        stages = STAGES[:1] if change else (replace(STAGES[0], objective=lambda *given: CrossEntropy()(*given)),)
        classifier = load_classifier("simple-cnn", classes=("a", "b"), size=SIDE)
        fit(classifier, noise(), Recipe(stages=stages, **change), tmp_path / part)
    assert not asked
    trained(tmp_path / "plain")
    assert asked == [1]  # its second stage holds nothing
